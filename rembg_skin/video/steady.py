"""Masks that hold still over time: a pixel's mask is averaged over the frames in which its surroundings stay the same.

There is no optical flow. The last result is moved with the camera; a pixel whose colour then fits keeps its average;
one whose colour does not fit, or that just came into the picture, takes the new mask.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from rembg_skin.image.arrays import Bytes, Floats, Mask, Selection
from rembg_skin.video.motion import STILL, Affine, camera_motion, reach, scaled, warped
from rembg_skin.video.reader import Frame

# Frames that an average remembers; more gain little on clips of a known motion, and correct an early error later.
MEMORY = 24

_ACROSS = 160  # pixels of the longer side of the small frames in which motion and change are found
_UNMOVED = 0.05  # pixels of the frame: less is not worth a resampling, which blurs
# A change of colour counts from this many times the noise on, and fully from that many.
_SOME, _ALL = 2.0, 5.0
# A new mask that differs by this many levels, in the same direction and frame after frame, is believed after so many:
# someone moves before a wall of the same colour.
_DIFFERENT, _BELIEVED = 96.0, 6
# The noise, in levels of the small frames: between what rounding makes and what is a change however noisy the rest is.
_QUIET, _LOUD = 1.0, 6.0
_SAMPLE = (slice(None, None, 3), slice(None, None, 3))  # of the pixels: enough for a median
_NORMAL = 1.4826  # a standard deviation, in medians of absolute values


@dataclass(frozen=True)
class Small:
    """A frame as change is found in it, blurred: RGB, uint8 [h, w, 3], and grey levels, float32 [h, w]."""

    rgb: Bytes
    grey: Floats


class Steadier:
    """Steadies the masks of one video; give it every frame and its mask in order.

    Parameters
    ----------
    memory
        How many frames an average remembers.

    """

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._last: Small | None = None
        self._motion = STILL
        self._average: Floats = np.empty((0, 0), np.float32)
        self._frames: Floats = np.empty((0, 0), np.float32)  # averaged at each pixel of the small frame
        self._streak: Floats = np.empty((0, 0), np.float32)  # frames that differed there, below 0 for less skin

    def __call__(self, frame: Bytes, mask: Mask) -> Mask:
        """Return the steadied mask, uint8 [height, width].

        Parameters
        ----------
        frame
            RGB, uint8 [height, width, 3].
        mask
            Its mask, uint8 [height, width], 0 to 255.

        """
        factor = max(1, round(max(mask.shape) / _ACROSS))
        small = shrunk(frame, factor)
        new = mask.astype(np.float32)
        if self._last is None or self._average.shape != mask.shape:
            self._average = new
            self._frames = np.ones(small.grey.shape, np.float32)
            self._streak = np.zeros(small.grey.shape, np.float32)
        else:
            motion = camera_motion(self._last.grey, small.grey, self._motion)
            self._motion = motion
            kept = unchanged(self._last.rgb, small.rgb, motion)
            average = self._moved(scaled(motion, factor))
            change = new - average
            kept[self._believed(change, factor, motion)] = 0
            self._frames = 1 + kept * np.minimum(warped(self._frames, motion), np.float32(self._memory - 1))
            self._average = average + _enlarged(np.float32(1) / self._frames, factor, mask.shape) * change
        self._last = small
        return (self._average + np.float32(0.5)).astype(np.uint8)

    def _believed(self, change: Floats, factor: int, motion: Affine) -> Selection:
        """Return where masks have differed from the average for long enough, bool [h, w] of the small frame."""
        small = np.asarray(Image.fromarray(change).reduce(factor))
        vote = np.sign(small) * (np.abs(small) > _DIFFERENT)
        streak = warped(self._streak, motion)
        self._streak = np.where(vote * streak > 0, vote + streak, vote)
        return np.abs(self._streak) > _BELIEVED - 0.5  # motion blends neighbours

    def _moved(self, motion: Affine) -> Floats:
        height, width = self._average.shape
        if reach(motion, (width, height)) < _UNMOVED:
            return self._average
        return warped(self._average, motion)


def steadied(pairs: Iterable[tuple[Frame, Mask]]) -> Iterator[tuple[Frame, Mask]]:
    """Yield the frames of one video with their masks steadied."""
    steadier = Steadier()
    for frame, mask in pairs:
        yield frame, steadier(frame.rgb, mask)


def shrunk(frame: Bytes, factor: int) -> Small:
    """Return the RGB frame, uint8 [height, width, 3], `factor` times as small."""
    image = Image.fromarray(frame).reduce(factor).filter(ImageFilter.BoxBlur(1))
    return Small(np.asarray(image), np.asarray(image.convert("L"), dtype=np.float32))


def unchanged(before: Bytes, after: Bytes, motion: Affine) -> Floats:
    """Return what of a frame is as it was: float32 [h, w], 1 for no more than noise, 0 for changed or new.

    Parameters
    ----------
    before, after
        The two frames, blurred RGB, uint8 [h, w, 3].
    motion
        How the camera moved between them.

    """
    height, width, _ = after.shape
    moved = Image.fromarray(before).transform(
        (width, height), Image.Transform.AFFINE, motion, Image.Resampling.BILINEAR
    )
    inside = warped(np.ones((height, width), np.float32), motion) > 0.999  # noqa: PLR2004 - all four neighbours are pixels
    if not inside[_SAMPLE].any():
        return np.zeros((height, width), np.float32)
    difference = after.astype(np.float32) - np.asarray(moved)
    difference -= np.median(difference[_SAMPLE][inside[_SAMPLE]], axis=0)  # the light, or the camera's exposure
    np.abs(difference, out=difference)
    noise = np.clip(_NORMAL * np.median(difference[_SAMPLE][inside[_SAMPLE]]), _QUIET, _LOUD)
    # Where colours change from pixel to pixel, a fraction of a pixel's motion looks like a change.
    ratio = (difference / (noise + _steepness(after))).max(axis=2)
    changed = np.clip((ratio - _SOME) / (_ALL - _SOME), 0, 1, dtype=np.float32)
    changed[~inside] = 1
    return np.float32(1) - _spread(changed)


def _steepness(rgb: Bytes) -> Floats:
    """Return the length of each channel's gradient in levels a pixel, float32 [h, w, 3]."""
    padded = np.pad(rgb.astype(np.float32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = padded[1:-1, 2:] - padded[1:-1, :-2]
    down = padded[2:, 1:-1] - padded[:-2, 1:-1]
    length: Floats = np.sqrt(across * across + down * down) * np.float32(0.5)
    return length


def _spread(plane: Floats) -> Floats:
    """Return each pixel's maximum over itself and its four neighbours."""
    result = plane.copy()
    for there, here in ((plane, result), (plane.T, result.T)):
        np.maximum(here[1:], there[:-1], out=here[1:])
        np.maximum(here[:-1], there[1:], out=here[:-1])
    return result


def _enlarged(plane: Floats, factor: int, shape: tuple[int, ...]) -> Floats:
    height, width = shape
    box = (0, 0, width / factor, height / factor)  # the small frame's last pixels may reach beyond the frame
    return np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR, box))
