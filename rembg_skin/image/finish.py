"""Finish a mask: levels, grow or shrink, feather, invert, in this order. The defaults change nothing."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageFilter
from PIL.Image import Image as PILImage

from rembg_skin.image.morphology import combined, disk, padded
from rembg_skin.image.tiles import LARGE, TWO, Box, each, tiles

_TOP = 255


@dataclass(frozen=True)
class Finish:
    """The steps after the mask; the defaults change nothing.

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
        True to return 255 for not skin.

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
            The most threads to use; the result is the same.

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
    """Return the L mask with 0 up to `low`, 255 from `high` on, and the levels between stretched; `low` < `high`."""
    if (low, high) == (0, _TOP):
        return mask
    return mask.point([min(max(round((level - low) * _TOP / (high - low)), 0), _TOP) for level in range(_TOP + 1)])


def grown(mask: PILImage, radius: int, *, threads: int = TWO) -> PILImage:
    """Return the L mask grown by a disk of `radius` pixels, or shrunk by a negative one.

    Each pixel takes the highest (lowest) level of those at most `radius` pixels away; pixels outside the picture
    are ignored. Soft edges stay as soft as they are.
    """
    if radius == 0:
        return mask
    source = padded(np.asarray(mask), abs(radius))
    result = np.empty((mask.height, mask.width), np.uint8)
    shape, combine = disk(abs(radius)), np.maximum if radius > 0 else np.minimum

    def grow(boxes: tuple[Box, Box]) -> None:
        tile, _ = boxes
        part = source[tile.top : tile.bottom + 2 * abs(radius), tile.left : tile.right + 2 * abs(radius)]
        low = part.min()
        result[tile.slices()] = low if low == part.max() else combined(part, shape, combine)  # most tiles are uniform

    each(grow, list(tiles(mask.size, abs(radius))), threads if mask.width * mask.height >= LARGE else 1)
    return Image.fromarray(result)


def feathered(mask: PILImage, sigma: float) -> PILImage:
    """Return the L mask blurred by a Gaussian of standard deviation `sigma` pixels; the border is repeated outside."""
    return mask.filter(ImageFilter.GaussianBlur(sigma)) if sigma else mask
