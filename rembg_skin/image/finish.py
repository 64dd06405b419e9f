"""The steps after the mask, in their order: levels, grow or shrink, feather, invert. Pure, and nothing by default."""

from dataclasses import dataclass
from math import isqrt

import numpy as np
from PIL import Image, ImageChops, ImageFilter
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import Mask
from rembg_skin.image.tiles import LARGE, TWO, Box, each, tiles

_TOP = 255


@dataclass(frozen=True)
class Finish:
    """What is done to a finished mask; the defaults change nothing.

    Attributes
    ----------
    threshold
        A level above it becomes 255, any other 0; None keeps the levels.
    low, high
        Levels up to `low` become 0, levels from `high` on 255, those between are stretched.
    grow
        The radius in pixels of the disk by which the mask grows; it shrinks by a negative one.
    feather
        The standard deviation in pixels of the Gaussian that blurs the mask.
    invert
        Whether 255 then stands for not skin.

    """

    threshold: int | None = None
    low: int = 0
    high: int = _TOP
    grow: int = 0
    feather: float = 0.0
    invert: bool = False

    def apply(self, mask: PILImage, alpha: PILImage | None, *, threads: int = TWO) -> PILImage:
        """Return the finished L mask.

        Parameters
        ----------
        mask
            The L mask; it may be changed.
        alpha
            The image's L alpha, or None. A pixel whose alpha is 0 is never skin: it is 0, or 255 if inverted.
        threads
            How many threads may work on it; the result is the same.

        """
        hidden = None if alpha is None else alpha.point(lambda value: _TOP * (value == 0))
        if hidden is not None:
            mask.paste(0, mask=hidden)
        if self.threshold is not None:
            mask = binary(mask, self.threshold)
        mask = levelled(mask, self.low, self.high)
        if self.grow or self.feather:
            mask = feathered(grown(mask, self.grow, threads=threads), self.feather)
            if hidden is not None:  # what was grown or blurred into it
                mask.paste(0, mask=hidden)
        return ImageChops.invert(mask) if self.invert else mask


def binary(mask: PILImage, threshold: int) -> PILImage:
    """Return the L mask with 255 above `threshold` and 0 elsewhere."""
    return mask.point([_TOP * (level > threshold) for level in range(_TOP + 1)])


def levelled(mask: PILImage, low: int, high: int) -> PILImage:
    """Return the L mask with 0 up to `low`, 255 from `high` on, and what lies between stretched; `low` < `high`."""
    if (low, high) == (0, _TOP):
        return mask
    return mask.point([min(max(round((level - low) * _TOP / (high - low)), 0), _TOP) for level in range(_TOP + 1)])


def grown(mask: PILImage, radius: int, *, threads: int = TWO) -> PILImage:
    """Return the L mask grown by a disk of `radius` pixels, or shrunk by a negative one.

    Each pixel takes the highest (lowest) level of those at most `radius` pixels away; what lies outside of the
    picture has no say. Soft edges stay as soft as they are.
    """
    if radius == 0:
        return mask
    source = np.asarray(mask if radius > 0 else ImageChops.invert(mask))
    result = np.empty_like(source)
    halo = abs(radius)

    def grow(boxes: tuple[Box, Box]) -> None:
        tile, around = boxes
        part = source[around.slices()]
        low, high = part.min(), part.max()
        if low == high:  # most tiles of most masks
            result[tile.slices()] = low
            return
        margins = (
            (tile.top - around.top, around.bottom - tile.bottom),
            (tile.left - around.left, around.right - tile.right),
        )
        padded = np.pad(part, [tuple(halo - margin for margin in side) for side in margins])
        result[tile.slices()] = _highest_in_disk(padded, halo)

    each(grow, list(tiles(mask.size, halo)), threads if mask.width * mask.height >= LARGE else 1)
    found = Image.fromarray(result)
    return found if radius > 0 else ImageChops.invert(found)


def feathered(mask: PILImage, sigma: float) -> PILImage:
    """Return the L mask blurred by a Gaussian of standard deviation `sigma` pixels; the border pixels go on outside."""
    return mask.filter(ImageFilter.GaussianBlur(sigma)) if sigma else mask


def _highest_in_disk(padded: Mask, radius: int) -> Mask:
    """Return the highest level within `radius` of each pixel but the outer `radius` rows and columns."""
    height, width = (length - 2 * radius for length in padded.shape)
    # runs[k] holds the highest level of 2**k neighbours in a row: two of them, overlapping, make a run of any length.
    runs = [padded]
    while 1 << len(runs) <= 2 * radius + 1:
        last, step = runs[-1], 1 << len(runs) - 1
        runs.append(np.maximum(last[:, :-step], last[:, step:]))
    result = np.zeros((height, width), np.uint8)
    for row in range(-radius, radius + 1):
        reach = isqrt(radius * radius - row * row)
        power = (2 * reach + 1).bit_length() - 1
        rows = runs[power][radius + row : radius + row + height]
        for left in (radius - reach, radius + reach + 1 - (1 << power)):
            np.maximum(result, rows[:, left : left + width], out=result)
    return result
