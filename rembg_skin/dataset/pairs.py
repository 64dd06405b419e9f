"""Folders of images and masks: which file belongs to which, and how a file becomes pixels."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Image as PILImage

from rembg_skin.errors import DataError, ImageError
from rembg_skin.image.arrays import Mask
from rembg_skin.image.rgb import to_rgb

_NAMES_SHOWN = 8
_ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 lie on their side


@dataclass(frozen=True)
class Pair:
    """An image and its mask; `stem` is unique among the pairs of a folder."""

    stem: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class Problem:
    """A file that a tool had to leave out, and why."""

    file: Path
    reason: str


@dataclass(frozen=True)
class Folders:
    """What two folders hold: the pairs, and the files without a partner, all sorted by name."""

    pairs: list[Pair]
    unpaired: list[Path]


def find_pairs(images: Path, masks: Path) -> Folders:
    """Pair the image files of two folders by their names without suffix.

    Files whose suffix Pillow does not know are left alone.

    Raises
    ------
    DataError
        If a folder is missing, two files of one folder have the same name without suffix, or there is no pair.

    """
    by_stem, masks_by_stem = _by_stem(images), _by_stem(masks)
    if not (common := by_stem.keys() & masks_by_stem.keys()):
        raise DataError(
            f"No image in {images} ({len(by_stem)} images) has a mask of the same name in {masks}"
            f" ({len(masks_by_stem)} images); a.jpg goes with a.png."
        )
    pairs = [Pair(stem, by_stem[stem], masks_by_stem[stem]) for stem in sorted(common)]
    alone = [folder[stem] for folder in (by_stem, masks_by_stem) for stem in sorted(folder.keys() - common)]
    return Folders(pairs, alone)


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder.")
    Image.init()
    known = Image.registered_extensions()
    # Names that differ in case alone are one file on some systems.
    found = defaultdict(list)
    for path in folder.iterdir():
        if path.suffix.lower() in known and not path.name.startswith(".") and path.is_file():
            found[path.stem.casefold()].append(path)
    if clashes := sorted(path.name for paths in found.values() if len(paths) > 1 for path in paths):
        raise DataError(
            f"{folder} has files that differ only in suffix or case, so that names would collide:"
            f" {listed(clashes)}; rename or move one of each."
        )
    return {path.stem: path for (path,) in found.values()}


def listed(names: Iterable[object]) -> str:
    """Return names as one readable list, cut short where there are many."""
    shown = [str(name) for name in names]
    if len(shown) <= _NAMES_SHOWN:
        return ", ".join(shown)
    return ", ".join(shown[:_NAMES_SHOWN]) + f" and {len(shown) - _NAMES_SHOWN} more"


def check_sizes(pairs: Iterable[Pair]) -> None:
    """Refuse masks of another size than their image, from the files' headers alone; unreadable ones pass.

    Raises
    ------
    DataError
        Naming the masks.

    """
    wrong = []
    for pair in pairs:
        try:
            size, mask_size = shown_size(pair.image), shown_size(pair.mask)
        except ImageError:
            continue
        if size != mask_size:
            wrong.append(f"{pair.mask.name} ({mask_size[0]}x{mask_size[1]}, image {size[0]}x{size[1]})")
    if wrong:
        raise DataError(
            f"{len(wrong)} masks are not of their image's size: {listed(wrong)}; --resize brings them to it."
        )


def shown_size(path: Path) -> tuple[int, int]:
    """Return width and height as displayed, from the file's header; raises what :func:`open_image` raises."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            sideways = image.getexif().get(_ORIENTATION, 1) in range(5, 9)
    except Exception as error:
        raise _unreadable(path, error) from error
    return (height, width) if sideways else (width, height)


def open_image(path: Path) -> PILImage:
    """Return the decoded image, of any mode, turned as its EXIF orientation says, as rembg does.

    Raises
    ------
    ImageError
        If the file is missing, damaged or of a format that Pillow does not know.

    """
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image)
    # Pillow's many decoders raise whatever comes up in a damaged file, from OSError to struct.error.
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ImageError:
    return ImageError(f"{path} cannot be read: {error or type(error).__name__}")


def open_rgb(path: Path) -> PILImage:
    """Return the image as RGB; raises what :func:`open_image` raises."""
    return to_rgb(open_image(path))[0]


def open_mask(path: Path, size: tuple[int, int], *, resize: bool = False) -> Mask:
    """Return the mask as levels, uint8, height x width of `size` (width, height).

    Raises
    ------
    ImageError
        If it cannot be read, or is of another size and `resize` is not set; a resized mask takes the nearest level.

    """
    mask = open_rgb(path).convert("L")
    if mask.size != size:
        if not resize:
            raise ImageError(f"{path} is {mask.width}x{mask.height}, its image {size[0]}x{size[1]}")
        mask = mask.resize(size, Image.Resampling.NEAREST)
    return np.asarray(mask)
