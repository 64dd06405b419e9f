"""Choose the size of a network's input, and turn an RGB image of any size into it."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.tiles import LARGE, TWO, each

Fit = Literal["stretch", "letterbox", "proportional"]
Triple = tuple[float, float, float]

STEP = 32  # pixels: networks halve their input five times

# Chosen on photographs that tiny_skin was not trained on: see rembg_skin/data/tiny_skin.md.
_LONGEST, _SIDES = (32, 128, 512, 1000), (256, 416, 448, 768)
_TINY, _FARTHER = 128, 0.8  # longest side of a tiny image, which is run twice, and the ratio of the two sides
COARSE = 448  # side of the first run on a large image
_APART = 128  # pixels: sides that are nearer to each other give the same result


def automatic_sides(size: tuple[int, int]) -> tuple[int, ...]:
    """Return the input's longer side in pixels for each run on an image of `size`, the largest last.

    Small images are enlarged. Large images are run twice: coarse for close-ups, fine for distant people. The sides
    depend only on the size, so they are the same for every frame of a video.
    """
    closest = round(np.interp(max(size), _LONGEST, _SIDES))
    if max(size) <= _TINY:
        return round(_FARTHER * closest), closest
    return (COARSE, closest) if closest >= COARSE + _APART else (closest,)


def fitted_size(size: tuple[int, int], side: int, fit: Fit) -> tuple[int, int]:
    """Return the width and height of an image of `size` inside a network's input of `side` pixels."""
    if fit == "stretch":
        return side, side
    step = STEP if fit == "proportional" else 1
    width, height = (max(1, round(length * side / max(size) / step)) * step for length in size)
    return width, height


def to_tensor(
    rgb: PILImage,
    side: int,
    fit: Fit = "stretch",
    *,
    mean: Triple = (0.0, 0.0, 0.0),
    std: Triple = (1.0, 1.0, 1.0),
    reducing_gap: float | None = None,
    threads: int = TWO,
) -> NDArray[np.float32]:
    """Return an RGB image as a network's input, float32 [1, 3, height, width], its longer side of `side` pixels.

    The fit "stretch" makes it square and ignores the aspect; "letterbox" keeps the aspect, with the image at the top
    left of a square of zeros; "proportional" keeps it to the next multiples of 32. `mean` is subtracted from values of
    0 to 1, and `std` divides them. `reducing_gap` is Pillow's: large images are first averaged down to that many times
    the size. The result does not depend on `threads`, the most to use.
    """
    size = fitted_size(rgb.size, side, fit)
    small = _resized(rgb, size, reducing_gap, threads)
    width, height = size if fit == "proportional" else (side, side)
    tensor = np.zeros((1, 3, height, width), np.float32)
    part = tensor[0, :, : size[1], : size[0]]
    for channel, band in enumerate(small.split()):
        np.multiply(np.asarray(band), np.float32(1 / (255 * std[channel])), out=part[channel])
        if mean[channel]:
            part[channel] -= np.float32(mean[channel] / std[channel])
    return tensor


def _resized(rgb: PILImage, size: tuple[int, int], reducing_gap: float | None, threads: int) -> PILImage:
    """Return `rgb` at `size` as Pillow's LANCZOS with that `reducing_gap` makes it, large ones on two threads."""
    if rgb.width * rgb.height < LARGE:
        return rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=reducing_gap)
    scales = rgb.width / size[0], rgb.height / size[1]
    across, down = (int(scale / reducing_gap) or 1 for scale in scales) if reducing_gap else (1, 1)

    def averaged(top: int, bottom: int) -> PILImage:
        return rgb.reduce((across, down), (0, top * down, rgb.width, min(bottom * down, rgb.height)))

    smaller = rgb
    if across > 1 or down > 1:
        smaller = _by_halves(averaged, (-(-rgb.width // across), -(-rgb.height // down)), threads)
    step = scales[1] / down

    def filtered(top: int, bottom: int) -> PILImage:
        box = (0, top * step, rgb.width / across, bottom * step)  # the filter reads beyond it
        return smaller.resize((size[0], bottom - top), Image.Resampling.LANCZOS, box)

    return _by_halves(filtered, size, threads)


def _by_halves(make: Callable[[int, int], PILImage], size: tuple[int, int], threads: int) -> PILImage:
    """Return the RGB image of `size` whose rows from top to bottom are ``make(top, bottom)``, made in two halves."""
    middle = size[1] // 2
    halves = [(top, bottom) for top, bottom in ((0, middle), (middle, size[1])) if top < bottom]
    result = Image.new("RGB", size)
    for (top, _), half in zip(halves, each(lambda rows: make(*rows), halves, threads), strict=True):
        result.paste(half, (0, top))
    return result
