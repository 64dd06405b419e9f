"""Find how the camera moved from one frame to the next: one shift, zoom and turn for the complete picture.

A phase correlation finds large shifts to the pixel; Gauss-Newton steps on the gray levels then refine shift, zoom and
turn. Pixels that do not fit, such as those of a moving person, lose their weight in every step.
"""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.image.arrays import Floats, Selection

SOME = (slice(None, None, 3), slice(None, None, 3))  # of the pixels: enough for a median

_SMALLEST = 24  # pixels of the shorter side: below, there is too little to go by
_STEPS = 4
_CLOSE = 0.005  # pixels: a smaller step changes nothing
_OVERLAP = 0.3  # of the picture: a match of less is chance
_EDGE = 2  # pixels whose gradient reaches beyond the picture
_ALL_FOUR = 0.999  # neighbors are pixels


class Motion(NamedTuple):
    """The point p, x + y * 1j, of a later frame was at zoom * p + shift of the earlier one; pixel centers lie at .5."""

    zoom: complex = 1  # its angle is the camera's turn
    shift: complex = 0

    def scaled(self, factor: float) -> "Motion":
        """Return the motion as seen in pictures `factor` times as large."""
        return Motion(self.zoom, self.shift * factor)

    def reach(self, width: float, height: float) -> float:
        """Return by how many pixels a corner of a picture moves at most."""
        moves = [(self.zoom - 1) * complex(*corner) + self.shift for corner in product((0, width), (0, height))]
        return max(max(abs(move.real), abs(move.imag)) for move in moves)

    def warped(self, picture: NDArray[Any], margin: int = 0) -> NDArray[Any]:
        """Return a picture, [height, width, ...], moved, bilinear; 0 where it reaches beyond the earlier one.

        `margin` pixels at each edge are only read: the result is without them.
        """
        height, width = (length - 2 * margin for length in picture.shape[:2])
        a, d, c, f = self.zoom.real, self.zoom.imag, self.shift.real + margin, self.shift.imag + margin
        image, affine = Image.fromarray(picture), (a, -d, c, d, a, f)
        return np.asarray(image.transform((width, height), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))

    def seen(self, shape: tuple[int, ...]) -> Selection:
        """Return which pixels of a later frame were in the earlier one, bool [height, width]."""
        return self.warped(np.ones(shape[:2], np.float32)) > _ALL_FOUR


STILL = Motion()


def camera_motion(before: Floats, after: Floats, last: Motion = STILL) -> Motion:
    """Return how the camera moved between two frames; STILL if it is unknown.

    The frames are gray levels, float32 [height, width], 0 to 255; about 160 pixels across are enough. `last` is the
    motion before, which most often goes on.
    """
    if min(after.shape) < _SMALLEST:
        return STILL
    goes_on = last.shift - (1 - last.zoom) * _middle(after)  # of the picture's center
    found = _shift(before, after)
    starts = {
        0j: STILL,
        found: Motion(1, found),
        complex(round(goes_on.real), round(goes_on.imag)): (last.zoom, goes_on),
    }
    best = min(starts, key=lambda shift: _difference(before, after, shift))
    return _refined(before, after, *starts[best])


def _middle(frame: Floats) -> complex:
    return complex(frame.shape[1], frame.shape[0]) / 2


def _shift(before: Floats, after: Floats) -> complex:
    """Return where `after` lies in `before`, in whole pixels, by phase correlation at half the size."""
    height, width = (length // 2 for length in after.shape)
    fading = np.hanning(height).astype(np.float32)[:, None], np.hanning(width).astype(np.float32)

    def spectrum(plane: Floats) -> NDArray[np.complex128]:
        even = plane[: 2 * height, : 2 * width]
        half = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) * np.float32(0.25)
        return np.fft.rfft2((half - half.mean()) * fading[0] * fading[1])  # edges would correlate best at rest

    common = spectrum(before) * np.conj(spectrum(after))
    size = np.abs(common)
    peaks = np.fft.irfft2(common / (size + 1e-3 * size.mean() + 1e-9), (height, width))
    y, x = divmod(int(peaks.argmax()), width)
    return 2 * complex(x - width if x > width // 2 else x, y - height if y > height // 2 else y)


def _difference(before: Floats, after: Floats, shift: complex) -> float:
    """Return the mean difference of the gray levels where the two frames overlap; `shift` is in whole pixels."""
    x, y = int(shift.real), int(shift.imag)
    height, width = after.shape
    here = after[max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)]
    there = before[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
    return float(np.abs(here - there).mean()) if here.size >= _OVERLAP * after.size else np.inf


def _refined(before: Floats, after: Floats, zoom: complex, shift: complex) -> Motion:
    """Return the motion near `zoom`, and a `shift` of the center, that fits best; STILL if too little is seen."""
    height, width = after.shape
    y, x = np.indices(after.shape, np.float32)
    x -= np.float32((width - 1) / 2)
    y -= np.float32((height - 1) / 2)
    fixed = np.gradient(after)
    for _ in range(_STEPS):
        motion = Motion(zoom, shift + (1 - zoom) * _middle(after))
        moved, inside = motion.warped(before), motion.seen(after.shape)
        inside[:_EDGE] = inside[-_EDGE:] = inside[:, :_EDGE] = inside[:, -_EDGE:] = False
        if np.count_nonzero(inside) < _OVERLAP * inside.size:
            return STILL
        error = after - moved
        sample = error[SOME][inside[SOME]]
        light = np.median(sample)
        error -= light
        spread = max(float(np.median(np.abs(sample - light))), 0.3)
        weight = inside / (1 + (error / np.float32(3 * spread)) ** 2)
        down, across = (
            np.float32(0.5) * (ours + theirs) for ours, theirs in zip(np.gradient(moved), fixed, strict=True)
        )
        slopes = np.stack([across * x + down * y, down * x - across * y, across, down]).reshape(4, -1)
        weighted = slopes * weight.ravel()
        normal = (weighted @ slopes.T).astype(np.float64)
        normal += np.eye(4) * (1e-6 * np.trace(normal) + 1e-9)
        step = np.linalg.solve(normal, weighted @ error.ravel())
        zoom, shift = zoom + complex(*step[:2]), shift + complex(*step[2:])
        if max(np.abs(step[:2]).max() * width, np.abs(step[2:]).max()) < _CLOSE:
            break
    return Motion(zoom, shift + (1 - zoom) * _middle(after))
