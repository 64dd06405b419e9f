"""Finish a mask: levels, grow or shrink, feather, invert, in this order. The defaults change nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import ImageChops, ImageFilter
from PIL.Image import Image as PILImage

from rembg_skin.image.morphology import combined, disk
from rembg_skin.image.tiles import LARGE, TWO, Box, tiled


@dataclass(frozen=True)
class Finish:
    """The steps after the mask; the defaults change nothing."""

    threshold: int | None = None  # a level above it becomes 255, any other 0; None keeps the levels
    low: int = 0  # levels up to it become 0,
    high: int = 255  # levels from it on 255, and those between are stretched
    grow: int = 0  # radius in pixels of the disk by which the mask grows, or shrinks if it is negative
    feather: float = 0.0  # standard deviation in pixels of the Gaussian that blurs the mask
    invert: bool = False  # 255 is not skin

    def apply(self, mask: PILImage, alpha: PILImage | None, *, threads: int = TWO) -> PILImage:
        """Return the finished L mask; `mask`, L too, may be changed, and the result does not depend on `threads`.

        A pixel whose L `alpha` is 0 is never skin: it is 0, or 255 if inverted.
        """
        hidden = None if alpha is None else alpha.point(lambda value: 255 * (value == 0))
        if hidden is not None:
            mask.paste(0, mask=hidden)
        if self.threshold is not None:
            mask = levelled(mask, self.threshold, self.threshold + 1)
        mask = levelled(mask, self.low, self.high)
        if self.grow:
            mask = grown(mask, self.grow, threads=threads)
        if self.feather:  # the border is repeated outside
            mask = mask.filter(ImageFilter.GaussianBlur(self.feather))
        if hidden is not None and (self.grow or self.feather):  # what was grown or blurred into it
            mask.paste(0, mask=hidden)
        return ImageChops.invert(mask) if self.invert else mask


def levelled(mask: PILImage, low: int, high: int) -> PILImage:
    """Return the L mask with 0 up to `low`, 255 from `high` on, and the levels between stretched; `low` < `high`."""
    if (low, high) == (0, 255):
        return mask
    return mask.point([min(max(round((level - low) * 255 / (high - low)), 0), 255) for level in range(256)])


def grown(mask: PILImage, radius: int, *, threads: int = TWO) -> PILImage:
    """Return the L mask grown by a disk of `radius` pixels, or shrunk by a negative one; soft edges stay as soft."""
    shape, combine = disk(abs(radius)), np.maximum if radius > 0 else np.minimum
    source = np.pad(np.asarray(mask), abs(radius), mode="edge")

    def grow(tile: Box, _: Box) -> ArrayLike:
        part = source[tile.top : tile.bottom + 2 * abs(radius), tile.left : tile.right + 2 * abs(radius)]
        low = part.min()
        return low if low == part.max() else combined(part, shape, combine)  # most tiles are uniform

    return tiled(mask.size, abs(radius), grow, threads if mask.width * mask.height >= LARGE else 1)
