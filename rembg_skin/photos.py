"""Recognize photos and masks on disk, and read their pixels."""

import io
import os
import threading
import warnings
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.Image import Image as PILImage

from rembg_skin.errors import ImageError, printable
from rembg_skin.image.arrays import Mask
from rembg_skin.image.headers import complete_info
from rembg_skin.image.mask_encodings import mask_levels
from rembg_skin.image.rgb import to_rgb

# Photos are recognized by their names, so that a million files are listed without opening one.
PHOTO_SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    *(".png", ".apng", ".webp", ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif"),
    *(".tif", ".tiff", ".bmp", ".dib", ".gif", ".psd", ".tga", ".icb", ".vda", ".vst", ".pcx", ".sgi", ".qoi"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".pfm"),
}
_RAW_SUFFIXES = {
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos"),
    *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
}
# Folders that systems make: thumbnails, leftovers of archives, stores of file systems and network disks.
_LITTER = {"__macosx", "lost+found", "@eadir", "#recycle", "$recycle.bin", "system volume information"}
_MADE = (".cut", ".mask", ".overlay")  # before the suffix of what ``cut`` writes beside a photo

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_registering = threading.Lock()
_GIGAPIXEL, _DEEP = 10**9, 16  # pixels; bits
_RAW = "it is a RAW file, or begins with a thumbnail; develop it to TIFF, PNG or JPEG"
_THUMBNAIL, _BITS, _PHOTOMETRY, _PLANES, _SEPARATE, _DNG = 254, 258, 262, 284, 2, 50706  # tags of TIFF


@dataclass(frozen=True)
class Problem:
    """A file that a tool had to leave out, and why."""

    file: Path
    reason: str


def is_photo(name: str) -> bool:
    """Return True for the name of a photo or a mask."""
    return os.path.splitext(name)[1].lower() in PHOTO_SUFFIXES  # noqa: PTH122 - a million names


def is_litter(name: str) -> bool:
    """Return True for a name that is not a user's photo: hidden, a system's own, or written by ``cut``."""
    return name.startswith(".") or name.lower() in _LITTER or name.rpartition(".")[0].endswith(_MADE)


def open_photo(source: Path | io.BytesIO) -> PILImage:
    """Open an image of any format that Pillow knows, HEIC among them if pillow-heif is installed; decoded when used.

    Its `info` is completed by :func:`rembg_skin.image.headers.complete_info`. Raises ImageError if HEIC has no
    pillow-heif or Pillow would misread the file; otherwise whatever Pillow's decoders raise.
    """
    if isinstance(source, Path) and source.suffix.lower() in _RAW_SUFFIXES:
        raise ImageError(_RAW)
    try:
        image = Image.open(source)
    except UnidentifiedImageError:
        with nullcontext(source) if isinstance(source, io.BytesIO) else source.open("rb") as file:
            file.seek(4)
            if file.read(4) != b"ftyp" or file.read(4) not in _HEIF_BRANDS:  # renamed pictures of phones are HEIC too
                raise
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise ImageError('HEIC needs pillow-heif, which is not installed: pip install "rembg-skin[heif]"') from None
        with _registering:
            register_heif_opener()
        image = Image.open(source)
    try:
        if image.format == "TIFF":
            _prepare_tiff(image)
        else:
            complete_info(image)
    except BaseException:
        image.close()
        raise
    if (size := image.width * image.height / _GIGAPIXEL) > 1:
        warnings.warn(f"{printable(source)} has {size:.1f} gigapixels, which take much memory", stacklevel=2)
    return image


def _prepare_tiff(image: Any) -> None:
    """Refuse a TIFF file that Pillow would misread; let it read 16 bits in separate planes."""
    tags, bits = image.tag_v2, max(image.tag_v2.get(_BITS, (1,)))
    image.fp.seek(8)
    if image.fp.read(2) == b"CR" or tags.get(_THUMBNAIL, 0) & 1 or _DNG in tags:
        raise ImageError(_RAW)
    image.filename = ""  # Pillow would map the file, with height and width changed over if it has to be turned
    if image.mode.startswith("I;16") and (bits != _DEEP or tags.get(_PHOTOMETRY) == 0):
        raise ImageError(f"its {bits} bits of gray would be misread; save it with 16 bits, black as 0")
    if bits == _DEEP and tags.get(_PLANES) == _SEPARATE and image.tile[0].codec_name == "raw":
        if image.mode not in ("RGB", "RGBA"):
            raise ImageError("its 16 bits in separate planes would be misread; save it with interleaved channels")
        order = ";16L" if tags.prefix == b"II" else ";16B"  # Pillow takes these planes for planes of 8 bits
        image.tile = [tile._replace(args=(tile.args[0] + order, *tile.args[1:])) for tile in image.tile]


def upright(image: PILImage) -> PILImage:
    """Return `image`, decoded and turned in place by its EXIF orientation; damaged EXIF data are dropped.

    Raises OSError and whatever else Pillow's decoders raise for a damaged file.
    """
    image.load()
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # noqa: BLE001 - a damaged block fails in many ways when it is read or written
        for key in ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp"):  # nothing may turn it once more
            image.info.pop(key, None)
    return image


def shown_size(path: Path) -> tuple[int, int]:
    """Return width and height as displayed, from the file's header; raises what :func:`open_image` raises."""
    orientation = 1
    try:
        with open_photo(path) as image:
            width, height = image.size
            if image.format != "TIFF":  # Pillow turns these itself, and swaps the sides when it opens them
                with suppress(Exception):  # damaged EXIF data
                    orientation = image.getexif().get(0x0112, 1)
    except Exception as error:
        raise unreadable(path, error) from error
    return (height, width) if orientation in range(5, 9) else (width, height)


def open_image(path: Path) -> PILImage:
    """Return the decoded image, of any mode, turned by its EXIF orientation; raise ImageError if it cannot be read."""
    try:
        with open_photo(path) as image:
            return upright(image)
    except Exception as error:  # Pillow's decoders raise whatever comes up in a damaged file
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> ImageError:
    """Return the error for an image file that raised `error`."""
    reason = error.strerror if isinstance(error, OSError) else None  # the text of such errors repeats the path
    if isinstance(error, UnidentifiedImageError):
        reason = "its format is unknown, or not supported"
    return ImageError(f"{printable(path)} cannot be read: {reason or printable(error) or type(error).__name__}")


def open_rgb(path: Path) -> PILImage:
    """Return the image as RGB; raises what :func:`open_image` raises."""
    return to_rgb(open_image(path))[0]


def open_mask(path: Path, size: tuple[int, int], *, resize: bool = False) -> Mask:
    """Return the mask as levels, uint8, height x width of `size` (width, height), whatever the file's encoding.

    A resized mask takes the nearest level. Raises ImageError if it cannot be read, is ambiguous (see
    :mod:`rembg_skin.image.mask_encodings`), or is of another size and `resize` is not set.
    """
    picture = open_image(path)
    if picture.size != size and not resize:
        raise ImageError(f"{printable(path)} is {picture.width}x{picture.height}, its image {size[0]}x{size[1]}")
    try:
        levels = mask_levels(picture)
    except ImageError as error:
        raise ImageError(f"{printable(path)} is no mask that can be read without a doubt: {error}") from error
    if picture.size != size:
        levels = np.asarray(Image.fromarray(levels).resize(size, Image.Resampling.NEAREST))
    return levels
