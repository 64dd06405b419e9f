"""Convert RGB to 8-bit HSV, the units of the classic bounds, and L*a*b* as OpenCV does: fixed point and tables."""

import numpy as np
from numpy.typing import NDArray

from rembg_skin.image.arrays import Bytes, Floats

_SHIFT = 12  # of the fixed-point numbers
_LEVELS = np.arange(256)


def _reciprocals(scale: float) -> NDArray[np.int32]:
    return np.rint(np.divide(scale * (1 << _SHIFT), _LEVELS, out=np.zeros(256), where=_LEVELS > 0)).astype(np.int32)


_OF_VALUE, _OF_SPREAD = _reciprocals(255), _reciprocals(180 / 6)

_GAMMA_SHIFT = 3  # linear light is kept in eighths of a gray level
_ROOT_SHIFT = _SHIFT + _GAMMA_SHIFT
_SIGNAL = _LEVELS / 255
_LINEAR = np.where(_SIGNAL <= 0.04045, _SIGNAL / 12.92, ((_SIGNAL + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - sRGB
_TO_LINEAR = np.rint(_LINEAR * (255 << _GAMMA_SHIFT)).astype(np.float32)
_LIGHT = np.arange((256 * 3 // 2) << _GAMMA_SHIFT) / (255 << _GAMMA_SHIFT)
_ROOT = np.where(_LIGHT < 0.008856, 7.787 * _LIGHT + 16 / 116, np.cbrt(_LIGHT))  # noqa: PLR2004 - CIE 1976
_TO_ROOT = np.rint(_ROOT * (1 << _ROOT_SHIFT)).astype(np.float32)
# sRGB primaries, rows X, Y, Z, each divided by the D65 white point.
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WEIGHTS = np.rint(_XYZ / [[0.950456], [1.0], [1.088754]] * (1 << _SHIFT)).astype(np.float32)


def rgb_to_hsv(rgb: Bytes) -> Bytes:
    """Return H (0 to 179, degrees / 2), S and V (0 to 255) of RGB pixels, uint8 [..., 3]."""
    red, green, blue = np.moveaxis(rgb, -1, 0).astype(np.int32)
    value = np.maximum(np.maximum(red, green), blue)
    spread = value - np.minimum(np.minimum(red, green), blue)
    of_others = np.where(value == green, blue - red + 2 * spread, red - green + 4 * spread)
    sixths = np.where(value == red, green - blue, of_others)
    half = 1 << (_SHIFT - 1)
    hue = (sixths * _OF_SPREAD[spread] + half) >> _SHIFT
    hue += np.where(hue < 0, 180, 0)
    saturation = (spread * _OF_VALUE[value] + half) >> _SHIFT
    return np.stack([hue, saturation, value], axis=-1).astype(np.uint8)


def lab(*rgb: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """Return L scaled to 0..255 and a, b + 128 of the planes red, green and blue, each uint8 [height, width]."""
    linear = [_TO_LINEAR.take(plane) for plane in rgb]
    x, y, z = (_root(linear, weights) for weights in _WEIGHTS)
    middle = np.float32(128 << _ROOT_SHIFT)
    # 116 * 255 / 100 and 16 * 255 / 100 of a one, as OpenCV rounds them.
    lightness = y * np.float32(296) - np.float32(1336934)
    return _byte(lightness), _byte((x - y) * np.float32(500) + middle), _byte((y - z) * np.float32(200) + middle)


def _root(linear: list[Floats], weights: Floats) -> Floats:
    total = linear[0] * weights[0]
    total += linear[1] * weights[1]
    total += linear[2] * weights[2]
    total *= np.float32(1 / (1 << _SHIFT))
    total += np.float32(0.5)
    root: Floats = _TO_ROOT.take(total.astype(np.intp))
    return root


def _byte(values: Floats) -> Bytes:
    values *= np.float32(1 / (1 << _ROOT_SHIFT))
    values += np.float32(0.5)
    return np.clip(values, np.float32(0), np.float32(255), out=values).astype(np.uint8)
