"""RGB to the 8-bit HSV and YCrCb that the classic bounds are given in: equal to OpenCV's, whole planes at once."""

import numpy as np
from numpy.typing import NDArray

from rembg_skin.image.arrays import Bytes

_SHIFT = 12  # of the fixed-point reciprocals below
_HALF = 1 << (_SHIFT - 1)


def _reciprocals(scale: float) -> NDArray[np.int32]:
    levels = np.arange(256)
    table = np.zeros(256, dtype=np.int32)
    table[1:] = np.rint((scale * (1 << _SHIFT)) / levels[1:])
    return table


_OF_VALUE = _reciprocals(255)
_OF_SPREAD = _reciprocals(180 / 6)


def rgb_to_hsv(rgb: Bytes) -> Bytes:
    """Return H (0 to 179, degrees / 2), S and V (0 to 255) of an RGB image, uint8 [height, width, 3]."""
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    spread = value - np.minimum(np.minimum(red, green), blue)
    sixths = np.where(
        value == red,
        green - blue,
        np.where(value == green, blue - red + 2 * spread, red - green + 4 * spread),
    )
    hue = (sixths * _OF_SPREAD[spread] + _HALF) >> _SHIFT
    hue += np.where(hue < 0, 180, 0)
    saturation = (spread * _OF_VALUE[value] + _HALF) >> _SHIFT
    return np.stack([hue, saturation, value], axis=-1).astype(np.uint8)


def rgb_to_ycrcb(rgb: Bytes) -> Bytes:
    """Return Y, Cr and Cb (0 to 255, BT.601, full range) of an RGB image, uint8 [height, width, 3]."""
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in range(3))
    # 14-bit fixed point: 0.299, 0.587 and 0.114, then 0.713 and 0.564.
    luma = (4899 * red + 9617 * green + 1868 * blue + (1 << 13)) >> 14
    cr = ((red - luma) * 11682 + (128 << 14) + (1 << 13)) >> 14
    cb = ((blue - luma) * 9241 + (128 << 14) + (1 << 13)) >> 14
    return np.stack([luma, cr.clip(0, 255), cb.clip(0, 255)], axis=-1).astype(np.uint8)
