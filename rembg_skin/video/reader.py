"""Read a video: upright RGB frames with their times; damaged frames are skipped and counted."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from rembg_skin.errors import ExtraError, VideoError
from rembg_skin.image.arrays import Bytes
from rembg_skin.video.turn import Turn

if TYPE_CHECKING:
    from types import ModuleType

    from av import AudioStream, Packet, VideoFrame
    from av.container import InputContainer
    from av.video import VideoStream

STDIN = "-"

_FAULTS = 100  # in a row, of the container: the rest of the file is lost
_UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
# Seconds: times in such units were rounded by the file; and the finest unit that every format takes.
_COARSE, _FINEST = Fraction(1, 1000), 1_000_000
_HD = 720  # lines: from here on, colours without a label are ITU-R BT.709

_WITHOUT_METADATA_ERRORS = 19  # PyAV's major version


class Frame(NamedTuple):
    """One frame.

    Attributes
    ----------
    pts
        When it is shown, in the video's time base, from the start of the file.
    time
        The same in seconds.
    rgb
        Upright, uint8 [height, width, 3].

    """

    pts: int
    time: float
    rgb: Bytes


@dataclass(frozen=True)
class Facts:
    """What a video's first frame and its file say.

    Attributes
    ----------
    size
        Width and height of the stored pixels, before `turn`.
    turn
        How the stored pixels are shown.
    rate
        Frames a second, on average.
    time_base
        Seconds of a unit of :attr:`Frame.pts`.
    pixel_aspect
        Width of a pixel divided by its height.
    frames
        How many there are, or about; None if the file does not say.

    """

    size: tuple[int, int]
    turn: Turn
    rate: Fraction
    time_base: Fraction
    pixel_aspect: Fraction
    frames: int | None


def library() -> "ModuleType":
    """Return PyAV.

    Raises
    ------
    ExtraError
        If it is not installed.

    """
    try:
        import av
    except ImportError as error:
        raise ExtraError.about("video", "PyAV", "video") from error
    if not hasattr(av.VideoStream, "set_display_matrix"):
        raise ExtraError.about("video", "PyAV 18 or newer", "video")
    return av


class Reader:
    """An open video.

    Parameters
    ----------
    source
        A file, an address that FFmpeg reads, or ``-`` for standard input.

    Attributes
    ----------
    facts
        What is known of the video.
    damaged
        How many frames were skipped so far.
    reached
        How many seconds of the file were read so far.

    Raises
    ------
    ExtraError
        If PyAV is not installed.
    VideoError
        If the source cannot be read, or has no video that can be decoded.

    """

    def __init__(self, source: str | Path) -> None:
        self._av = library()
        self.source = str(source)
        self.damaged = 0
        self.reached = 0.0
        self._held: list[Packet[Any]] = []  # sound from before the first frame
        # Titles that are not UTF-8 are no fault; PyAV 19 no longer takes this argument.
        lenient = (
            {"metadata_errors": "ignore"}
            if int(self._av.__version__.partition(".")[0]) < _WITHOUT_METADATA_ERRORS
            else {}
        )
        origin = sys.stdin.buffer if self.source == STDIN else self.source
        try:
            self._file: InputContainer = self._av.open(origin, **lenient)
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{self.source} cannot be read as a video: {in_words(error)}") from error
        try:
            self._stream = self._chosen()
            # Decoders label their frames with the file's matrix: it is known with the first one.
            self._frames = self._decoded(self._held.append)
            self._first = next(self._frames, None)
            if self._first is None:
                raise VideoError(f"{self.source} holds no frame that can be decoded.")  # noqa: TRY301
            self.facts = self._described(self._first)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def metadata(self) -> dict[str, str]:
        """Title and the like."""
        return dict(self._file.metadata)

    @property
    def sounds(self) -> "list[AudioStream]":
        """The streams of sound."""
        return list(self._file.streams.audio)

    @property
    def length(self) -> float:
        """How many seconds the file says that it has; 0 if it does not say."""
        return (self._file.duration or 0) / int(self._av.time_base)

    @property
    def start(self) -> Fraction:
        """The file's first moment, in seconds: broadcasts do not start at 0."""
        return Fraction(self._file.start_time or 0, self._av.time_base)

    def frames(self, on_sound: "Callable[[Packet[Any]], object] | None" = None) -> Iterator[Frame]:
        """Yield all frames, once; call `on_sound` with each packet of sound as the file holds it."""
        if on_sound:
            for packet in self._held:
                on_sound(packet)
        self._held.clear()
        self._on_sound = on_sound or (lambda _: None)
        step = max(1, round(1 / (self.facts.rate * self.facts.time_base)))
        last = -1
        first, self._first = self._first, None
        for frame in (frame for part in ([first], self._frames) for frame in part if frame is not None):
            # Some raw streams have no times; times that do not grow cannot be written.
            pts = last + (1 if last < 0 else step) if frame.pts is None else max(self._pts(frame.pts), last + 1)
            last = pts
            yield Frame(pts, float(pts * self.facts.time_base), self._rgb(frame))

    def _pts(self, stored: int) -> int:
        """Return a frame's time of the file in the units of the facts."""
        exact = stored * self._unit - self.start
        regular = round(exact * self.facts.rate) / self.facts.rate
        return round((regular if abs(regular - exact) < self._unit else exact) / self.facts.time_base)

    def _chosen(self) -> "VideoStream":
        """Return the first stream that is a video and no picture of a cover."""
        for stream in self._file.streams.video:
            if not stream.disposition & self._av.stream.Disposition.attached_pic:
                stream.thread_type = "AUTO"
                return stream
        raise VideoError(f"{self.source} has no video.")

    def _described(self, frame: "VideoFrame") -> Facts:
        stream = self._stream
        self._unit = Fraction(stream.time_base or Fraction(1, 1000))
        rate = Fraction(stream.average_rate or stream.guessed_rate or 0) or Fraction(30)
        seconds = stream.duration * self._unit if stream.duration else Fraction(self.length)
        return Facts(
            size=(frame.width, frame.height),
            turn=_turn(frame),
            rate=rate,
            time_base=_time_base(self._unit, rate),
            pixel_aspect=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
            frames=stream.frames or round(seconds * rate) or None,
        )

    def _decoded(self, on_sound: "Callable[[Packet[Any]], object]") -> "Iterator[VideoFrame]":
        self._on_sound = on_sound
        for packet in self._packets():
            if packet.stream.type == "audio":
                if packet.dts is not None:
                    self._on_sound(packet)
                continue
            try:
                frames = self._stream.decode(packet)
            except self._av.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.damaged += 1
                else:
                    yield frame

    def _packets(self) -> "Iterator[Packet[Any]]":
        """Yield the packets of video and sound; after a fault of the file, go on behind it."""
        faults = 0
        while faults < _FAULTS:
            try:
                for packet in self._file.demux(self._stream, *self._file.streams.audio):
                    faults = 0
                    if packet.pts is not None and packet.time_base:
                        end = (packet.pts + (packet.duration or 0)) * packet.time_base - self.start
                        self.reached = max(self.reached, float(end))
                    yield packet
            except self._av.FFmpegError:
                faults += 1
                self.damaged += faults == 1
            else:
                return

    def _rgb(self, frame: "VideoFrame") -> Bytes:
        """Return the frame, uint8 [height, width, 3], of the first one's stored size, upright."""
        width, height = self.facts.size
        unlabelled = frame.colorspace == _UNSPECIFIED
        rgb = frame.reformat(
            width=width,
            height=height,
            format="rgb24",
            src_colorspace="ITU709" if unlabelled and frame.height >= _HD else None,
        )
        pixels: Any = rgb.to_ndarray()
        return self.facts.turn.upright(pixels)


def _time_base(unit: Fraction, rate: Fraction) -> Fraction:
    """Return the unit of times, made finer if it is Matroska's millisecond, so that 30 frames a second stay 30."""
    finer = math.lcm(unit.denominator, rate.numerator)
    return Fraction(1, finer) if unit >= _COARSE and finer <= _FINEST else unit


def _turn(frame: "VideoFrame") -> Turn:
    stored: Any = frame.side_data
    with suppress(KeyError):
        return Turn(tuple(int(value) for value in np.frombuffer(bytes(stored["DISPLAYMATRIX"]), np.int32)))
    return Turn()


def in_words(error: Exception) -> str:
    """Return what an error of FFmpeg says, without its number."""
    return str(getattr(error, "strerror", None) or error)
