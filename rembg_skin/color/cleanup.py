"""Clean a raw mask up as OpenCV's operators do: erode twice, dilate twice, Gaussian blur."""

from functools import cache
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rembg_skin.image.arrays import Bytes, Selection
from rembg_skin.image.morphology import Shape, dilated, eroded

PASSES = 2
# OpenCV's fixed Gaussian kernels for sigma "default"; larger ones follow its formula for sigma.
_SMALL_KERNELS = {1: (1,), 3: (1, 2, 1), 5: (1, 4, 6, 4, 1), 7: (2, 7, 14, 18, 14, 7, 2)}
_FIXED_POINT = 256


def reach(morph: int, blur: int) -> int:
    """Return the radius, in pixels, of the clean-up around a pixel."""
    return 2 * PASSES * (morph // 2) + blur // 2


def clean(mask: Selection, morph: int, blur: int) -> Bytes:
    """Return the cleaned-up mask, uint8 0..255, of a raw one, both [height, width].

    Parameters
    ----------
    mask
        True where the rule found skin.
    morph
        Odd side of the structuring element, OpenCV's ellipse: 1 changes nothing, 3 is a cross.
    blur
        Odd side of the Gaussian kernel with OpenCV's default sigma: 1 changes nothing, 3 weighs 1/4 1/2 1/4.
        Borders are reflected without repeating the edge pixel.

    """
    if not mask.any():  # most tiles of most photographs
        return np.zeros(mask.shape, dtype=np.uint8)
    if morph > 1:
        for _ in range(PASSES):
            mask = eroded(mask, _ellipse(morph))
        for _ in range(PASSES):
            mask = dilated(mask, _ellipse(morph))
    return _gaussian(mask, blur)


@cache
def _ellipse(side: int) -> Shape:
    radius = side // 2
    offsets = range(-radius, radius + 1)
    return tuple((offset, round(radius * (1 - (offset / radius) ** 2) ** 0.5)) for offset in offsets)


@cache
def _kernel(side: int) -> tuple[int, ...]:
    """Return the Gaussian's integer weights; their sum is a power of two."""
    if side in _SMALL_KERNELS:
        return _SMALL_KERNELS[side]
    sigma = 0.3 * ((side - 1) * 0.5 - 1) + 0.8
    distances = np.arange(side) - side // 2
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    # OpenCV rounds to 8 bits and hands each rounding error on, so that the sum stays exact.
    error, half = 0.0, []
    for weight in (weights / weights.sum())[: side // 2]:
        exact = weight * _FIXED_POINT + error
        half.append(round(exact))
        error = exact - half[-1]
    middle = _FIXED_POINT - 2 * sum(half)
    divisor = gcd(middle, *half)
    return tuple(value // divisor for value in (*half, middle, *reversed(half)))


def _gaussian(mask: Selection, side: int) -> Bytes:
    weights = _kernel(side)
    if side == 1:
        return mask.view(np.uint8) * np.uint8(255)
    total = sum(weights) ** 2
    radius = side // 2
    padded = np.pad(mask.view(np.uint8), radius, mode="reflect").astype(_unsigned(total), copy=False)
    summed = _weighted_sum(_weighted_sum(padded, weights, axis=0), weights, axis=1)
    scaled = summed.astype(_unsigned(256 * total - 1), copy=False) * 255
    scaled += total // 2
    scaled >>= total.bit_length() - 1
    return scaled.astype(np.uint8)


def _unsigned(largest: int) -> np.dtype[Any]:
    return np.min_scalar_type(largest)


def _weighted_sum(padded: NDArray[Any], weights: tuple[int, ...], axis: int) -> NDArray[Any]:
    length = padded.shape[axis] - len(weights) + 1

    def window(start: int) -> NDArray[Any]:
        return padded[start : start + length] if axis == 0 else padded[:, start : start + length]

    radius = len(weights) // 2
    total: NDArray[Any] = window(radius) * weights[radius]
    for offset in range(radius):  # the kernel is symmetric: one product a pair
        total += (window(offset) + window(2 * radius - offset)) * weights[offset]
    return total
