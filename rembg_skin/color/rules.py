"""Select skin by color: planes in, a boolean mask out. Parameters: scripts of samhaswon/skin_segmentation.

Every rule uses the differences R-Y and B-Y, or max, min and their difference, in 8- and 16-bit integers. The masks
equal those from OpenCV's rounded 8-bit YCrCb and HSV, without computing these planes.
"""

from dataclasses import dataclass
from itertools import product
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from rembg_skin.color.method import Planes
from rembg_skin.image.arrays import Bytes, Floats, Selection

# Of the R-Y and B-Y differences, as 14-bit fixed-point numbers: OpenCV's 8-bit BT.601 conversion.
CR_GAIN = 11682  # 0.713
CB_GAIN = 9241  # 0.564
_SHIFT = 14
_BLOCK = 1 << 16  # pixels at a time in rules with 32-bit temporaries: they stay in the cache
_TOP = 255


def chroma(difference: NDArray[np.integer], gain: int) -> NDArray[np.integer]:
    """Return Cr from R-Y, or Cb from B-Y: ``difference * gain / 2**14 + 128``, rounded and clipped to 0..255."""
    scaled = difference.astype(np.int32) * gain + ((128 << _SHIFT) + (1 << _SHIFT - 1))
    return (scaled >> _SHIFT).clip(0, _TOP)


@dataclass(frozen=True)
class ChromaBox:
    """``cb_min <= Cb <= cb_max`` and ``cr_min <= Cr <= cr_max``, for any Y; no minimum is above its maximum."""

    cb_min: int = 85
    cb_max: int = 135
    cr_min: int = 137
    cr_max: int = 180

    def __call__(self, planes: Planes) -> Selection:
        """Return True inside the box."""
        inside = _chroma_between(planes.red, planes.luma, CR_GAIN, self.cr_min, self.cr_max)
        inside &= _chroma_between(planes.blue, planes.luma, CB_GAIN, self.cb_min, self.cb_max)
        return inside


def _chroma_between(plane: Bytes, luma: Bytes, gain: int, low: int, high: int) -> Selection:
    # Chroma grows with the difference, so a range of one is a range of the other.
    differences = np.arange(-_TOP, _TOP + 1)
    chromas = chroma(differences, gain)
    inside = differences[(chromas >= low) & (chromas <= high)]
    first, last = int(inside[0]), int(inside[-1])
    # The difference without leaving 8 bits: of max - luma and max - plane one is its amount and the other is 0.
    larger = np.maximum(plane, luma)
    above = larger - luma
    below = np.subtract(larger, plane, out=larger)
    at_least = above >= first if first > 0 else below <= -first
    at_most = above <= last if last >= 0 else below >= -last
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
        cosine, sine = cos(radians(self.angle)), sin(radians(self.angle))
        directions = (
            (cosine / self.first_axis, sine / self.first_axis),
            (-sine / self.second_axis, cosine / self.second_axis),
        )
        height, width = planes.luma.shape
        inside = np.empty((height, width), dtype=np.bool_)
        rows = max(1, _BLOCK // width)
        for top in range(0, height, rows):
            block = slice(top, top + rows)
            luma = planes.luma[block].astype(np.float32)
            cb = _rounded_product(planes.blue[block] - luma, CB_GAIN)
            cr = _rounded_product(planes.red[block] - luma, CR_GAIN)
            u, v = (self._squared_part(cb, cr, *direction) for direction in directions)
            u += v
            np.less_equal(u, np.float32(1.0), out=inside[block])
        return inside

    def _squared_part(self, cb: Floats, cr: Floats, cb_weight: float, cr_weight: float) -> Floats:
        """Return the square of the coordinate along one axis, linear in the differences from the center's Cb and Cr."""
        part = cb * np.float32(cb_weight)
        part += cr * np.float32(cr_weight)
        part += np.float32(cb_weight * (128 - self.cb_center) + cr_weight * (128 - self.cr_center))
        part *= part
        return part


def _rounded_product(difference: Floats, gain: int) -> Floats:
    difference *= np.float32(gain / (1 << _SHIFT))
    return np.rint(difference, out=difference)


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
        value = np.maximum(np.maximum(planes.red, planes.green), planes.blue)
        spread = np.minimum(np.minimum(planes.red, planes.green), planes.blue)
        np.subtract(value, spread, out=spread)
        inside = self._hue_inside(planes, value, spread)
        if self.s_min == 0 and (self.h_min == 0 or self.h_min > self.h_max):
            inside |= spread == 0  # grays, whose hue is 0
        # With S = 255 spread / value, round(S) >= s is 255 spread >= (s - 1/2) value, which fits 16 bits.
        scaled = spread * np.uint16(_TOP)
        if self.s_min > 0:
            inside &= scaled >= value * np.uint16(self.s_min) - (value >> 1)
        if self.s_max < _TOP:  # a half is rounded up, out of the range; a value of 0 wraps, but its spread is 0
            inside &= scaled <= value * np.uint16(self.s_max) + ((value - np.uint8(1)) >> 1)
        if self.v_min > 0:
            inside &= value >= self.v_min
        if self.v_max < _TOP:
            inside &= value <= self.v_max
        return inside

    def _hue_inside(self, planes: Planes, value: Bytes, spread: Bytes) -> Selection:
        """Return the colors, grays left out, of the range's hues; only the sectors of the range are computed.

        In the sector of the largest channel, H = center + 30 * (following - preceding channel) / spread, rounded. The
        centers are 0 and 180 (red), 60 (green) and 120 (blue); on the border of two sectors both give the same hue.
        """
        through_zero = self.h_min > self.h_max
        ranges = ((self.h_min, 179), (0, self.h_max)) if through_zero else ((self.h_min, self.h_max),)
        red, green, blue = planes.red, planes.green, planes.blue
        sectors = ((0, red, green, blue), (60, green, blue, red), (120, blue, red, green), (180, red, green, blue))
        width = spread.astype(np.int16)
        inside = np.zeros(value.shape, dtype=np.bool_)
        for (low, high), (center, largest, following, preceding) in product(ranges, sectors):
            first, last = max(low, center - 30), min(high, center + 30)
            if first > last:
                continue
            slope = following.astype(np.int16)
            slope -= preceding
            slope *= 60
            part = slope >= (2 * (first - center) - 1) * width
            part &= slope < (2 * (last - center) + 1) * width
            part &= largest == value
            inside |= part
        return inside
