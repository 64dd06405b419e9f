"""Turn the values of a network into an 8-bit mask of the image's size, and clean it up.

Resizing is Pillow's, tile by tile. Opening and blur are written out in 8- and 16-bit integers, as the same steps of the
whole image in scipy take 3.6 times as long (12 megapixels, two cores).
"""

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.morphology import dilated, disk, eroded
from rembg_skin.image.tiles import LARGE, TWO, Box, each, tiles

Stretch = Literal["auto", "always", "never"]
Blur = tuple[int, float]

# At least this sure of some skin, an output is stretched under "auto": with less, a photo without any would
# become a full-range false mask.
_SURE = 0.5
_FIXED_POINT = 8  # bits


def stretched(values: NDArray[np.float32], stretch: Stretch) -> NDArray[np.float32]:
    """Return `values`, 0 to 1, min-max stretched to 0..1 as `stretch` demands; a constant stays."""
    low, high = values.min(), values.max()
    if stretch == "never" or low == high or (stretch == "auto" and high < _SURE):
        return values
    result: NDArray[np.float32] = (values - low) / (high - low)
    return result


def to_mask(values: NDArray[np.float32]) -> PILImage:
    """Return the L mask of `values`, 0 to 1, [height, width], rounded down as the reference does."""
    return Image.fromarray((values * np.float32(255)).astype(np.uint8))


def resized(mask: PILImage, size: tuple[int, int]) -> PILImage:
    """Return the L mask at another size, without clean-up."""
    return mask.resize(size, Image.Resampling.BICUBIC)


def cleaned(mask: PILImage, size: tuple[int, int], blur: Blur, *, threads: int = TWO) -> PILImage:
    """Return the L mask at `size`, opened with a 3x3 cross and blurred.

    Parameters
    ----------
    mask
        The L mask, of any size.
    size
        Width and height of the result.
    blur
        Odd side and sigma, in pixels, of the Gaussian kernel; borders are reflected without repeating the edge pixel.
    threads
        The most threads to use; the result is the same.

    """
    weights = _gaussian_weights(*blur)
    across, down = mask.width / size[0], mask.height / size[1]
    result = np.empty((size[1], size[0]), np.uint8)

    def clean(boxes: tuple[Box, Box]) -> None:
        tile, around = boxes
        source = (around.left * across, around.top * down, around.right * across, around.bottom * down)
        part = np.asarray(mask.resize(around.size, Image.Resampling.BICUBIC, source))
        if part.min() == part.max():  # most tiles of most masks
            result[tile.slices()] = part[0, 0]
        else:
            result[tile.slices()] = _gaussian(dilated(eroded(part, disk(1)), disk(1)), weights)[tile.slices(around)]

    each(clean, list(tiles(size, 2 + len(weights) // 2)), threads if size[0] * size[1] >= LARGE else 1)
    return Image.fromarray(result)


@cache
def _gaussian_weights(side: int, sigma: float) -> tuple[int, ...]:
    """Return the Gaussian's weights in fixed point; their sum is exactly one."""
    distances = np.arange(side) - side // 2
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    fixed = [round(weight) for weight in weights / weights.sum() * (1 << _FIXED_POINT)]
    fixed[side // 2] += (1 << _FIXED_POINT) - sum(fixed)
    return tuple(fixed)


def _gaussian(mask: NDArray[np.uint8], weights: tuple[int, ...]) -> NDArray[np.uint16]:
    padded = np.pad(mask, len(weights) // 2, mode="reflect").astype(np.uint16)
    return _weighted_mean(_weighted_mean(padded.T, weights).T, weights)


def _weighted_mean(padded: NDArray[np.uint16], weights: tuple[int, ...]) -> NDArray[np.uint16]:
    length = len(padded) - len(weights) + 1
    radius = len(weights) // 2
    total = padded[radius : radius + length] * np.uint16(weights[radius])
    total += np.uint16(1 << _FIXED_POINT - 1)
    pair = np.empty_like(total)
    for offset in range(radius):  # the kernel is symmetric: one product a pair
        mirrored = 2 * radius - offset
        np.add(padded[offset : offset + length], padded[mirrored : mirrored + length], out=pair)
        pair *= np.uint16(weights[offset])
        total += pair
    total >>= np.uint16(_FIXED_POINT)
    return total
