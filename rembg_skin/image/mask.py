"""Turn the values of a network, or of two of its runs, into an 8-bit mask of the image's size, and clean it up.

Resizing is Pillow's, tile by tile. Opening and blur are written out in 8- and 16-bit integers, as the same steps of the
whole image in scipy take 3.6 times as long (12 megapixels, two cores).
"""

from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import Floats
from rembg_skin.image.morphology import dilated, disk, eroded
from rembg_skin.image.tiles import LARGE, TWO, Box, tiled

Stretch = Literal["auto", "always", "never"]
Blur = tuple[int, float]

_BITS = 8  # of the weights of a Gaussian in fixed point: they sum to 256
_SURE = 0.002  # probabilities are clipped to this distance from 0 and 1 before taking logits
# "auto" stretches an output that is at least so sure of some skin: with less, a photo without any would become a
# full-range false mask.
_SOME_SKIN = 0.5


def agreed(whole: Floats, close: Floats) -> Floats:
    """Return the mean, by logits and at the size of `close`, of two results, 0 to 1, float32 [height, width]."""
    enlarged = np.asarray(Image.fromarray(whole).resize(close.shape[::-1], Image.Resampling.BILINEAR))
    first, second = (values.clip(_SURE, 1 - _SURE) for values in (enlarged, close))
    skin, other = np.sqrt(first * second), np.sqrt((1 - first) * (1 - second))
    both: Floats = skin / (skin + other)
    return both


def stretched(values: Floats, stretch: Stretch) -> Floats:
    """Return `values`, 0 to 1, min-max stretched to 0..1 as `stretch` demands; a constant stays."""
    low, high = values.min(), values.max()
    if stretch == "never" or low == high or (stretch == "auto" and high < _SOME_SKIN):
        return values
    result: Floats = (values - low) / (high - low)
    return result


def to_mask(values: Floats) -> PILImage:
    """Return the L mask of `values`, 0 to 1, [height, width], rounded down as the reference does."""
    return Image.fromarray((values * np.float32(255)).astype(np.uint8))


def cleaned(mask: PILImage, size: tuple[int, int], blur: Blur, *, threads: int = TWO) -> PILImage:
    """Return the L mask, of any size, at `size`, opened with a 3x3 cross and blurred.

    `blur` is the odd side and sigma, in pixels, of the Gaussian kernel; borders are reflected without repeating the
    edge pixel. The result does not depend on `threads`, the most to use.
    """
    weights = gaussian_weights(*blur)
    across, down = mask.width / size[0], mask.height / size[1]

    def clean(tile: Box, around: Box) -> NDArray[np.integer]:
        source = (around.left * across, around.top * down, around.right * across, around.bottom * down)
        part = np.asarray(mask.resize(around.size, Image.Resampling.BICUBIC, source))
        if part.min() == part.max():  # most tiles of most masks
            return part[:1, :1]
        opened = dilated(eroded(part, disk(1)), disk(1))
        blurred = np.pad(opened, len(weights) // 2, mode="reflect").astype(np.uint16)
        for _ in range(2):  # across, then down
            blurred = weighted_sum(blurred.T, weights)
            blurred += np.uint16(1 << _BITS - 1)
            blurred >>= np.uint16(_BITS)
        return blurred[tile.slices(around)]

    return tiled(size, 2 + len(weights) // 2, clean, threads if size[0] * size[1] >= LARGE else 1)


@cache
def gaussian_weights(side: int, sigma: float) -> tuple[int, ...]:
    """Return the `side` weights, an odd number, of a Gaussian of `sigma` pixels, in integers as OpenCV's for 8 bits."""
    distances = np.arange(side) - side // 2
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    # OpenCV hands each rounding error on, so that the sum stays exact.
    error, half = 0.0, []
    for weight in (weights / weights.sum())[: side // 2]:
        exact = weight * (1 << _BITS) + error
        half.append(round(exact))
        error = exact - half[-1]
    return (*half, (1 << _BITS) - 2 * sum(half), *reversed(half))


def weighted_sum(plane: NDArray[Any], weights: tuple[int, ...]) -> NDArray[Any]:
    """Return the sums along the first axis for all pixels with enough neighbors, in the type of `plane`."""
    radius = len(weights) // 2
    length = len(plane) - 2 * radius
    total: NDArray[Any] = plane[radius : radius + length] * weights[radius]
    pair = np.empty_like(total)
    for offset in range(radius):  # the weights are symmetric: one product a pair
        mirrored = 2 * radius - offset
        np.add(plane[offset : offset + length], plane[mirrored : mirrored + length], out=pair)
        pair *= weights[offset]
        total += pair
    return total
