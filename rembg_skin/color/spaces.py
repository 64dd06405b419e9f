"""Convert RGB to OpenCV's 8-bit HSV and YCrCb, the units of the classic bounds."""

import numpy as np
from numpy.typing import NDArray

from rembg_skin.color.rules import CB_GAIN, CR_GAIN, chroma
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
    # 14-bit fixed point: 0.299, 0.587 and 0.114.
    luma = (4899 * red + 9617 * green + 1868 * blue + (1 << 13)) >> 14
    planes = [luma, chroma(red - luma, CR_GAIN), chroma(blue - luma, CB_GAIN)]
    return np.stack(planes, axis=-1).astype(np.uint8)
