"""Read a video: upright RGB frames with their times; damaged frames are skipped and counted."""

import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rembg_skin.errors import ExtraError, VideoError, printable
from rembg_skin.image.arrays import Bytes
from rembg_skin.video.packets import Packets
from rembg_skin.video.pixels import ToRgb, is_hdr
from rembg_skin.video.rotation import Rotation

if TYPE_CHECKING:
    from types import ModuleType

    from av import AudioStream, Packet, VideoFrame
    from av.container import InputContainer
    from av.video import VideoStream

_PATIENCE = 30.0  # seconds, with a host that sends nothing
_AHEAD = 300  # packets, in which each stream of sound should have one
# Seconds: times in such units were rounded by the file; and the finest unit that every format takes.
_COARSE, _FINEST = Fraction(1, 1000), 1_000_000
# Some files only estimate their length: what lacks has to be more than this many seconds, and this share of it.
_SOON, _SHARE = 1.0, 0.05

_WITHOUT_METADATA_ERRORS = 19  # PyAV's major version


class Frame(NamedTuple):
    """One frame."""

    pts: int  # when it is shown, in the video's time base, from the start of the file
    time: float  # the same in seconds
    rgb: Bytes  # upright, uint8 [height, width, 3]
    sounds: "Sequence[Packet[Any]]" = ()  # packets since the frame before


@dataclass(frozen=True)
class Facts:
    """The properties of a video, from its first frame and its file."""

    size: tuple[int, int]  # width and height of the stored pixels, before `rotation`
    rotation: Rotation
    rate: Fraction  # frames a second, on average
    time_base: Fraction  # seconds of a unit of :attr:`Frame.pts`
    pixel_aspect: Fraction  # width of a pixel divided by its height
    frames: int | None  # about; None if the file does not say
    hdr: bool  # HLG or PQ
    bits: int  # of a color

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of a frame as it is shown."""
        return self.size[::-1] if self.rotation.swaps else self.size


def library() -> "ModuleType":
    """Return PyAV, or raise ExtraError if it is not installed."""
    try:
        import av
    except ImportError as error:
        raise ExtraError.about("video", "PyAV", "video") from error
    return av


class Reader:
    """An open video: a file, an address that FFmpeg reads, or ``-`` for standard input.

    `sounds` are the streams of sound, each with its first packet, or None if that did not come early; `rest` is the
    sound that no frame had with it yet; `start` is the file's first moment in seconds: broadcasts do not start at 0.

    Raises
    ------
    SkinError
        If PyAV is not installed, or the source cannot be read or has no video that can be decoded.

    """

    def __init__(self, source: str | Path) -> None:
        self._av = library()
        self._name = printable(source)
        self._damaged = 0
        self.rest: list[Packet[Any]] = []
        # Titles that are not UTF-8 are no fault; PyAV 19 no longer takes this argument.
        old = int(self._av.__version__.partition(".")[0]) < _WITHOUT_METADATA_ERRORS
        options: dict[str, Any] = {"metadata_errors": "ignore"} if old else {}
        origin = _origin(str(source))
        if "://" in str(origin):
            options["timeout"] = _PATIENCE
        try:
            self._file: InputContainer = self._av.open(origin, **options)
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{self._name} cannot be read as a video: {reason(error)}") from error
        self.metadata = dict(self._file.metadata)
        self.start = Fraction(self._file.start_time or 0, self._av.time_base)
        self._length = Fraction(self._file.duration or 0, self._av.time_base)
        try:
            self._stream = self._chosen()
            self._packets = Packets(self._file, self._stream)
            self.sounds, packets = self._looked_ahead()
            # Decoders label their frames with the file's matrix: it is known with the first one.
            self._media = self._decoded(packets)
            head: list[Any] = []
            for each in self._media:
                head.append(each)
                if isinstance(each, self._av.VideoFrame):
                    break
            else:
                raise VideoError(f"{self._name} holds no frame that can be decoded.")  # noqa: TRY301
            self._media = chain(head, self._media)
            self.facts = self._described(head[-1])
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def damaged(self) -> int:
        """Count the frames that were skipped so far."""
        return self._damaged + self._packets.faults

    @property
    def lacking(self) -> float:
        """Seconds that the file should have after what was read; 0 for next to nothing, and for joined pieces."""
        lacks = self._length - (self._packets.end - self.start)
        return float(lacks) if lacks > max(_SOON, _SHARE * self._length) and not self._packets.joined else 0.0

    def frames(self) -> Iterator[Frame]:
        """Yield all frames, once; :attr:`rest` is the sound after the last one."""
        convert = ToRgb(self.facts.size)
        step = max(1, round(1 / (self.facts.rate * self.facts.time_base)))
        last = -1
        for each in chain(self._media, [None]):
            if isinstance(each, self._av.Packet):
                self.rest.append(each)
                continue
            frame: Any = each
            if frame:
                # Some raw streams have no times; times that do not grow cannot be written.
                last = last + (1 if last < 0 else step) if frame.pts is None else max(self._pts(frame.pts), last + 1)
                frame.pts, frame.time_base = last, self.facts.time_base
            try:
                ready = list(convert(frame))
            except (self._av.FFmpegError, ValueError) as error:
                raise VideoError(f"{self._name}: its pixels cannot be converted: {reason(error)}") from error
            for rgb in ready:
                pts = round(rgb.pts * rgb.time_base / self.facts.time_base)
                pixels = self.facts.rotation.upright(rgb.to_ndarray())
                sounds, self.rest = self.rest, []
                yield Frame(pts, float(pts * self.facts.time_base), pixels, sounds)

    def _pts(self, stored: int) -> int:
        """Return a frame's time of the file in the units of the facts."""
        exact = stored * self._unit - self.start
        regular = round(exact * self.facts.rate) / self.facts.rate
        return round((regular if abs(regular - exact) < self._unit else exact) / self.facts.time_base)

    def _chosen(self) -> "VideoStream":
        """Return the main video: no picture of a cover, and the film of an AVIF file, not its still."""
        cover = self._av.stream.Disposition.attached_pic
        films: list[Any] = [stream for stream in self._file.streams.video if not stream.disposition & cover]
        if not films:
            raise VideoError(f"{self._name} has no video.")
        best: Any = self._file.streams.best("video")
        stream: VideoStream = best if best in films else films[0]
        stream.thread_type = "AUTO"
        return stream

    def _looked_ahead(self) -> "tuple[list[tuple[AudioStream, Packet[Any] | None]], Iterator[Packet[Any]]]":
        """Return each stream of sound with its first packet, and all packets."""
        packets = iter(self._packets)
        ahead: list[Packet[Any]] = []
        first: dict[int, Packet[Any]] = {}
        sounds = list(self._file.streams.audio)
        while len(first) < len(sounds) and len(ahead) < _AHEAD and (packet := next(packets, None)):
            ahead.append(packet)
            if packet.stream.type == "audio" and packet.size:
                first.setdefault(packet.stream.index, packet)
        return [(sound, first.get(sound.index)) for sound in sounds], chain(ahead, packets)

    def _described(self, frame: "VideoFrame") -> Facts:
        stream = self._stream
        self._unit = Fraction(stream.time_base or Fraction(1, 1000))
        rate = Fraction(stream.average_rate or stream.guessed_rate or 0) or Fraction(30)
        seconds = stream.duration * self._unit if stream.duration else self._length
        stored: Any = frame.side_data
        matrix = None
        with suppress(KeyError):
            matrix = tuple(np.frombuffer(bytes(stored["DISPLAYMATRIX"]), np.int32).tolist())
        return Facts(
            size=(frame.width, frame.height),
            rotation=Rotation(matrix),
            rate=rate,
            time_base=_time_base(self._unit, rate),
            pixel_aspect=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
            frames=stream.frames or round(seconds * rate) or None,
            hdr=is_hdr(frame),
            bits=max(component.bits for component in frame.format.components),
        )

    def _decoded(self, packets: "Iterator[Packet[Any]]") -> "Iterator[VideoFrame | Packet[Any]]":
        """Yield the frames of the video, and the packets of sound between them."""
        for packet in packets:
            if packet.stream.type == "audio":
                if packet.size:
                    yield packet
                continue
            try:
                frames = self._stream.decode(packet)
            except self._av.FFmpegError:
                self._damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._damaged += 1
                else:
                    yield frame


def _origin(source: str) -> Any:
    """Return what PyAV opens: a file that exists is a file, even if its name looks like an address."""
    if source == "-":
        return sys.stdin.buffer
    return f"file:{source}" if ":" in source and os.path.exists(source) else source  # noqa: PTH110 - addresses may be long


def _time_base(unit: Fraction, rate: Fraction) -> Fraction:
    """Return the unit of times, made finer if it is Matroska's millisecond, so that 30 frames a second stay 30."""
    finer = math.lcm(unit.denominator, rate.numerator)
    return Fraction(1, finer) if unit >= _COARSE and finer <= _FINEST else unit


def reason(error: Exception) -> str:
    """Return the message of an error of FFmpeg, without its number."""
    if type(error).__name__ == "ExitError":
        return f"nothing came for {_PATIENCE:.0f} seconds"
    return str(getattr(error, "strerror", None) or error)
