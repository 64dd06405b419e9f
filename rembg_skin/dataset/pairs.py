"""Pair the photos of one folder with the masks of another."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rembg_skin.errors import DataError, ImageError, listed, printable
from rembg_skin.photos import is_litter, is_photo, shown_size


@dataclass(frozen=True)
class Pair:
    """An image and its mask; `stem`, the path below the folder without suffix, is unique among the pairs."""

    stem: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class Folders:
    """The pairs of two folders, and the files that are left out, all sorted by name."""

    pairs: list[Pair]
    unpaired: list[Path]
    odd: list[Path]  # made by a system for itself, such as a Mac's ``._photo.jpg``, or by ``cut``


def find_pairs(images: Path, masks: Path) -> Folders:
    """Pair the image files below two folders by their paths without suffix, however accents are composed.

    Files whose suffix is not an image's are ignored. Raises DataError if a folder is missing or unreadable, two files
    of one folder have the same name without suffix, or there is no pair.
    """
    odd: list[Path] = []
    by_stem, masks_by_stem = _by_stem(images, masks, odd), _by_stem(masks, images, odd)
    if not (common := by_stem.keys() & masks_by_stem.keys()):
        raise DataError(
            f"No image in {printable(images)} ({len(by_stem)} images) has a mask of the same name in {printable(masks)}"
            f" ({len(masks_by_stem)} images); a.jpg goes with a.png."
        )
    pairs = [Pair(_stem(by_stem[stem], images), by_stem[stem], masks_by_stem[stem]) for stem in sorted(common)]
    unpaired = [folder[stem] for folder in (by_stem, masks_by_stem) for stem in sorted(folder.keys() - common)]
    return Folders(pairs, unpaired, sorted(odd))


def _by_stem(folder: Path, other: Path, odd: list[Path]) -> dict[str, Path]:
    """Return the images below `folder`, but not below `other`, by path without suffix; add those left out to `odd`."""
    found: dict[str, list[tuple[str, Path]]] = {}  # by a key that is one name on every system
    for path in _files(folder, other):
        if is_litter(path.name):
            odd.append(path)
        else:
            stem = unicodedata.normalize("NFC", _stem(path, folder))  # composed accents: Macs take them apart
            found.setdefault(stem.casefold(), []).append((stem, path))
    if clashes := sorted(path.name for files in found.values() if len(files) > 1 for _, path in files):
        raise DataError(
            f"{printable(folder)} has files that differ only in suffix, case or the composition of accents, so that"
            f" names would collide: {listed(clashes)}; rename or move one of each."
        )
    return dict(file for (file,) in found.values())


def _files(folder: Path, other: Path) -> Iterator[Path]:
    """Yield the images below `folder`; links to folders are not followed."""

    def refuse(error: OSError) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise DataError(f"{printable(folder)} is not a folder.") from None
        raise DataError(f"{printable(error.filename)} cannot be read: {error.strerror}.") from error

    apart = os.path.realpath(other)
    for path, folders, names in os.walk(folder, onerror=refuse):
        here = Path(path)
        folders[:] = [name for name in folders if not is_litter(name) and os.path.realpath(here / name) != apart]
        for name in filter(is_photo, names):
            if os.path.isfile(here / name):  # noqa: PTH113 - Path's raises for a loop of links
                yield here / name


def _stem(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def check_sizes(pairs: Iterable[Pair]) -> None:
    """Raise DataError with the masks of another size than their image; reads only headers, unreadable files pass."""
    wrong = []
    for pair in pairs:
        with suppress(ImageError):
            size, mask_size = shown_size(pair.image), shown_size(pair.mask)
            if size != mask_size:
                wrong.append(f"{printable(pair.mask.name)} ({mask_size[0]}x{mask_size[1]}, image {size[0]}x{size[1]})")
    if wrong:
        raise DataError(
            f"{len(wrong)} masks are not of their image's size: {listed(wrong)}; --resize brings them to it."
        )
