"""A large image goes through a method in tiles that stay in the processor's cache."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.color.cleanup import clean, reach
from rembg_skin.color.planes import Bytes, Planes
from rembg_skin.color.rules import Mask, Rule

# Width and height in pixels: a dozen 8-bit planes of this size fit the second-level cache. One thread works on them,
# because numpy is done with such a plane in microseconds, and two threads then mostly wait for each other's lock.
_TILE = (1024, 192)


class Method(Protocol):
    """What turns a tile of an image into its part of the mask."""

    @property
    def halo(self) -> int:
        """How many pixels around a pixel its result depends on."""

    def __call__(self, planes: Planes, visible: Mask | None) -> Bytes:
        """Return the mask of the tile; `visible` is False where nothing may count as skin, None where all may."""


@dataclass(frozen=True)
class Cleaned:
    """A colour rule followed by the clean-up."""

    rule: Rule
    morph: int = 3
    blur: int = 3

    @property
    def halo(self) -> int:
        """The clean-up's reach."""
        return reach(self.morph, self.blur)

    def __call__(self, planes: Planes, visible: Mask | None) -> Bytes:
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

    def __call__(self, planes: Planes, visible: Mask | None) -> Bytes:
        """Return the masks' bitwise and."""
        first, *others = (method(planes, visible) for method in self.methods)
        for other in others:
            first &= other
        return first


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; right and bottom are outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    def grown(self, margin: int, within: "Box") -> "Box":
        """Return the box with `margin` more on every side, as far as `within` reaches."""
        return Box(
            max(self.left - margin, within.left),
            max(self.top - margin, within.top),
            min(self.right + margin, within.right),
            min(self.bottom + margin, within.bottom),
        )

    def slices(self, origin: "Box | None" = None) -> tuple[slice, slice]:
        """Return the box as an index of a [height, width] array that starts at `origin`, or at 0, 0."""
        x, y = (origin.left, origin.top) if origin else (0, 0)
        return slice(self.top - y, self.bottom - y), slice(self.left - x, self.right - x)

    def crop(self, image: PILImage) -> PILImage:
        """Return this part of `image`."""
        return image.crop((self.left, self.top, self.right, self.bottom))


def tiles(size: tuple[int, int], halo: int) -> Iterator[tuple[Box, Box]]:
    """Yield the tiles that cover an image of `size`, each with the box of the pixels that it depends on.

    That box is the tile's with `halo` more pixels on each side, where the image has them.
    """
    image = Box(0, 0, *size)
    across, down = (max(side, 4 * halo) for side in _TILE)
    for top in range(0, image.bottom, down):
        for left in range(0, image.right, across):
            tile = Box(left, top, min(left + across, image.right), min(top + down, image.bottom))
            yield tile, tile.grown(halo, image)


def apply(method: Method, rgb: PILImage, alpha: PILImage | None) -> PILImage:
    """Return the L mask of an RGB image: `method` applied tile by tile.

    Parameters
    ----------
    method
        What makes the mask.
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
