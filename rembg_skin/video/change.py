"""Find what changes from frame to frame, beyond the camera's motion and the noise."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from rembg_skin.image.arrays import Bytes, Floats, Selection
from rembg_skin.image.morphology import dilated, disk
from rembg_skin.video.motion import STILL, Affine, camera_motion, warped

_ACROSS = 160  # pixels of the longer side of the small frames in which motion and change are found
# A change of color counts from this many times the noise on, and fully from that many.
_SOME, _ALL = 2.0, 5.0
# The noise, in levels of the small frames: between what rounding makes and what is a change however noisy the rest is.
_QUIET, _LOUD = 1.0, 6.0
_SAMPLE = (slice(None, None, 3), slice(None, None, 3))  # of the pixels: enough for a median
_NORMAL = 1.4826  # a standard deviation, in medians of absolute values
# Skip the network if less than _STIRRED of the frame changed fully and at most _NEW came into view.
_STIRRED, _NEW = 0.001, 0.05
_FIRST = 8  # frames that all get a mask


@dataclass(frozen=True)
class Look:
    """Describe how a frame follows from the one before."""

    factor: int  # how many times smaller the small frame of `motion` and `kept` is
    motion: Affine | None  # of the camera; None if there is no frame before, or one of another size
    kept: Floats  # [h, w], 1 for pixels as they were, 0 for changed or new ones
    needs_mask: bool = True  # False if the last mask, moved along, will do


class Watcher:
    """Compare the frames of one video with the one before, in order."""

    def __init__(self) -> None:
        self._last: tuple[Bytes, Floats] | None = None
        self._shape: tuple[int, ...] = ()
        self._motion = STILL
        self._seen = 0
        self._masked = False

    def __call__(self, frame: Bytes) -> Look:
        """Return how the frame, RGB, uint8 [height, width, 3], follows from the last one."""
        factor = max(1, round(max(frame.shape) / _ACROSS))
        image = Image.fromarray(frame).reduce(factor).filter(ImageFilter.BoxBlur(1))
        rgb, gray = np.asarray(image), np.asarray(image.convert("L"), dtype=np.float32)
        last, self._last = self._last, (rgb, gray)
        if last is None or self._shape != frame.shape:
            self._shape, self._motion, self._seen, self._masked = frame.shape, STILL, 0, True
            return Look(factor, None, np.zeros(gray.shape, np.float32))
        self._motion = camera_motion(last[1], gray, self._motion)
        changed, inside = _changes(last[0], rgb, self._motion)
        self._seen += 1
        quiet = np.mean((changed >= 1) & inside) < _STIRRED and np.mean(~inside) < _NEW
        self._masked = not (quiet and self._masked and self._seen >= _FIRST)
        changed[~inside] = 1
        return Look(factor, self._motion, 1 - dilated(changed, disk(1)), self._masked)


def _changes(before: Bytes, after: Bytes, motion: Affine) -> tuple[Floats, Selection]:
    """Return how much each pixel changed, float32 [h, w], 0 for no more than noise to 1, and which were seen before.

    `before` and `after` are blurred RGB, uint8 [h, w, 3]; `motion` is that of the camera between them.
    """
    height, width, _ = after.shape
    image = Image.fromarray(before)
    moved = image.transform((width, height), Image.Transform.AFFINE, motion, Image.Resampling.BILINEAR)
    inside = warped(np.ones((height, width), np.float32), motion) > 0.999  # noqa: PLR2004 - all four neighbors are pixels
    if not inside[_SAMPLE].any():
        return np.ones((height, width), np.float32), inside
    difference = after.astype(np.float32) - np.asarray(moved)
    difference -= np.median(difference[_SAMPLE][inside[_SAMPLE]], axis=0)  # the light, or the camera's exposure
    np.abs(difference, out=difference)
    noise = np.clip(_NORMAL * np.median(difference[_SAMPLE][inside[_SAMPLE]]), _QUIET, _LOUD)
    # Where colors change from pixel to pixel, a fraction of a pixel's motion looks like a change.
    ratio = (difference / (noise + _steepness(after))).max(axis=2)
    return np.clip((ratio - _SOME) / (_ALL - _SOME), 0, 1, dtype=np.float32), inside


def _steepness(rgb: Bytes) -> Floats:
    """Return the length of each channel's gradient in levels a pixel, float32 [h, w, 3]."""
    padded = np.pad(rgb.astype(np.float32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = padded[1:-1, 2:] - padded[1:-1, :-2]
    down = padded[2:, 1:-1] - padded[:-2, 1:-1]
    length: Floats = np.sqrt(across * across + down * down) * np.float32(0.5)
    return length
