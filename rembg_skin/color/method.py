"""Apply color rules and their clean-up to an image tile by tile."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import iand

import numpy as np
from PIL.Image import Image as PILImage

from rembg_skin.color.cleanup import clean, reach
from rembg_skin.image.arrays import Bytes, Selection
from rembg_skin.image.tiles import Box, tiled


class Planes:
    """The planes of one box of an RGB image, each uint8 [height, width] and extracted on first use."""

    def __init__(self, rgb: PILImage, box: Box) -> None:
        self.box = box
        self._rgb = rgb.crop(box)

    @cached_property
    def red(self) -> Bytes:
        """R, 0 to 255."""
        return self._channel("R")

    @cached_property
    def green(self) -> Bytes:
        """G, 0 to 255."""
        return self._channel("G")

    @cached_property
    def blue(self) -> Bytes:
        """B, 0 to 255."""
        return self._channel("B")

    @cached_property
    def luma(self) -> Bytes:
        """Y = 0.299 R + 0.587 G + 0.114 B, rounded (BT.601, full range)."""
        return np.asarray(self._rgb.convert("L"))

    def _channel(self, name: str) -> Bytes:
        # Pillow packs a single channel in one pass; getchannel() and asarray() are two.
        channel = np.frombuffer(self._rgb.tobytes("raw", name), dtype=np.uint8)
        return channel.reshape(self._rgb.height, self._rgb.width)


@dataclass(frozen=True)
class Cleaned:
    """A rule that selects skin, then the clean-up; `reach` is how far around a pixel the rule looks, in pixels."""

    rule: Callable[[Planes], Selection]
    morph: int = 3
    blur: int = 3
    reach: int = 0


def apply(rgb: PILImage, alpha: PILImage | None, *methods: Cleaned) -> PILImage:
    """Return the L mask of an RGB image: the bitwise and of the methods' masks, and 0 for an L `alpha` of 0."""
    halo = max(method.reach + reach(method.morph, method.blur) for method in methods)

    def mask(tile: Box, around: Box) -> Bytes:
        planes = Planes(rgb, around)
        visible = None if alpha is None else np.asarray(alpha.crop(around)) > 0
        masks = []
        for method in methods:
            raw = method.rule(planes)
            if visible is not None:
                raw &= visible
            masks.append(clean(raw, method.morph, method.blur))
        values = reduce(iand, masks)
        if visible is not None:
            values *= visible
        return values[tile.slices(around)]

    return tiled(rgb.size, halo, mask)
