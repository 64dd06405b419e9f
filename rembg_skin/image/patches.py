"""Refine a mask patch by patch, by a network that sees the image in full resolution.

Sizes, overlap, window and guards: the refinement of samhaswon/skin_segmentation.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.mask import Stretch, stretched

SIDE = 512
OVERLAP = 64
# A patch counts when at least this share of its base mask is above 0.
_SHARE = 0.01
_FLOOR = 1e-3
# A patch that is skin all over is not stretched.
_ALL_SKIN = 0.98

Corner = tuple[int, int]


def corners(size: tuple[int, int]) -> list[Corner]:
    """Return left and top of the patches that cover an image of `size`; the last ones are flush with its edge."""
    return [(left, top) for top, left in product(_starts(size[1]), _starts(size[0]))]


def _starts(length: int) -> list[int]:
    last = max(length - SIDE, 0)
    return [*range(0, last, SIDE - OVERLAP), last]


def refined(
    rgb: PILImage,
    base: PILImage,
    network: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    batch: int,
    stretch: Stretch,
) -> PILImage:
    """Return the refined L mask; it is 0 outside of the patches in which the base mask found something.

    Parameters
    ----------
    rgb
        The image, mode RGB.
    base
        Its L mask, of the same size.
    network
        Takes float32 [n, 4, 512, 512], RGB and base mask, 0 to 1; returns float32 [n, 512, 512], 0 to 1.
    batch
        The largest n.
    stretch
        The rule by which a patch of the output is min-max stretched.

    """
    found = [corner for corner in corners(rgb.size) if _counts(_cut(base, corner))]
    total = np.zeros((rgb.height, rgb.width), np.float32)
    weight = np.zeros_like(total)
    window = _window()
    for start in range(0, len(found), batch):
        some = found[start : start + batch]
        for (left, top), values in zip(some, network(_tensor(rgb, base, some)), strict=True):
            here = slice(top, top + SIDE), slice(left, left + SIDE)
            height, width = total[here].shape
            patch = values[:height, :width]
            patch = patch if patch.min() >= _ALL_SKIN else stretched(patch, stretch)
            total[here] += patch * window[:height, :width]
            weight[here] += window[:height, :width]
    np.divide(total, weight, out=total, where=weight > 0)
    return Image.fromarray((total * np.float32(255) + np.float32(0.5)).astype(np.uint8))


def _cut(image: PILImage, corner: Corner) -> NDArray[np.uint8]:
    left, top = corner
    return np.asarray(image.crop((left, top, min(left + SIDE, image.width), min(top + SIDE, image.height))))


def _counts(base: NDArray[np.uint8]) -> bool:
    return bool(np.count_nonzero(base) >= _SHARE * base.size)


def _tensor(rgb: PILImage, base: PILImage, some: Sequence[Corner]) -> NDArray[np.float32]:
    tensor = np.empty((len(some), 4, SIDE, SIDE), np.float32)
    for patch, corner in zip(tensor, some, strict=True):
        channels = np.dstack((_cut(rgb, corner), _cut(base, corner)))
        height, width, _ = channels.shape
        # An image smaller than a patch goes on with its last row and column.
        channels = np.pad(channels, ((0, SIDE - height), (0, SIDE - width), (0, 0)), mode="edge")
        np.multiply(channels.transpose(2, 0, 1), np.float32(1 / 255), out=patch)
    return tensor


def _window() -> NDArray[np.float32]:
    """Return the patches' weights [512, 512]: a Hann window, 1 at its centre and nowhere below the floor."""
    hann = np.hanning(SIDE)
    window = np.outer(hann / hann.max(), hann / hann.max())
    floored: NDArray[np.float32] = np.maximum(window, _FLOOR).astype(np.float32)
    return floored
