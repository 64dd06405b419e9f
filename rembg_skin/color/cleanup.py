"""Clean a raw mask up as OpenCV's operators do: erode twice, dilate twice, Gaussian blur."""

from functools import cache

import numpy as np

from rembg_skin.image.arrays import Bytes, Selection
from rembg_skin.image.mask import gaussian_weights, weighted_sum
from rembg_skin.image.morphology import Shape, dilated, eroded

_PASSES = 2
# OpenCV's fixed kernels; larger ones follow its formula for sigma.
_SMALL_KERNELS = {1: (1,), 3: (1, 2, 1), 5: (1, 4, 6, 4, 1), 7: (2, 7, 14, 18, 14, 7, 2)}


def reach(morph: int, blur: int) -> int:
    """Return the radius, in pixels, of the clean-up around a pixel."""
    return 2 * _PASSES * (morph // 2) + blur // 2


def clean(mask: Selection, morph: int, blur: int) -> Bytes:
    """Return the cleaned-up mask, uint8 0..255, of a raw one, both [height, width].

    `morph` is the odd side of the structuring element, OpenCV's ellipse: 1 changes nothing, 3 is a cross. `blur` is the
    odd side of the Gaussian kernel with OpenCV's default sigma: 1 changes nothing, 3 weighs 1/4 1/2 1/4. Borders are
    reflected without repeating the edge pixel.
    """
    if not mask.any():  # most tiles of most photographs
        return np.zeros(mask.shape, dtype=np.uint8)
    if morph > 1:
        for step in (eroded, dilated):
            for _ in range(_PASSES):
                mask = step(mask, _ellipse(morph))
    weights = _SMALL_KERNELS.get(blur) or gaussian_weights(blur, 0.3 * ((blur - 1) * 0.5 - 1) + 0.8)
    total = sum(weights) ** 2
    padded = np.pad(mask.view(np.uint8), blur // 2, mode="reflect").astype(np.min_scalar_type(total), copy=False)
    summed = weighted_sum(weighted_sum(padded, weights).T, weights).T
    scaled = summed.astype(np.min_scalar_type(256 * total - 1), copy=False) * 255
    scaled += total // 2
    scaled >>= total.bit_length() - 1
    return scaled.astype(np.uint8)


@cache
def _ellipse(side: int) -> Shape:
    radius = side // 2
    offsets = range(-radius, radius + 1)
    return tuple((offset, round(radius * (1 - (offset / radius) ** 2) ** 0.5)) for offset in offsets)
