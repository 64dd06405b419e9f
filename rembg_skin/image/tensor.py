"""The pure steps before a network: an RGB image of any size in, a float32 tensor out."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.tiles import LARGE, TWO, each

Fit = Literal["stretch", "letterbox", "proportional"]
Triple = tuple[float, float, float]

STEP = 32  # pixels: networks halve their input five times
_REACH = 4  # pixels of the result: LANCZOS looks three away


def fitted_size(size: tuple[int, int], side: int, fit: Fit) -> tuple[int, int]:
    """Return the width and height that an image of `size` takes in the input of a network of `side` pixels."""
    if fit == "stretch":
        return side, side
    longest = max(size)
    if fit == "proportional":
        width, height = (max(1, round(length * side / longest / STEP)) * STEP for length in size)
        return width, height
    width, height = (max(1, round(length * side / longest)) for length in size)
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
    """Return an RGB image as a network's input, float32 [1, 3, height, width].

    Parameters
    ----------
    rgb
        The image, mode RGB.
    side
        The input's longer side in pixels.
    fit
        "stretch" makes it square and ignores the aspect; "letterbox" makes it square and keeps the aspect, with the
        image at the top left and zeros around it; "proportional" keeps the aspect to the next multiples of 32.
    mean, std
        Subtracted from, and then dividing, the channels' values of 0 to 1.
    reducing_gap
        Pillow's: large images are first averaged down to at least this many times the size, then filtered.
    threads
        How many threads may work on it; the result is the same.

    """
    size = fitted_size(rgb.size, side, fit)
    small = _shrunk(rgb, size, reducing_gap, threads)
    width, height = size if fit == "proportional" else (side, side)
    tensor = np.zeros((1, 3, height, width), np.float32)
    part = tensor[0, :, : size[1], : size[0]]
    for channel, band in enumerate(small.split()):
        np.multiply(np.asarray(band), np.float32(1 / (255 * std[channel])), out=part[channel])
        if mean[channel]:
            part[channel] -= np.float32(mean[channel] / std[channel])
    return tensor


def _shrunk(rgb: PILImage, size: tuple[int, int], reducing_gap: float | None, threads: int) -> PILImage:
    """Return `rgb` at `size` by LANCZOS; a large one in two halves, on two threads, as Pillow frees Python's lock."""
    width, height = size
    scale = rgb.height / height

    def half(rows: tuple[int, int]) -> PILImage:
        top, bottom = rows
        above, below = max(top - _REACH, 0), min(bottom + _REACH, height)
        box = (0, above * scale, rgb.width, min(below * scale, rgb.height))
        part = rgb.resize((width, below - above), Image.Resampling.LANCZOS, box, reducing_gap)
        return part.crop((0, top - above, width, bottom - above))

    middle = height // 2
    if not middle or rgb.width * rgb.height < LARGE:  # a small image stays whole
        return rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=reducing_gap)
    result = Image.new("RGB", size)
    halves = [(0, middle), (middle, height)]
    for (top, _), part in zip(halves, each(half, halves, threads), strict=True):
        result.paste(part, (0, top))
    return result
