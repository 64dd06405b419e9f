"""Select skin by color: planes in, a boolean mask out. Parameters: scripts of samhaswon/skin_segmentation.

Every rule uses the differences R-Y and B-Y, or max, min and their difference, in 8- and 16-bit integers. The masks
equal those from OpenCV's rounded 8-bit YCrCb and HSV, without computing these planes.
"""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rembg_skin.color.planes import Planes
from rembg_skin.image.arrays import Bytes, Selection

# Of the R-Y and B-Y differences, as 14-bit fixed-point numbers: OpenCV's 8-bit BT.601 conversion.
CR_GAIN = 11682  # 0.713
CB_GAIN = 9241  # 0.564
_SHIFT = 14
_BLOCK = 1 << 16  # pixels at a time in rules with 32-bit temporaries: they stay in the cache


class Rule(Protocol):
    """A function that selects skin by each pixel's color."""

    def __call__(self, planes: Planes) -> Selection:
        """Return the pixels of skin color, bool [height, width]."""


def chroma(difference: NDArray[np.integer], gain: int) -> NDArray[np.integer]:
    """Return Cr from R-Y, or Cb from B-Y: ``difference * gain / 2**14 + 128``, rounded and clipped to 0..255."""
    scaled = difference.astype(np.int32) * gain + ((128 << _SHIFT) + (1 << _SHIFT - 1))
    return (scaled >> _SHIFT).clip(0, 255)


@dataclass(frozen=True)
class ChromaBox:
    """``cb_min <= Cb <= cb_max`` and ``cr_min <= Cr <= cr_max``, for any Y."""

    cb_min: int = 85
    cb_max: int = 135
    cr_min: int = 137
    cr_max: int = 180

    def __call__(self, planes: Planes) -> Selection:
        """Return True inside the box."""
        in_cr = _chroma_between(planes.red, planes.luma, CR_GAIN, self.cr_min, self.cr_max)
        in_cb = _chroma_between(planes.blue, planes.luma, CB_GAIN, self.cb_min, self.cb_max)
        return np.logical_and(in_cr, in_cb, out=in_cr)


def _chroma_between(plane: Bytes, luma: Bytes, gain: int, low: int, high: int) -> Selection:
    # Chroma grows with the difference, so a range of one is a range of the other.
    differences = np.arange(-255, 256)
    chromas = chroma(differences, gain)
    inside = differences[(chromas >= low) & (chromas <= high)]
    if inside.size == 0:
        return np.zeros(plane.shape, dtype=np.bool_)
    return _difference_between(plane, luma, int(inside[0]), int(inside[-1]))


def _difference_between(a: Bytes, b: Bytes, low: int, high: int) -> Selection:
    # a - b without leaving 8 bits: of max - b and max - a one is |a - b| and the other is 0.
    larger = np.maximum(a, b)
    above = larger - b
    below = np.subtract(larger, a, out=larger)
    at_least = above >= low if low > 0 else below <= -low
    at_most = above <= high if high >= 0 else below >= -high
    return np.logical_and(at_least, at_most, out=at_least)


@dataclass(frozen=True)
class ChromaEllipse:
    """Inside an ellipse of the Cb-Cr plane, its first axis turned by `angle` degrees from Cb towards Cr."""

    cb_center: float = 109.38
    cr_center: float = 152.02
    first_axis: float = 13.64
    second_axis: float = 15.38
    angle: float = 0.0

    def __call__(self, planes: Planes) -> Selection:
        """Return True inside or on the ellipse."""
        angle = radians(self.angle)
        # Both coordinates along the axes are linear in the differences from the center's Cb and Cr.
        u_cb, u_cr = cos(angle) / self.first_axis, sin(angle) / self.first_axis
        v_cb, v_cr = -sin(angle) / self.second_axis, cos(angle) / self.second_axis
        u_offset = u_cb * (128 - self.cb_center) + u_cr * (128 - self.cr_center)
        v_offset = v_cb * (128 - self.cb_center) + v_cr * (128 - self.cr_center)
        inside = np.empty(planes.luma.shape, dtype=np.bool_)
        height, width = planes.luma.shape
        rows = max(1, _BLOCK // width)
        for top in range(0, height, rows):
            block = slice(top, top + rows)
            luma = planes.luma[block].astype(np.float32)
            cb = _rounded_product(planes.blue[block] - luma, CB_GAIN)
            cr = _rounded_product(planes.red[block] - luma, CR_GAIN)
            u = _combination(cb, u_cb, cr, u_cr, u_offset)
            v = _combination(cb, v_cb, cr, v_cr, v_offset)
            u *= u
            v *= v
            u += v
            np.less_equal(u, np.float32(1.0), out=inside[block])
        return inside


def _rounded_product(difference: NDArray[np.float32], gain: int) -> NDArray[np.float32]:
    difference *= np.float32(gain / (1 << _SHIFT))
    return np.rint(difference, out=difference)


def _combination(
    cb: NDArray[np.float32], cb_weight: float, cr: NDArray[np.float32], cr_weight: float, offset: float
) -> NDArray[np.float32]:
    total = cb * np.float32(cb_weight)
    total += cr * np.float32(cr_weight)
    total += np.float32(offset)
    return total


@dataclass(frozen=True)
class HsvRange:
    """H (0 to 179, degrees / 2), S and V (0 to 255) between bounds; ``h_min > h_max`` is the range through 0."""

    h_min: int = 0
    h_max: int = 20
    s_min: int = 48
    s_max: int = 255
    v_min: int = 80
    v_max: int = 255

    def __call__(self, planes: Planes) -> Selection:
        """Return True inside the range."""
        red, green, blue = planes.red, planes.green, planes.blue
        value = np.maximum(np.maximum(red, green), blue)
        spread = np.minimum(np.minimum(red, green), blue)
        np.subtract(value, spread, out=spread)

        inside = self._saturation_between(value, spread)
        if self.v_min > 0:
            inside &= value >= self.v_min
        if self.v_max < 255:  # noqa: PLR2004
            inside &= value <= self.v_max
        inside &= self._hue_between(planes, value, spread)
        return inside

    def _saturation_between(self, value: Bytes, spread: Bytes) -> Selection:
        # With S = 255 spread / value, round(S) >= s is 255 spread >= (s - 1/2) value, which fits 16 bits.
        scaled = spread * np.uint16(255)
        inside = spread > 0 if self.s_min > 0 else np.ones(value.shape, dtype=np.bool_)
        if self.s_min > 0:
            inside &= scaled >= value * np.uint16(self.s_min) - (value >> 1)
        if self.s_max < 255:  # noqa: PLR2004
            # A half is rounded up, out of the range. A value of 0 wraps, harmlessly: its spread is 0.
            inside &= scaled <= value * np.uint16(self.s_max) + ((value - np.uint8(1)) >> 1)
        return inside

    def _hue_between(self, planes: Planes, value: Bytes, spread: Bytes) -> Selection:
        if self.h_min > self.h_max:
            wrapped = _hue_sectors(planes, value, spread, self.h_min, 179)
            wrapped |= _hue_sectors(planes, value, spread, 0, self.h_max)
            return wrapped
        if (self.h_min, self.h_max) == (0, 179):
            return np.ones(value.shape, dtype=np.bool_)
        return _hue_sectors(planes, value, spread, self.h_min, self.h_max)


def _hue_sectors(planes: Planes, value: Bytes, spread: Bytes, low: int, high: int) -> Selection:
    """Return the pixels whose hue lies in ``low..high``; only the sectors of the range are computed.

    In the sector of the largest channel, H = center + 30 * (following - preceding channel) / spread, rounded. The
    centers are 0 (red), 60 (green) and 120 (blue); of equal channels the first in this order counts. Below 0 is + 180.
    """
    width = np.maximum(spread, 1).astype(np.int16)
    inside = np.zeros(value.shape, dtype=np.bool_)
    for center, following, preceding in ((0, "green", "blue"), (60, "blue", "red"), (120, "red", "green")):
        owned: Selection | None = None
        for turn in (0, 180) if center == 0 else (0,):
            # Red's hues below 0 come out as 150 to 179: the same sector, one turn on.
            first, last = max(low - turn, center - 30), min(high - turn, center + 30)
            if first > last:
                continue
            if owned is None:
                owned = _largest(planes, value, center)
                slope = getattr(planes, following).astype(np.int16)
                slope -= getattr(planes, preceding)
                slope *= 60
            part = slope >= (2 * (first - center) - 1) * width
            part &= slope < (2 * (last - center) + 1) * width
            part &= owned
            inside |= part
    return inside


def _largest(planes: Planes, value: Bytes, center: int) -> Selection:
    red: Selection = planes.red == value
    if center == 0:
        return red
    green: Selection = planes.green == value
    green &= ~red
    return green if center == 60 else ~(red | green)  # noqa: PLR2004
