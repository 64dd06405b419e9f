"""Files: written whole or not at all; which of them are photographs, and how these are opened.

Light to import, because a session's start reads it, too: Pillow comes with the first photograph.
"""

import errno
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from rembg_skin.errors import DataError, ImageError, printable

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

PART = ".part"  # the end of an unfinished file's name

# Names alone decide what counts as a photograph, so that a million files are listed without opening one.
PHOTO_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        *(".png", ".apng", ".webp", ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif"),
        *(".tif", ".tiff", ".bmp", ".dib", ".gif", ".psd", ".tga", ".icb", ".vda", ".vst", ".pcx", ".sgi", ".qoi"),
        *(".pbm", ".pgm", ".ppm", ".pnm", ".pfm"),
    )
)
# Folders of a system's own: thumbnails, archives' left-overs, file systems' and network disks' stores.
_LITTER = frozenset(("__macosx", "lost+found", "@eadir", "#recycle", "$recycle.bin", "system volume information"))

_OF_ONE_PATH = frozenset(
    (
        *(errno.EACCES, errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
        *(errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.EPERM),
    )
)

_BOX, _BRANDS = slice(4, 8), frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"))
_registering = threading.Lock()


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a draft beside `path`, then move it there; a failure leaves nothing behind.

    The draft's name cannot be guessed and is new, so that nothing is ever written through a link that others planted;
    a link at `path` itself is replaced, not followed.

    Raises
    ------
    DataError
        If the system does not allow it, such as in a full or foreign folder; its cause is the system's error.

    """
    with _draft(path) as draft:
        write(draft)
        draft.replace(path)


def write_new(path: Path, text: str) -> bool:
    """Write a file whole, unless there is one: of several processes that try, one does, and is told so.

    Raises
    ------
    DataError
        As :func:`write_whole`.

    """
    with _draft(path) as draft:
        draft.write_text(text, "utf-8")
        try:
            os.link(draft, path, follow_symlinks=False)
        except FileExistsError:
            return False
        except (OSError, NotImplementedError):  # a disk without links: the last one of several at once wins
            if path.exists():
                return False
            draft.replace(path)
        return True


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a new, empty file beside `path`, which is removed with the block if it is still there."""
    draft = path.with_name(f".{token_hex(8)}{PART}")  # short: `path` may have the longest name possible
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be written: {error.strerror or error}") from error


def is_of_one_path(error: DataError) -> bool:
    """Whether a file could not be written because of its own path: otherwise, as on a full disk, none could."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _OF_ONE_PATH


def is_photo(name: str) -> bool:
    """Whether a file of this name is taken for a photograph or a mask."""
    return os.path.splitext(name)[1].lower() in PHOTO_SUFFIXES  # noqa: PTH122 - a million names


def is_litter(name: str) -> bool:
    """Whether a system put a file or folder of this name here for itself: hidden ones, and some known names."""
    return name.startswith(".") or name.lower() in _LITTER


def open_photo(source: Path | io.BytesIO) -> "PILImage":
    """Open an image of any format that Pillow knows, HEIC among them if pillow-heif is installed; decoded when used.

    Raises
    ------
    ImageError
        If it is HEIC, and pillow-heif is not installed.
    OSError, ValueError
        And whatever else Pillow's decoders raise.

    """
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(source)
    except UnidentifiedImageError:
        if not _is_heif(source):
            raise
        _register_heif()
        image = Image.open(source)
    if image.format == "TIFF":
        image.filename = ""  # Pillow would map the file, with height and width changed over if it has to be turned
    return image


def _is_heif(source: Path | io.BytesIO) -> bool:
    """Whether it begins as HEIC does, whatever its name: phones' pictures are often renamed."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(12)
    else:
        source.seek(0)
        head = source.read(12)
        source.seek(0)
    return head[_BOX] == b"ftyp" and head[8:] in _BRANDS


def _register_heif() -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise ImageError('HEIC needs pillow-heif, which is not installed: pip install "rembg-skin[heif]"') from None
    with _registering:
        register_heif_opener()


def upright(image: "PILImage") -> "PILImage":
    """Return `image`, decoded and turned as its EXIF data says, in place; damaged EXIF data are dropped.

    Raises
    ------
    OSError
        And whatever else Pillow's decoders raise for a damaged file.

    """
    from PIL import ImageOps

    image.load()
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # noqa: BLE001 - a damaged block is read, and written anew, in many ways that fail
        for key in ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp"):  # nothing may turn it once more
            image.info.pop(key, None)
    return image


def shown_size(image: "PILImage") -> tuple[int, int]:
    """Return the width and height that :func:`upright` gives it, from the header of an image that was opened."""
    orientation = 1
    if image.format != "TIFF":  # Pillow turns these itself, and swaps the sides when it opens them
        with suppress(Exception):  # damaged EXIF data
            orientation = image.getexif().get(0x0112, 1)
    width, height = image.size
    return (height, width) if orientation in range(5, 9) else (width, height)
