"""Score files on photographs in other clothes: compressed, turned, in colored light, with few colors."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np
from PIL import Image, ImageOps

from .data import Source
from .disguises import (
    Change,
    at_scale,
    blurred,
    compressed,
    contrasted,
    faded,
    hued,
    lined,
    lit,
    noisy,
    paletted,
    printed,
    sepia,
    sharpened,
    speckled,
)
from .evaluate import Bytes, Predict, iou, pairs
from .teachers import Selfie

SETS: tuple[Source, ...] = ("faces_unlabelled", "sfa", "ccp", "hgr1", "abdomen")
LOST = 0.1  # IoU below which a face was not found
SAME: Change = Image.Image.copy
COLUMNS: dict[str, Change] = {
    "plain": SAME,
    "gray": partial(faded, kept=0),
    "sepia": sepia,
    "hue +30": partial(hued, degrees=30),
    "hue +90": partial(hued, degrees=90),
    "hue +180": partial(hued, degrees=180),
    "red light": partial(lit, red=1, green=0.4, blue=0.4),
    "green light": partial(lit, red=0.4, green=1, blue=0.4),
    "blue light": partial(lit, red=0.4, green=0.4, blue=1),
    "a third of the light": partial(lit, red=1 / 3, green=1 / 3, blue=1 / 3),
    "a seventh of the light": partial(lit, red=1 / 7, green=1 / 7, blue=1 / 7),
    "overexposed": partial(lit, red=2, green=2, blue=2),
    "low contrast": partial(contrasted, kept=0.3),
    "JPEG 20": partial(compressed, kind="JPEG", quality=20),
    "JPEG 10": partial(compressed, kind="JPEG", quality=10),
    "WebP 10": partial(compressed, kind="WEBP", quality=10),
    "GIF": partial(paletted, colors=256, dithered=True),
    "16 colors": partial(paletted, colors=16, dithered=False),
    "16 colors, dithered": partial(paletted, colors=16, dithered=True),
    "noise of 25 levels": lambda picture: noisy(picture, 25, np.random.default_rng(0)),
    "speckled": lambda picture: speckled(picture, 0.05, np.random.default_rng(0)),
    "scan lines": partial(lined, period=3, kept=0.4),
    "printed in dots": printed,
    "oversharpened": partial(sharpened, radius=3, percent=300),
    "equalized": ImageOps.equalize,
    "blurred": partial(blurred, radius=3),
    "a quarter of the pixels": partial(at_scale, scale=0.5),
    "turned left": SAME,
    "upside down": SAME,
    "turned right": SAME,
}
QUARTERS = {"turned left": 1, "upside down": 2, "turned right": 3}


def faces(data: Path, selfie: Selfie) -> Iterator[tuple[str, Bytes, Bytes]]:
    """Yield name, picture and what the selfie network sees of the faces held out."""
    for name, image, _ in pairs(data, "faces_unlabelled", tenth=True):
        yield name, image, np.asarray(np.rint(255 * selfie.look(Image.fromarray(image))[0]), np.uint8)


def unseen(data: Path, selfie: Selfie, every: int) -> list[tuple[Source, Bytes, Bytes]]:
    """Return set, picture and mask of every so-manieth photo held out."""
    photos: list[tuple[Source, Bytes, Bytes]] = []
    for source in SETS:
        held_out = faces(data, selfie) if source == "faces_unlabelled" else pairs(data, source, tenth=True)
        photos += [(source, image, mask) for _, image, mask in islice(held_out, 0, None, every)]
    return photos


def score(predict: Predict, column: str, image: Bytes, truth: Bytes) -> float:
    """Return the IoU of the mask that a disguised picture gets, turned back."""
    picture = COLUMNS[column](Image.fromarray(image))
    quarters = QUARTERS.get(column, 0)
    mask = predict(np.ascontiguousarray(np.rot90(np.asarray(picture), quarters)))
    return iou(np.rot90(mask, -quarters), truth)


def table(files: Mapping[str, Predict], photos: Sequence[tuple[Source, Bytes, Bytes]]) -> None:
    """Print the mean IoU of each set in each disguise, a row a disguise, the files' figures beside each other."""
    counts = ", ".join(f"{source} {sum(photo[0] == source for photo in photos)}" for source in SETS)
    print(f"{' / '.join(files)}; photos: {counts}\n")
    print(f"| | {' | '.join(SETS)} | mean | faces lost |\n|{'---|' * (len(SETS) + 3)}", flush=True)
    for column in COLUMNS:
        found = {
            name: [(source, score(predict, column, image, truth)) for source, image, truth in photos]
            for name, predict in files.items()
        }
        means = [[fmean(value for source, value in of if source == kind) for kind in SETS] for of in found.values()]
        cells = [" / ".join(f"{value:.3f}" for value in values) for values in zip(*means, strict=True)]
        mean = " / ".join(f"{fmean(values):.3f}" for values in means)
        lost = " / ".join(
            str(sum(value < LOST for source, value in of if source == "faces_unlabelled")) for of in found.values()
        )
        print(f"| {column} | {' | '.join(cells)} | {mean} | {lost} |", flush=True)
