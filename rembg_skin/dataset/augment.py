"""``rembg-skin augment``: 26 variants of every pair, for training; see :mod:`rembg_skin.dataset.variants`."""

import json
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from rembg_skin.batch.workers import DIED, work_on
from rembg_skin.dataset.pairs import Pair, Problem, open_mask, open_rgb, shown_size
from rembg_skin.dataset.variants import VARIANTS, Occlusion, Recolouring, occlude
from rembg_skin.errors import DataError, ImageError, printable
from rembg_skin.files import PART, write_whole

_SETTINGS = "augment.json"
_COMPRESSION = 3  # of the PNG files: a third of the default level's time for a tenth more bytes


@dataclass(frozen=True)
class Made:
    """What became of one pair: the variants written now, and those that were there already."""

    pair: Pair
    written: int
    present: int


@dataclass(frozen=True)
class Target:
    """Where variants go: ``images/`` and ``masks/`` under `folder`."""

    folder: Path
    seed: int
    resize: bool

    def image(self, pair: Pair, variant: str) -> Path:
        """Return the path of a variant's image."""
        return self.folder / "images" / f"{pair.stem}__{variant}.png"

    def mask(self, pair: Pair, variant: str, suffix: str) -> Path:
        """Return the path of a variant's mask."""
        return self.folder / "masks" / f"{pair.stem}__{variant}{suffix}"


def prepare(target: Target, images: Path, masks: Path) -> None:
    """Make the target folder, or check that an earlier run with the same settings may go on there.

    Raises
    ------
    DataError
        If the variants would come to lie among the originals, or the folder has been made with other settings.

    """
    outputs = {(target.folder / name).resolve() for name in ("images", "masks")}
    if outputs & {images.resolve(), masks.resolve()}:
        raise DataError(f"{target.folder} holds the originals; name another folder for the variants.")
    settings = {"seed": target.seed, "resize": target.resize, "variants": [variant.name for variant in VARIANTS]}
    text = json.dumps(settings, indent=1)
    record = target.folder / _SETTINGS
    if record.exists():
        if record.read_text("utf-8") != text:
            raise DataError(f"{target.folder} was made with other settings ({record}); name another folder.")
        for left in target.folder.glob(f"*/.*{PART}"):  # of a run that was killed
            left.unlink()
    elif target.folder.is_dir() and any(target.folder.iterdir()):
        raise DataError(f"{target.folder} is not empty and was not made by augment; name another folder.")
    else:
        write_whole(record, lambda part: part.write_text(text, "utf-8"))


def augment(pair: Pair, target: Target) -> Made | Problem:
    """Write the variants of `pair` that are not there yet: the mask first, so that an image is the mark of a whole one.

    A recoloured variant's mask is a copy of the original file, byte for byte, unless it had to be resized.
    """
    missing = [variant for variant in VARIANTS if not target.image(pair, variant.name).exists()]
    if not missing:
        return Made(pair, 0, len(VARIANTS))
    try:
        picture = open_rgb(pair.image)
        mask = open_mask(pair.mask, picture.size, resize=target.resize)
        resized = shown_size(pair.mask) != picture.size
    except ImageError as error:
        return Problem(pair.image, str(error))
    pixels = np.asarray(picture)
    for variant in missing:
        if isinstance(variant, Recolouring):
            image, hidden = variant.change(pixels), mask
        else:
            image, hidden = occlude(pixels, mask, variant.spacing, _random(target.seed, pair, variant), low=variant.low)
        if isinstance(variant, Recolouring) and not resized:
            path = target.mask(pair, variant.name, pair.mask.suffix)
            write_whole(path, lambda part: shutil.copyfile(pair.mask, part))
        else:
            _write_png(target.mask(pair, variant.name, ".png"), hidden)
        _write_png(target.image(pair, variant.name), image)
    return Made(pair, len(missing), len(VARIANTS) - len(missing))


def _random(seed: int, pair: Pair, variant: Occlusion) -> np.random.Generator:
    # Of the names alone: neither the order of the pairs nor the number of processes can change a byte.
    return np.random.default_rng([seed, zlib.crc32(f"{pair.stem}__{variant.name}".encode())])


def _write_png(path: Path, pixels: np.ndarray) -> None:
    write_whole(path, lambda part: Image.fromarray(pixels).save(part, "PNG", compress_level=_COMPRESSION))


def augment_all(pairs: Iterable[Pair], target: Target, processes: int) -> Iterator[Made | Problem]:
    """Write the variants of all `pairs`; yields what became of each, in no order.

    If the caller stops early, pairs at work are finished and the others are left for the next run.

    Raises
    ------
    DataError
        If a file cannot be written.

    """
    if processes == 1:
        for pair in pairs:
            yield augment(pair, target)
        return
    for pair, outcome in work_on(pairs, partial(augment, target=target), processes):
        yield Problem(pair.image, f"{printable(pair.image)}: {DIED}") if outcome is None else outcome
