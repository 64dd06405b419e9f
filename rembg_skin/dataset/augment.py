"""``rembg-skin augment``: 26 variants of every pair, for training; see :mod:`rembg_skin.dataset.variants`."""

import io
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from rembg_skin.dataset.pairs import Pair
from rembg_skin.dataset.variants import VARIANTS, Occlusion, Recolouring, occlude
from rembg_skin.errors import DataError, ImageError, printable
from rembg_skin.files import PART, is_of_one_path, write_whole
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.photos import Problem, open_image, open_mask, open_rgb, shown_size
from rembg_skin.workers import DIED, work_on

_SETTINGS = "augment.json"
_COMPRESSION = 3  # of the PNG files: a third of the default level's time for a tenth more bytes
_QUALITY = 95  # of the JPEG files, with colours at full size
_JPEG = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".jif"))
_SAMPLES = 3  # pairs whose variants are made once more to learn how large they become

Format = Literal["png", "jpeg"]


@dataclass(frozen=True)
class Made:
    """What became of one pair: the variants written now, and those that were there already."""

    pair: Pair
    written: int
    present: int


@dataclass(frozen=True)
class Target:
    """Where variants go, ``images/`` and ``masks/`` under `folder`, and how; with `jpeg`, JPEG originals stay JPEG."""

    folder: Path
    seed: int
    resize: bool
    format: Format = "png"

    def image(self, pair: Pair, variant: str) -> Path:
        """Return the path of a variant's image."""
        suffix = ".jpg" if self.is_jpeg(pair) else ".png"
        return self.folder / "images" / f"{pair.stem}__{variant}{suffix}"

    def is_jpeg(self, pair: Pair) -> bool:
        """Whether the images of a pair's variants are JPEG files."""
        return self.format == "jpeg" and pair.image.suffix.lower() in _JPEG

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
        raise DataError(f"{printable(target.folder)} holds the originals; name another folder for the variants.")
    settings = {"seed": target.seed, "resize": target.resize, "variants": [variant.name for variant in VARIANTS]}
    if target.format != "png":  # the default, of which older records say nothing
        settings["format"] = target.format
    text = json.dumps(settings, indent=1)
    record = target.folder / _SETTINGS
    if record.exists():
        if _content(record) != text.encode():
            raise DataError(
                f"{printable(target.folder)} was made with other settings ({record.name}); name another folder."
            )
        for left in target.folder.glob(f"*/.*{PART}"):  # of a run that was killed
            left.unlink()
    elif target.folder.is_dir() and any(target.folder.iterdir()):
        raise DataError(f"{printable(target.folder)} is not empty and was not made by augment; name another folder.")
    else:
        write_whole(record, lambda part: part.write_text(text, "utf-8"))


def _content(record: Path) -> bytes:
    try:
        return record.read_bytes()
    except OSError as error:
        raise DataError(f"{printable(record)} cannot be read: {error.strerror}") from error


def augment(pair: Pair, target: Target) -> Made | Problem:
    """Write the missing variants of `pair`.

    The mask is written before the image, so that an existing image means that the pair is complete. A recoloured
    variant's mask is a copy of the original file, byte for byte, unless it had to be resized or every reader would not
    see the same levels in it.
    """
    missing = [variant for variant in VARIANTS if not target.image(pair, variant.name).exists()]
    if not missing:
        return Made(pair, 0, len(VARIANTS))
    try:
        picture = open_rgb(pair.image)
        mask = open_mask(pair.mask, picture.size, resize=target.resize)
        plain = _is_plain(pair.mask, mask)
    except ImageError as error:
        return Problem(pair.image, str(error))
    pixels = np.asarray(picture)
    try:
        for variant in missing:
            image, hidden = _changed(pixels, mask, variant, pair, target)
            if isinstance(variant, Recolouring) and plain:
                path = target.mask(pair, variant.name, pair.mask.suffix)
                write_whole(path, lambda draft: shutil.copyfile(pair.mask, draft))
            else:
                _write_png(target.mask(pair, variant.name, ".png"), hidden)
            if target.is_jpeg(pair):
                _write_jpeg(target.image(pair, variant.name), image)
            else:
                _write_png(target.image(pair, variant.name), image)
    except DataError as error:
        if is_of_one_path(error):
            return Problem(pair.image, str(error))
        raise
    return Made(pair, len(missing), len(VARIANTS) - len(missing))


def _is_plain(path: Path, levels: Mask) -> bool:
    """Whether the file of a mask shows its levels to any reader that converts it to grey."""
    picture = open_image(path)
    if picture.size != levels.shape[::-1] or picture.mode not in ("1", "L", "P", "RGB"):
        return False
    return bool((np.asarray(picture.convert("L")) == levels).all())


def _changed(
    pixels: Bytes, mask: Mask, variant: Recolouring | Occlusion, pair: Pair, target: Target
) -> tuple[Bytes, Mask]:
    if isinstance(variant, Recolouring):
        return variant.change(pixels), mask
    return occlude(pixels, mask, variant.spacing, _random(target.seed, pair, variant), low=variant.low)


def expected_bytes(pairs: Sequence[Pair], target: Target) -> float:
    """Return about how many bytes the variants of `pairs` will take, by those of a few of them.

    Pairs that cannot be read count as none.
    """
    shown = pairs[:: max(1, len(pairs) // _SAMPLES)][:_SAMPLES]
    pixels = written = 0
    for pair in shown:
        try:
            picture, mask_size = open_rgb(pair.image), pair.mask.stat().st_size
        except (ImageError, OSError):
            continue
        image = _encoded(np.asarray(picture), jpeg=target.is_jpeg(pair))
        pixels += picture.width * picture.height
        written += len(VARIANTS) * (len(image) + mask_size)
    return written / max(pixels, 1) * sum(_pixels(pair) for pair in pairs)


def _pixels(pair: Pair) -> int:
    try:
        width, height = shown_size(pair.image)
    except ImageError:
        return 0
    return width * height


def _random(seed: int, pair: Pair, variant: Occlusion) -> np.random.Generator:
    # Of the names alone: neither the order of the pairs nor the number of processes can change a byte.
    return np.random.default_rng([seed, zlib.crc32(os.fsencode(f"{pair.stem}__{variant.name}"))])


def _write_png(path: Path, pixels: Bytes) -> None:
    write_whole(path, lambda draft: draft.write_bytes(_encoded(pixels, jpeg=False)))


def _write_jpeg(path: Path, pixels: Bytes) -> None:
    write_whole(path, lambda draft: draft.write_bytes(_encoded(pixels, jpeg=True)))


def _encoded(pixels: Bytes, *, jpeg: bool) -> bytes:
    file = io.BytesIO()
    if jpeg:
        Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
    else:
        Image.fromarray(pixels).save(file, "PNG", compress_level=_COMPRESSION)
    return file.getvalue()


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
