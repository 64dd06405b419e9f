"""Apply a color method, a rule and its clean-up, to an image tile by tile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.color.cleanup import clean, reach
from rembg_skin.color.planes import Planes
from rembg_skin.color.rules import Rule
from rembg_skin.image.arrays import Bytes, Selection
from rembg_skin.image.tiles import tiles


class Method(Protocol):
    """A function from a tile of an image to its part of the mask."""

    @property
    def halo(self) -> int:
        """The pixels on each side of a pixel on which its result depends."""

    def __call__(self, planes: Planes, visible: Selection | None) -> Bytes:
        """Return the mask of the tile; `visible` is False for pixels that are never skin; None for no such pixels."""


@dataclass(frozen=True)
class Cleaned:
    """A color rule, then the clean-up."""

    rule: Rule
    morph: int = 3
    blur: int = 3

    @property
    def halo(self) -> int:
        """The reach of the clean-up."""
        return reach(self.morph, self.blur)

    def __call__(self, planes: Planes, visible: Selection | None) -> Bytes:
        """Return the cleaned-up mask of the tile."""
        mask = self.rule(planes)
        if visible is not None:
            mask &= visible
        return clean(mask, self.morph, self.blur)


@dataclass(frozen=True)
class Intersection:
    """The bitwise and of several methods' masks."""

    methods: Sequence[Method]

    @property
    def halo(self) -> int:
        """The largest halo of the methods."""
        return max(method.halo for method in self.methods)

    def __call__(self, planes: Planes, visible: Selection | None) -> Bytes:
        """Return the masks' bitwise and."""
        first, *others = (method(planes, visible) for method in self.methods)
        for other in others:
            first &= other
        return first


def apply(method: Method, rgb: PILImage, alpha: PILImage | None) -> PILImage:
    """Return the L mask of an RGB image: `method` applied tile by tile.

    Parameters
    ----------
    method
        Makes the mask of a tile.
    rgb
        The image.
    alpha
        Its L alpha, or None; a pixel whose alpha is 0 is 0 in the mask.

    """
    mask = np.empty((rgb.height, rgb.width), dtype=np.uint8)
    for tile, surrounding in tiles(rgb.size, method.halo):
        visible = None if alpha is None else np.asarray(surrounding.crop(alpha)) > 0
        values = method(Planes(surrounding.crop(rgb)), visible)
        if visible is not None:
            values *= visible
        mask[tile.slices()] = values[tile.slices(surrounding)]
    return Image.fromarray(mask)
