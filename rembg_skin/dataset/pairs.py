"""Pair the photos of one folder with the masks of another."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

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
    """The pairs of two folders, the files without a partner, and the odd ones that are left out, all sorted by name.

    Odd are files that a system made for itself, such as a Mac's ``._photo.jpg``.
    """

    pairs: list[Pair]
    unpaired: list[Path]
    odd: list[Path] = field(default_factory=list)


def find_pairs(images: Path, masks: Path) -> Folders:
    """Pair the image files below two folders by their paths without suffix, however accents are composed.

    Files whose suffix is not an image's are ignored.

    Raises
    ------
    DataError
        If a folder is missing or unreadable, two files of one folder have the same name without suffix, or there is no
        pair.

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
    found = defaultdict(list)  # by a key that is one name on every system
    for path in _files(folder, other):
        if is_photo(path.name):
            if is_litter(path.name):
                odd.append(path)
            else:
                found[_composed(_stem(path, folder)).casefold()].append(path)
    if clashes := sorted(path.name for paths in found.values() if len(paths) > 1 for path in paths):
        raise DataError(
            f"{printable(folder)} has files that differ only in suffix, case or the composition of accents, so that"
            f" names would collide: {listed(clashes)}; rename or move one of each."
        )
    return {_composed(_stem(path, folder)): path for (path,) in found.values()}


def _files(folder: Path, other: Path) -> Iterator[Path]:
    """Yield the files below `folder`; links to folders are not followed."""

    def refuse(error: OSError) -> NoReturn:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise DataError(f"{printable(folder)} is not a folder.") from None
        raise DataError(f"{printable(error.filename)} cannot be read: {error.strerror}.") from error

    apart = os.path.realpath(other)
    for path, folders, names in os.walk(folder, onerror=refuse):
        here = Path(path)
        folders[:] = [name for name in folders if not is_litter(name) and os.path.realpath(here / name) != apart]
        yield from (here / name for name in names if os.path.isfile(here / name))  # noqa: PTH113 - Path's raises for a loop of links


def _stem(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _composed(name: str) -> str:
    """Return `name` with composed accents: Macs take them apart."""
    return unicodedata.normalize("NFC", name)


def check_sizes(pairs: Iterable[Pair]) -> None:
    """Refuse masks of another size than their image; reads only headers, and unreadable files pass.

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
            wrong.append(f"{printable(pair.mask.name)} ({mask_size[0]}x{mask_size[1]}, image {size[0]}x{size[1]})")
    if wrong:
        raise DataError(
            f"{len(wrong)} masks are not of their image's size: {listed(wrong)}; --resize brings them to it."
        )
