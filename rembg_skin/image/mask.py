"""Turn the values of a network into an 8-bit mask of the image's size, and clean it up.

Resizing is Pillow's, tile by tile. Opening and blur are written out in 8- and 16-bit integers, as the same steps of the
whole image in scipy take 3.6 times as long (12 megapixels, two cores).
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import Floats
from rembg_skin.image.gaussian import BITS, gaussian_weights, weighted_sum
from rembg_skin.image.morphology import dilated, disk, eroded
from rembg_skin.image.tiles import LARGE, TWO, Box, tiled

Stretch = Literal["auto", "always", "never"]
Blur = tuple[int, float]

# "auto" stretches an output that is at least so sure of some skin: with less, a photo without any would become a
# full-range false mask.
_SURE = 0.5


def stretched(values: Floats, stretch: Stretch) -> Floats:
    """Return `values`, 0 to 1, min-max stretched to 0..1 as `stretch` demands; a constant stays."""
    low, high = values.min(), values.max()
    if stretch == "never" or low == high or (stretch == "auto" and high < _SURE):
        return values
    result: Floats = (values - low) / (high - low)
    return result


def to_mask(values: Floats) -> PILImage:
    """Return the L mask of `values`, 0 to 1, [height, width], rounded down as the reference does."""
    return Image.fromarray((values * np.float32(255)).astype(np.uint8))


def resized(mask: PILImage, size: tuple[int, int]) -> PILImage:
    """Return the L mask at another size, without clean-up."""
    return mask.resize(size, Image.Resampling.BICUBIC)


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
            blurred += np.uint16(1 << BITS - 1)
            blurred >>= np.uint16(BITS)
        return blurred[tile.slices(around)]

    return tiled(size, 2 + len(weights) // 2, clean, threads if size[0] * size[1] >= LARGE else 1)
