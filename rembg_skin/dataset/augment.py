"""Write 26 variants of every pair for training; see :mod:`rembg_skin.dataset.variants`."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from rembg_skin.dataset.pairs import Pair
from rembg_skin.dataset.variants import VARIANTS
from rembg_skin.errors import DataError, ImageError, printable
from rembg_skin.files import is_of_one_path, read_plain, replace_text, write_atomically
from rembg_skin.photos import Problem, open_mask, open_rgb
from rembg_skin.workers import DIED, in_background, work_on

_SETTINGS = "augment.json"
_COMPRESSION = 3  # of the PNG files: a third of the default level's time for a tenth more bytes


@dataclass(frozen=True)
class Target:
    """The folder for the variants, the seed of their lattices, and whether masks of another size are resized."""

    folder: Path
    seed: int
    resize: bool

    def file(self, kind: str, pair: Pair, variant: str) -> Path:
        """Return the path of a variant's file; `kind` is "images" or "masks"."""
        return self.folder / kind / f"{pair.stem}__{variant}.png"


def prepare(target: Target, images: Path, masks: Path) -> None:
    """Make the target folder, or check that an earlier run may go on there.

    Raises DataError if it holds the originals or lies among them, was made with other settings, or holds other files.
    """
    outputs = [Path(os.path.realpath(target.folder / name)) for name in ("images", "masks")]
    if any(output.is_relative_to(os.path.realpath(folder)) for output in outputs for folder in (images, masks)):
        raise DataError(f"{printable(target.folder)} holds the originals or lies among them; name another folder.")
    text = json.dumps({"seed": target.seed, "resize": target.resize, "variants": list(VARIANTS)}, indent=1)
    record = target.folder / _SETTINGS
    try:
        found = read_plain(record)
    except (FileNotFoundError, NotADirectoryError):
        found = None
    except OSError as error:
        raise DataError(f"{printable(record)} cannot be read: {error.strerror}") from error
    if found == text.encode():
        return
    if found is not None:
        raise DataError(f"{printable(target.folder)} was made with other settings ({_SETTINGS}); name another folder.")
    if target.folder.is_dir() and any(target.folder.iterdir()):
        raise DataError(f"{printable(target.folder)} is not empty and was not made by augment; name another folder.")
    replace_text(record, text)


def augment(pair: Pair, target: Target) -> int | Problem:
    """Write the missing variants of `pair`, return their number; an existing image means that its mask is there too."""
    missing = [name for name in VARIANTS if not target.file("images", pair, name).exists()]
    if not missing:
        return 0
    try:
        picture = open_rgb(pair.image)
        pixels, mask = np.asarray(picture), open_mask(pair.mask, picture.size, resize=target.resize)
        for name in missing:
            # Seeded by names only: neither the order of the pairs nor the number of processes can change a byte.
            rng = np.random.default_rng([target.seed, zlib.crc32(os.fsencode(f"{pair.stem}__{name}"))])
            image, shown = VARIANTS[name](pixels, mask, rng)
            for kind, made in (("masks", shown), ("images", image)):
                save = partial(Image.fromarray(made).save, format="PNG", compress_level=_COMPRESSION)
                write_atomically(target.file(kind, pair, name), save)
    except (ImageError, DataError) as error:
        if isinstance(error, ImageError) or is_of_one_path(error):
            return Problem(pair.image, str(error))
        raise
    return len(missing)


def augment_all(pairs: Iterable[Pair], target: Target, processes: int) -> Iterator[int | Problem]:
    """Write the missing variants of all `pairs`; yield the number of each pair, in no order.

    If the caller stops early, pairs at work are finished and the others are left for the next run. Raises DataError if
    a file cannot be written.
    """
    if processes == 1:
        yield from in_background(augment(pair, target) for pair in pairs)
        return
    for pair, outcome in work_on(pairs, partial(augment, target=target), processes):
        yield Problem(pair.image, f"{printable(pair.image)}: {DIED}") if outcome is None else outcome
