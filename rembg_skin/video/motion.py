"""Find how the camera moved from one frame to the next: one shift, zoom and turn for the complete picture.

A phase correlation finds large shifts to the pixel; Gauss-Newton steps on the gray levels then refine shift, zoom and
turn. Pixels that do not fit, such as those of a moving person, lose their weight in every step.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.image.arrays import Floats

# As Pillow's affine transform takes it: pixel x, y of the later frame was at a*x + b*y + c, d*x + e*y + f of the
# earlier one; pixel centers lie at .5.
Affine = tuple[float, float, float, float, float, float]

Values = NDArray[np.float64]  # zoom less 1, turn, shift of the center to the right and down

STILL: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

_SMALLEST = 24  # pixels of the shorter side: below, there is too little to go by
_STEPS = 4
_CLOSE = 0.005  # pixels: a smaller step changes nothing
_OVERLAP = 0.3  # of the picture: a match of less is chance
_EDGE = 2  # pixels whose gradient reaches beyond the picture
_SOME = (slice(None, None, 3), slice(None, None, 3))  # of the pixels: enough for a median


def warped(plane: Floats, motion: Affine) -> Floats:
    """Return float32 [height, width] `plane` moved by `motion`, bilinear, 0 where it reaches beyond the plane."""
    size = plane.shape[1], plane.shape[0]
    image = Image.fromarray(plane)
    return np.asarray(image.transform(size, Image.Transform.AFFINE, motion, Image.Resampling.BILINEAR))


def scaled(motion: Affine, factor: float) -> Affine:
    """Return the motion as seen in pictures `factor` times as large."""
    a, b, c, d, e, f = motion
    return a, b, c * factor, d, e, f * factor


def reach(motion: Affine, size: tuple[float, float]) -> float:
    """Return by how many pixels a corner of a picture of `size`, width and height, moves at most."""
    a, b, c, d, e, f = motion
    corners = [(x, y) for x in (0, size[0]) for y in (0, size[1])]
    return max(max(abs(a * x + b * y + c - x), abs(d * x + e * y + f - y)) for x, y in corners)


def camera_motion(before: Floats, after: Floats, last: Affine = STILL) -> Affine:
    """Return how the camera moved between two frames; STILL if it is unknown.

    The frames are gray levels, float32 [height, width], 0 to 255; about 160 pixels across are enough. `last` is the
    motion before, which most often goes on.
    """
    if min(after.shape) < _SMALLEST:
        return STILL
    goes_on = _values(last, after.shape)
    found = _shift(before, after)
    starts = {(0, 0): np.zeros(4), found: np.array([0.0, 0.0, *found]), (round(goes_on[2]), round(goes_on[3])): goes_on}
    best = min(starts, key=lambda shift: _difference(before, after, shift))
    return _refined(before, after, starts[best]) or STILL


def _shift(before: Floats, after: Floats) -> tuple[int, int]:
    """Return x and y, in whole pixels, at which `after` lies in `before`, by phase correlation at half the size."""
    height, width = (length // 2 for length in after.shape)
    fading = np.hanning(height).astype(np.float32)[:, None], np.hanning(width).astype(np.float32)

    def spectrum(plane: Floats) -> NDArray[np.complex128]:
        even = plane[: 2 * height, : 2 * width]
        half = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) * np.float32(0.25)
        return np.fft.rfft2((half - half.mean()) * fading[0] * fading[1])  # edges would correlate best at rest

    product = spectrum(before) * np.conj(spectrum(after))
    size = np.abs(product)
    peaks = np.fft.irfft2(product / (size + 1e-3 * size.mean() + 1e-9), (height, width))
    y, x = divmod(int(peaks.argmax()), width)
    return 2 * (x - width if x > width // 2 else x), 2 * (y - height if y > height // 2 else y)


def _difference(before: Floats, after: Floats, shift: tuple[int, int]) -> float:
    """Return the mean difference of the gray levels where the two frames overlap."""
    x, y = shift
    height, width = after.shape
    here = after[max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)]
    there = before[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
    return float(np.abs(here - there).mean()) if here.size >= _OVERLAP * after.size else np.inf


def _refined(before: Floats, after: Floats, values: Values) -> Affine | None:
    """Return the motion near `values` that fits the gray levels best, up to one change of brightness; None if none."""
    height, width = after.shape
    y, x = np.indices((height, width), np.float32)
    x -= np.float32((width - 1) / 2)
    y -= np.float32((height - 1) / 2)
    whole = np.ones_like(after)
    fixed = np.gradient(after)
    for _ in range(_STEPS):
        motion = _affine(values, after.shape)
        moved = warped(before, motion)
        inside = warped(whole, motion) > 0.999  # noqa: PLR2004 - all four neighbors are pixels
        inside[:_EDGE] = inside[-_EDGE:] = inside[:, :_EDGE] = inside[:, -_EDGE:] = False
        if np.count_nonzero(inside) < _OVERLAP * inside.size:
            return None
        error = after - moved
        sample = error[_SOME][inside[_SOME]]
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
        values = values + step
        if max(np.abs(step[:2]).max() * width, np.abs(step[2:]).max()) < _CLOSE:
            break
    return _affine(values, after.shape)


def _values(motion: Affine, shape: tuple[int, ...]) -> Values:
    """Return zoom less 1, turn, and the shift of the center, of a picture of `shape`."""
    zoom, _, x, turn, _, y = motion
    middle_y, middle_x = shape[0] / 2, shape[1] / 2
    return np.array(
        [zoom - 1, turn, x + (zoom - 1) * middle_x - turn * middle_y, y + (zoom - 1) * middle_y + turn * middle_x]
    )


def _affine(values: Values, shape: tuple[int, ...]) -> Affine:
    zoom, turn, x, y = (float(value) for value in values)
    zoom += 1
    middle_y, middle_x = shape[0] / 2, shape[1] / 2
    return (
        *(zoom, -turn, x + middle_x - zoom * middle_x + turn * middle_y),
        *(turn, zoom, y + middle_y - turn * middle_x - zoom * middle_y),
    )
