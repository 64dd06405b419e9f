"""Masks that hold still over time: a pixel's mask is averaged over the frames in which its surroundings stay the same.

There is no optical flow. The last result is moved with the camera; a pixel whose color then fits keeps its average;
one whose color does not fit, or that just came into the picture, takes the new mask. While nothing else changes, every
second frame goes without a mask of its own: the average is better than any one mask.
"""

import math
from collections.abc import Generator, Iterable
from contextlib import closing

import numpy as np
from PIL import Image

from rembg_skin.image.arrays import Floats, Mask, Selection
from rembg_skin.video.change import Look, Watcher
from rembg_skin.video.motion import Affine, reach, scaled
from rembg_skin.video.predict import Masking, in_order
from rembg_skin.video.reader import Frame

# Masks that an average remembers; more gain little on clips of a known motion, and correct an early error later.
_MEMORY = 24
_UNMOVED = 0.05  # pixels of the frame: less is not worth a resampling, which blurs
# A new mask that differs by this many levels, in the same direction and frame after frame, is believed after so many:
# someone moves before a wall of the same color.
_DIFFERENT, _BELIEVED = 96.0, 6


class Steadier:
    """Steady the masks of one video, given in order."""

    _average: Floats
    _masks: Floats  # averaged at each pixel of the small frame
    _streak: Floats  # masks that differed there, below 0 for less skin

    def __call__(self, look: Look, mask: Mask | None) -> Mask:
        """Return the steadied mask, uint8 [height, width], of a frame's own, which may be None if `look` allows it."""
        if mask is not None:
            self._take(look, mask)
        elif look.motion is not None:
            self._move(look.motion, look.factor)
            self._masks = np.maximum(look.kept * self._masks, np.float32(1))
        return (self._average + np.float32(0.5)).astype(np.uint8)

    def _take(self, look: Look, mask: Mask) -> None:
        new = mask.astype(np.float32)
        if look.motion is None:
            self._average = new
            self._masks = np.ones(look.kept.shape, np.float32)
            self._streak = np.zeros(look.kept.shape, np.float32)
            return
        self._move(look.motion, look.factor)
        change = new - self._average
        kept = np.where(self._believed(change, look.factor), np.float32(0), look.kept)
        self._masks = 1 + kept * np.minimum(self._masks, np.float32(_MEMORY - 1))
        height, width = mask.shape
        box = (0, 0, width / look.factor, height / look.factor)  # the small frame may reach beyond the frame
        share = Image.fromarray(np.float32(1) / self._masks).resize((width, height), Image.Resampling.BILINEAR, box)
        self._average += np.asarray(share) * change

    def _move(self, motion: Affine, factor: int) -> None:
        """Move all that is remembered with the camera."""
        self._masks, self._streak = _extended(self._masks, motion), _extended(self._streak, motion)
        height, width = self._average.shape
        if reach(motion, (width / factor, height / factor)) * factor >= _UNMOVED:
            self._average = _extended(self._average, scaled(motion, factor))

    def _believed(self, change: Floats, factor: int) -> Selection:
        """Return where masks have differed from the average for long enough, bool [h, w] of the small frame."""
        small = np.asarray(Image.fromarray(change).reduce(factor))
        vote = np.sign(small) * (np.abs(small) > _DIFFERENT)
        self._streak = np.where(vote * self._streak > 0, vote + self._streak, vote)
        return np.abs(self._streak) > _BELIEVED - 0.5  # motion blends neighbors


def masked(frames: Iterable[Frame], work: Masking, at_once: int, *, steady: bool) -> Generator[tuple[Frame, Mask]]:
    """Yield the frames of one video with their masks, steadied or as the model makes them, in order.

    `work` masks a frame; `at_once` of them are given to it at the same time.
    """
    if not steady:
        yield from in_order(frames, lambda frame: work(frame.rgb), at_once)
        return
    watcher, steadier = Watcher(), Steadier()
    looks = ((frame, watcher(frame.rgb)) for frame in frames)
    with closing(in_order(looks, lambda item: work(item[0].rgb) if item[1].needs_mask else None, at_once)) as results:
        for (frame, look), mask in results:
            yield frame, steadier(look, mask)


def _extended(plane: Floats, motion: Affine) -> Floats:
    """Return float32 [height, width] `plane` moved by `motion`, bilinear; its edge goes on beyond it."""
    height, width = plane.shape
    margin = min(math.ceil(reach(motion, (width, height))) + 1, max(plane.shape))
    a, b, c, d, e, f = motion
    image = Image.fromarray(np.pad(plane, margin, mode="edge"))
    beyond = (a, b, c + margin, d, e, f + margin)
    return np.array(image.transform((width, height), Image.Transform.AFFINE, beyond, Image.Resampling.BILINEAR))
