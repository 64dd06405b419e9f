"""Skin masks of videos: :func:`masks` gives them frame by frame; `rembg-skin video` writes them.

Videos are read with PyAV (the extra ``video``), which is imported when the first one is opened.
"""

import math
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rembg_skin.errors import ExtraError, VideoError
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.video.frames import Frame, masking

if TYPE_CHECKING:
    from rembg_skin.video.reader import Reader

__all__ = ["Masked", "masks", "open_video"]


class Masked(NamedTuple):
    """One frame and its mask."""

    time: float  # when the frame is shown, in seconds from the start of the video
    frame: Bytes  # RGB, upright, uint8 [height, width, 3]
    mask: Mask  # uint8 [height, width], 0 for not skin, 255 for skin


def masks(
    path_or_frames: str | Path | Iterable[NDArray[np.uint8]],
    model: str = "tiny_skin",
    extras: Mapping[str, object] | None = None,
    *,
    steady: bool = True,
    rate: float = 30.0,
) -> Generator[Masked]:
    """Yield every frame of a video with its mask, in order; memory does not grow with the video's length.

    `path_or_frames` is a file or an address that FFmpeg reads, or RGB frames, each uint8 [height, width, 3], of which a
    few more are taken than were yielded. `model` is any session that rembg knows, with its `extras`. `steady` averages
    the masks over time. `rate` is how many frames a second arrays are, above 0; a file has its own times.

    Each item is a tuple: `time`, in seconds; `frame`, upright RGB, uint8 [height, width, 3]; `mask`, uint8 [height,
    width], 255 for skin. Raises SkinError if the video cannot be read, a frame is not an RGB array, or the model is
    unavailable: errors of the file or the model are raised by the call, those of a frame when its turn comes.
    """
    if not 0 < rate < math.inf:
        raise VideoError(f"rate={rate} is not a number of frames a second, which many cameras do not know; pass yours.")
    masked = masking(model, extras or {}, steady=steady)
    reader = open_video(path_or_frames) if isinstance(path_or_frames, str | Path) else None
    frames = reader.frames() if reader else _numbered(path_or_frames, rate)  # type: ignore[arg-type]
    stream = _masked(reader, masked(frames))
    next(stream)
    return stream


def open_video(source: str | Path) -> "Reader":
    """Open a video as :class:`rembg_skin.video.reader.Reader` does; raise ExtraError if PyAV is not installed."""
    try:
        from rembg_skin.video.reader import Reader
    except ImportError as error:
        raise ExtraError.about("video", "PyAV", "video") from error
    return Reader(source)


def _masked(reader: "Reader | None", pairs: Generator[tuple[Frame, Mask]]) -> Generator[Masked]:
    with closing(reader) if reader else nullcontext(), closing(pairs):
        yield Masked(0, *(np.empty((0, 0), np.uint8),) * 2)  # for `masks`: from here on, the file is closed in any case
        for frame, mask in pairs:
            yield Masked(frame.time, frame.rgb, mask)


def _numbered(frames: Iterable[NDArray[np.uint8]], rate: float) -> Iterator[Frame]:
    for number, frame in enumerate(frames):
        rgb = np.asarray(frame)
        if rgb.dtype != np.uint8 or rgb.shape[2:] != (3,) or not rgb.size:
            raise VideoError(f"frame {number} is {rgb.dtype} {list(rgb.shape)}; expected is uint8 [height, width, 3].")
        yield Frame(number, number / rate, np.ascontiguousarray(rgb))
