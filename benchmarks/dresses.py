"""`rembg-skin eval` of one set of masks in eight dresses: the F1 of each has to be that of the plain masks.

    python -m benchmarks.dresses [photographs]

Before, each was read as its gray levels; those figures stand beside. Without ../shared/data the photograph is
docs/portrait.jpg with the mask that `tiny_skin` makes of it.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from benchmarks.timing import folders_of_pairs
from rembg_skin.dataset.pairs import find_pairs
from rembg_skin.measure.metrics import Confusion
from rembg_skin.photos import open_mask, open_rgb
from rembg_skin.session import open_session, predict_mask

Skin = NDArray[np.bool_]


def palette(skin: Skin) -> PILImage:
    """Return class 1 of a palette of classes."""
    image = Image.fromarray(skin.astype(np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    return image


def cutout(skin: Skin, photo: PILImage) -> PILImage:
    """Return what `rembg i` writes: the photograph, its alpha the mask."""
    image = photo.convert("RGB")
    image.putalpha(Image.fromarray(skin.astype(np.uint8) * 255))
    return Image.composite(image, Image.new("RGBA", image.size), image.getchannel("A"))


DRESSES: dict[str, Callable[[Skin, PILImage], PILImage]] = {
    "0 and 255": lambda skin, _: Image.fromarray(skin.astype(np.uint8) * 255),
    "0 and 1": lambda skin, _: Image.fromarray(skin.astype(np.uint8)),
    "1 bit": lambda skin, _: Image.fromarray(skin),
    "16 bits, 0 and 1": lambda skin, _: Image.fromarray(skin.astype(np.uint16)),
    "16 bits, 0 and 65535": lambda skin, _: Image.fromarray(skin.astype(np.uint16) * 65535),
    "class 1 of a palette": lambda skin, _: palette(skin),
    "red on black": lambda skin, _: Image.fromarray(np.dstack([skin * 255, skin * 0, skin * 0]).astype(np.uint8)),
    "alpha of a cutout": cutout,
}


def as_before(path: Path) -> NDArray[np.uint8]:
    """Return the levels as they were read: the gray of the image."""
    return np.asarray(open_rgb(path).convert("L"))


def pairs(folder: Path, count: int) -> list[tuple[PILImage, Skin]]:
    """Return photographs and their masks."""
    found = find_pairs(*folders_of_pairs(folder)).pairs[:count]
    photos = [open_rgb(pair.image) for pair in found]
    return [(photo, open_mask(pair.mask, photo.size) > 127) for photo, pair in zip(photos, found, strict=True)]


def main() -> int:
    """Print a line for each dress; 1 if a figure is not that of the plain masks."""
    session = open_session("ycbcr_hsv_skin")
    figures = []
    with tempfile.TemporaryDirectory() as name:
        chosen = pairs(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 10)
        predictions = [predict_mask(session, photo) for photo, _ in chosen]
        path = Path(name) / "mask.png"
        for dress, put_on in DRESSES.items():
            before, now = [], []
            for (photo, skin), prediction in zip(chosen, predictions, strict=True):
                put_on(skin, photo).save(path)
                before.append(Confusion.of(prediction, as_before(path)).f1)
                now.append(Confusion.of(prediction, open_mask(path, photo.size)).f1)
            figures.append(fmean(now))
            print(f"{dress:22} F1 {fmean(now):.4f}, read as before {fmean(before):.4f}")
    same = max(figures) == min(figures)
    print("all dresses give one F1" if same else "FAILED: the figures differ")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
