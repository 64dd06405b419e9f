"""Cut eyes, brows and mouth out of a mask: ellipses placed by a face's five landmarks, an approximation.

Places and sizes: the average frontal face of FASSEG, whose masks leave the three out.
"""

from collections.abc import Iterable, Sequence
from math import atan2, cos, hypot, isfinite, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.tiles import Box

Point = tuple[float, float]

_MOUTH = 1.08  # from between the eyes to the mouth, in distances of the eyes
_PROFILE = 0.5  # below this eye distance, by that measure, the face is in profile and its landmarks are useless
_THINNEST = 0.01  # pixels: an ellipse below it hides nothing
_CORE = 0.7  # of an ellipse, in its middle
_TILT = 0.1  # radians: a brow's outer end is higher than its inner one


class Ellipse(NamedTuple):
    """Center and half axes in pixels; `angle` in radians turns the first axis from x towards y."""

    x: float
    y: float
    across: float
    down: float
    angle: float = 0.0


def features(landmarks: Sequence[Point]) -> list[Ellipse]:
    """Return both eyes, both brows and the mouth of a face; none of a face in profile.

    `landmarks` are x and y of the eyes, the nose's tip and the corners of the mouth, the picture's left ones first.
    """
    points = np.array(landmarks, float)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        return []
    eyes, mouth = points[:2], points[3:].mean(axis=0)
    wide = hypot(*(eyes[1] - eyes[0]))
    high = hypot(*(mouth - eyes.mean(axis=0))) / _MOUTH
    if wide <= _PROFILE * high:
        return []
    right = (eyes[1] - eyes[0]) / wide
    below = np.array((-right[1], right[0]))  # from the eyes towards the mouth
    angle = atan2(right[1], right[0])

    def ellipse(center: NDArray[np.float64], across: float, down: float, tilt: float = 0.0) -> Ellipse:
        return Ellipse(float(center[0]), float(center[1]), across * wide, down * high, angle + tilt)

    found = [ellipse(mouth + 0.07 * high * below, 0.44 * hypot(*(points[4] - points[3])) / wide, 0.165)]
    for eye, outward in zip(eyes, (-1, 1), strict=True):
        found.append(ellipse(eye + 0.02 * high * below, 0.24, 0.115))
        found.append(ellipse(eye + 0.035 * outward * wide * right - 0.27 * high * below, 0.29, 0.075, -outward * _TILT))
    return found


def cores(landmarks: Sequence[Point]) -> list[Ellipse]:
    """Return the inner parts of the mouth and of both eyes; landmarks as for `features`."""
    return [
        ellipse._replace(across=_CORE * ellipse.across, down=_CORE * ellipse.down)
        for index, ellipse in enumerate(features(landmarks))
        if index in (0, 1, 3)  # not the brows
    ]


def without(mask: PILImage, ellipses: Iterable[Ellipse], softness: float = 0.0) -> PILImage:
    """Return the L mask with 0 inside the ellipses, whose edges are `softness` smaller half axes, or a pixel, wide."""
    levels = np.array(mask)
    for ellipse in ellipses:
        if not all(map(isfinite, ellipse)) or min(ellipse.across, ellipse.down) < _THINNEST:
            continue
        reach = max(ellipse.across, ellipse.down) * (1 + softness / 2) + 1
        edges = ellipse.x - reach, ellipse.y - reach, ellipse.x + reach + 1, ellipse.y + reach + 1
        box = Box(*map(int, edges)).grown(0, mask.size)
        if min(box.size) <= 0:  # outside of the image
            continue
        x = np.arange(box.left, box.right, dtype=np.float32) + np.float32(0.5 - ellipse.x)
        y = np.arange(box.top, box.bottom, dtype=np.float32)[:, None] + np.float32(0.5 - ellipse.y)
        cosine, sine = np.float32(cos(ellipse.angle)), np.float32(sin(ellipse.angle))
        away = np.hypot((x * cosine + y * sine) / ellipse.across, (y * cosine - x * sine) / ellipse.down)
        radius = min(ellipse.across, ellipse.down)
        kept = ((away - 1) * (radius / max(1.0, softness * radius)) + 0.5).clip(0, 1)
        part = levels[box.slices()]
        part[...] = np.rint(part * kept)
    return Image.fromarray(levels)
