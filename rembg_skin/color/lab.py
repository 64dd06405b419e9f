"""Compute 8-bit CIE L*a*b* as OpenCV does, in fixed-point numbers with tables for the gamma and the cube root."""

from functools import cache

import numpy as np

from rembg_skin.color.planes import Planes
from rembg_skin.image.arrays import Bytes, Floats

_GAMMA_SHIFT = 3  # linear light is kept in eighths of a gray level
_SHIFT = 12
_ROOT_SHIFT = _SHIFT + _GAMMA_SHIFT
# sRGB primaries, rows X, Y, Z, each divided by the D65 white point.
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.950456, 1.0, 1.088754])


@cache
def _linear_table() -> Floats:
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - sRGB
    table: Floats = np.rint(linear * (255 << _GAMMA_SHIFT)).astype(np.float32)
    return table


@cache
def _root_table() -> Floats:
    light = np.arange((256 * 3 // 2) << _GAMMA_SHIFT) / (255 << _GAMMA_SHIFT)
    root = np.where(light < 0.008856, 7.787 * light + 16 / 116, np.cbrt(light))  # noqa: PLR2004 - CIE 1976
    table: Floats = np.rint(root * (1 << _ROOT_SHIFT)).astype(np.float32)
    return table


@cache
def _weights() -> Floats:
    weights: Floats = np.rint(_XYZ / _WHITE[:, None] * (1 << _SHIFT)).astype(np.float32)
    return weights


def lab(planes: Planes) -> tuple[Bytes, Bytes, Bytes]:
    """Return L scaled to 0..255 and a, b + 128, each uint8 [height, width]."""
    table = _linear_table()
    linear = [table.take(plane) for plane in (planes.red, planes.green, planes.blue)]
    x, y, z = (_root(linear, weights) for weights in _weights())
    one = np.float32(1 << _ROOT_SHIFT)
    # 116 * 255 / 100 and 16 * 255 / 100 of a one, as OpenCV rounds them.
    lightness = y * np.float32(296) - np.float32(1336934)
    a = (x - y) * np.float32(500) + np.float32(128) * one
    b = (y - z) * np.float32(200) + np.float32(128) * one
    return _byte(lightness), _byte(a), _byte(b)


def _root(linear: list[Floats], weights: Floats) -> Floats:
    total = linear[0] * weights[0]
    total += linear[1] * weights[1]
    total += linear[2] * weights[2]
    total *= np.float32(1 / (1 << _SHIFT))
    total += np.float32(0.5)
    root: Floats = _root_table().take(total.astype(np.intp))
    return root


def _byte(values: Floats) -> Bytes:
    values *= np.float32(1 / (1 << _ROOT_SHIFT))
    values += np.float32(0.5)
    return np.clip(values, np.float32(0), np.float32(255), out=values).astype(np.uint8)
