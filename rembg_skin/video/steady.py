"""Masks that hold still over time: a pixel's mask is averaged over the frames in which its surroundings stay the same.

There is no optical flow. The last result is moved with the camera; a pixel whose color then fits keeps its average;
one whose color does not fit, or that just came into the picture, takes the new mask. While nothing else changes, every
second frame goes without a mask of its own: the average is better than any one mask.
"""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from rembg_skin.image.arrays import Bytes, Floats, Mask, Selection
from rembg_skin.image.morphology import dilated, disk
from rembg_skin.video.motion import SOME, STILL, Motion, camera_motion

_ACROSS = 160  # pixels of the longer side of the small frames in which motion and change are found
# A change of color counts from this many times the noise on, and fully from that many.
_SLIGHT, _FULL = 2.0, 5.0
# The noise, in levels of the small frames: between what rounding makes and what is a change however noisy the rest is.
_QUIET, _LOUD = 1.0, 6.0
_NORMAL = 1.4826  # a standard deviation, in medians of absolute values
# Skip the network if less than _STIRRED of the frame changed fully and at most _NEW came into view.
_STIRRED, _NEW = 0.001, 0.05
_FIRST = 8  # frames that all get a mask

# Masks that an average remembers; more gain little on clips of a known motion, and correct an early error later.
_MEMORY = 24
_UNMOVED = 0.05  # pixels of the frame: less is not worth a resampling, which blurs
# A new mask that differs by this many levels, in the same direction and frame after frame, is believed after so many:
# someone moves before a wall of the same color.
_DIFFERENT, _BELIEVED = 96.0, 6


class Look(NamedTuple):
    """How a frame follows from the one before."""

    factor: int  # how many times smaller the small frame of `motion` and `kept` is
    motion: Motion | None  # of the camera; None if there is no frame before, or one of another size
    kept: Floats  # [h, w], 1 for pixels as they were, 0 for changed or new ones
    needs_mask: bool = True  # False if the last mask, moved along, will do


class Watcher:
    """Compare the frames of one video with the one before, in order."""

    def __init__(self) -> None:
        self._last: tuple[tuple[int, ...], Bytes, Floats] | None = None

    def __call__(self, frame: Bytes) -> Look:
        """Return how the frame, RGB, uint8 [height, width, 3], follows from the last one."""
        factor = max(1, round(max(frame.shape) / _ACROSS))
        image = Image.fromarray(frame).reduce(factor).filter(ImageFilter.BoxBlur(1))
        rgb, gray = np.asarray(image), np.asarray(image.convert("L"), dtype=np.float32)
        last, self._last = self._last, (frame.shape, rgb, gray)
        if last is None or last[0] != frame.shape:
            self._motion, self._seen, self._masked = STILL, 0, True
            return Look(factor, None, np.zeros_like(gray))
        self._motion = camera_motion(last[2], gray, self._motion)
        changed, inside = _changes(last[1], rgb, self._motion)
        self._seen += 1
        quiet = np.mean((changed >= 1) & inside) < _STIRRED and np.mean(~inside) < _NEW
        self._masked = not (quiet and self._masked and self._seen >= _FIRST)
        changed[~inside] = 1
        return Look(factor, self._motion, 1 - dilated(changed, disk(1)), self._masked)


def _changes(before: Bytes, after: Bytes, motion: Motion) -> tuple[Floats, Selection]:
    """Return how much each pixel changed, float32 [h, w], 0 for no more than noise to 1, and which were seen before.

    `before` and `after` are blurred RGB, uint8 [h, w, 3]; `motion` is that of the camera between them.
    """
    inside = motion.seen(after.shape)
    if not inside[SOME].any():
        return np.ones(inside.shape, np.float32), inside
    difference = after.astype(np.float32) - motion.warped(before)
    difference -= np.median(difference[SOME][inside[SOME]], axis=0)  # the light, or the camera's exposure
    np.abs(difference, out=difference)
    noise = np.clip(_NORMAL * np.median(difference[SOME][inside[SOME]]), _QUIET, _LOUD)
    # Where colors change from pixel to pixel, a fraction of a pixel's motion looks like a change.
    ratio = (difference / (noise + _steepness(after))).max(axis=2)
    return np.clip((ratio - _SLIGHT) / (_FULL - _SLIGHT), 0, 1, dtype=np.float32), inside


def _steepness(rgb: Bytes) -> Floats:
    """Return the length of each channel's gradient in levels a pixel, float32 [h, w, 3]."""
    padded = np.pad(rgb.astype(np.float32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = padded[1:-1, 2:] - padded[1:-1, :-2]
    down = padded[2:, 1:-1] - padded[:-2, 1:-1]
    length: Floats = np.sqrt(across * across + down * down) * np.float32(0.5)
    return length


class Steadier:
    """Steady the masks of one video, given in order."""

    _average: Floats
    _masks: Floats  # averaged at each pixel of the small frame
    _streak: Floats  # masks that differed there, below 0 for less skin

    def __call__(self, look: Look, mask: Mask | None) -> Mask:
        """Return the steadied mask, uint8 [height, width], of a frame's own, which may be None if `look` allows it."""
        if look.motion is not None:
            self._move(look.motion, look.factor)
        if mask is None:
            self._masks = np.maximum(look.kept * self._masks, np.float32(1))
        elif look.motion is not None:
            self._take(look, mask)
        else:
            self._average = mask.astype(np.float32)
            self._masks, self._streak = np.ones_like(look.kept), np.zeros_like(look.kept)
        return (self._average + np.float32(0.5)).astype(np.uint8)

    def _take(self, look: Look, mask: Mask) -> None:
        change = mask - self._average
        kept = np.where(self._believed(change, look.factor), np.float32(0), look.kept)
        self._masks = 1 + kept * np.minimum(self._masks, np.float32(_MEMORY - 1))
        height, width = mask.shape
        box = (0, 0, width / look.factor, height / look.factor)  # the small frame may reach beyond the frame
        share = Image.fromarray(np.float32(1) / self._masks).resize((width, height), Image.Resampling.BILINEAR, box)
        self._average = self._average + np.asarray(share) * change

    def _move(self, motion: Motion, factor: int) -> None:
        """Move all that is remembered with the camera."""
        self._masks, self._streak = _extended(self._masks, motion), _extended(self._streak, motion)
        height, width = self._average.shape
        large = motion.scaled(factor)
        if large.reach(width, height) >= _UNMOVED:
            self._average = _extended(self._average, large)

    def _believed(self, change: Floats, factor: int) -> Selection:
        """Return where masks have differed from the average for long enough, bool [h, w] of the small frame."""
        small = np.asarray(Image.fromarray(change).reduce(factor))
        vote = np.sign(small) * (np.abs(small) > _DIFFERENT)
        self._streak = np.where(vote * self._streak > 0, vote + self._streak, vote)
        return np.abs(self._streak) > _BELIEVED - 0.5  # motion blends neighbors


def _extended(plane: Floats, motion: Motion) -> Floats:
    """Return float32 [height, width] `plane` moved by `motion`, bilinear; its edge goes on beyond it."""
    height, width = plane.shape
    margin = min(math.ceil(motion.reach(width, height)) + 1, max(plane.shape))
    return motion.warped(np.pad(plane, margin, mode="edge"), margin)
