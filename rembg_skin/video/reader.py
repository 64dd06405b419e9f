"""Read a video: upright RGB frames with their times; damaged frames are skipped and counted."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, islice, tee
from pathlib import Path
from typing import Any

import av
import numpy as np

from rembg_skin.errors import VideoError, printable
from rembg_skin.video.frames import Frame
from rembg_skin.video.packets import Packets
from rembg_skin.video.pixels import Rotation, ToRgb, is_hdr

_PATIENCE = 30.0  # seconds, with a host that sends nothing
_AHEAD = 300  # packets, in which each stream of sound should have one
# Seconds: times in such units were rounded by the file; and the finest unit that every format takes.
_COARSE, _FINEST = Fraction(1, 1000), 1_000_000
# Some files only estimate their length: what lacks has to be more than this many seconds, and this share of it.
_SOON, _SHARE = 1.0, 0.05

_WITHOUT_METADATA_ERRORS = 19  # PyAV's major version
_LISTS = {"concat", "dash", "hls", "imf", "sdp", "vobsub"}  # formats that make FFmpeg open what they name
_NO_LISTS = "a list of other files is read from http only; join them with FFmpeg first"


class Reader:
    """An open video: a file, an address that FFmpeg reads, or ``-`` for standard input.

    Raises VideoError if it cannot be read, or has no video that can be decoded.
    """

    def __init__(self, source: str | Path) -> None:
        self._name = printable(source)
        self.rest: list[av.Packet[Any]] = []  # sound that no frame had with it yet
        try:
            self._file = _opened(str(source))
        except (av.FFmpegError, OSError, ValueError) as error:
            hint = f" ({_NO_LISTS})" if isinstance(error, av.ArgumentError) else ""
            raise VideoError(f"{self._name} cannot be read as a video: {reason(error)}{hint}") from error
        self.metadata = dict(self._file.metadata)
        self._length = Fraction(self._file.duration or 0, av.time_base)
        try:
            self._stream = self._chosen()
            self._packets = Packets(self._file, self._stream)
            ahead, packets = tee(self._packets)
            self.sounds = self._sounds(ahead)
            media, self._media = tee(self._packets.decoded(packets))
            first = next((each for each in media if isinstance(each, av.VideoFrame)), None)
            if first is None:
                raise VideoError(f"{self._name} holds no frame that can be decoded.")  # noqa: TRY301
            self._describe(first)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def damaged(self) -> int:
        """Count the frames that were skipped so far."""
        return self._packets.damaged

    @property
    def lacking(self) -> float:
        """Seconds that the file should have after what was read; 0 for next to nothing, and for joined pieces."""
        lacks = self._length - self._packets.end
        return float(lacks) if lacks > max(_SOON, _SHARE * self._length) and not self._packets.joined else 0.0

    def frames(self) -> Iterator[Frame]:
        """Yield all frames, once; :attr:`rest` is the sound after the last one."""
        convert = ToRgb(self.size)
        step = max(1, round(1 / (self.rate * self.time_base)))
        last = -1
        for each in chain(self._media, [None]):
            if isinstance(each, av.Packet):
                self.rest.append(each)
                continue
            if each:
                # Some raw streams have no times; times that do not grow cannot be written.
                last = last + (1 if last < 0 else step) if each.pts is None else max(self._pts(each.pts), last + 1)
                each.pts, each.time_base = last, self.time_base
            try:
                ready = list(convert(each))
            except (av.FFmpegError, ValueError) as error:
                raise VideoError(f"{self._name}: its pixels cannot be converted: {reason(error)}") from error
            for rgb in ready:
                pts = round(rgb.pts * rgb.time_base / self.time_base)
                sounds, self.rest = self.rest, []
                yield Frame(pts, float(pts * self.time_base), self.rotation.upright(rgb.to_ndarray()), sounds)

    def _pts(self, stored: int) -> int:
        """Return a frame's time, in the units of the file, in those of `time_base`."""
        exact = stored * self._unit
        regular = round(exact * self.rate) / self.rate
        return round((regular if abs(regular - exact) < self._unit else exact) / self.time_base)

    def _chosen(self) -> av.VideoStream:
        """Return the main video: no picture of a cover, and the film of an AVIF file, not its still."""
        cover = av.stream.Disposition.attached_pic
        films = [stream for stream in self._file.streams.video if not stream.disposition & cover]
        if not films:
            raise VideoError(f"{self._name} has no video.")
        best: Any = self._file.streams.best("video")
        stream: av.VideoStream = best if best in films else films[0]
        stream.thread_type = "AUTO"
        return stream

    def _sounds(self, packets: Iterator["av.Packet[Any]"]) -> "list[tuple[av.AudioStream, av.Packet[Any] | None]]":
        """Return each stream of sound with its first packet, or None if that does not come early."""
        first: dict[int, av.Packet[Any]] = {}
        streams = self._file.streams.audio
        for packet in islice(packets, _AHEAD if streams else 0):
            if packet.stream.type == "audio" and packet.size:
                first.setdefault(packet.stream.index, packet)
            if len(first) == len(streams):
                break
        return [(stream, first.get(stream.index)) for stream in streams]

    def _describe(self, frame: av.VideoFrame) -> None:
        """Take the properties from the file and its first frame, which decoders label with the file's matrix."""
        stream = self._stream
        stored: Any = frame.side_data
        matrix = None
        with suppress(KeyError):
            matrix = tuple(np.frombuffer(bytes(stored["DISPLAYMATRIX"]), np.int32).tolist())
        self.rotation = Rotation(matrix)
        self.size = frame.width, frame.height  # of the stored pixels
        self.upright_size = self.size[::-1] if self.rotation.swaps else self.size
        self.pixel_aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)  # a pixel's width by its height
        self.hdr = is_hdr(frame)
        self.bits = max(component.bits for component in frame.format.components)  # of a color
        self.rate = Fraction(stream.average_rate or stream.guessed_rate or 0) or Fraction(30)  # a second, on average
        self._unit = Fraction(stream.time_base or Fraction(1, 1000))
        # The unit of times, finer than Matroska's millisecond, so that 30 frames a second stay 30.
        finer = math.lcm(self._unit.denominator, self.rate.numerator)
        self.time_base = Fraction(1, finer) if self._unit >= _COARSE and finer <= _FINEST else self._unit
        seconds = stream.duration * self._unit if stream.duration else self._length
        self.count = stream.frames or round(seconds * self.rate) or None  # about; None if the file does not say


def _opened(source: str) -> av.container.InputContainer:
    """Open a file, even if its name looks like an address, an address, or standard input."""
    options: dict[str, Any] = {}
    if int(av.__version__.partition(".")[0]) < _WITHOUT_METADATA_ERRORS:
        options["metadata_errors"] = "ignore"  # titles that are not UTF-8 are no fault
    if ":" in source and os.path.exists(source):  # noqa: PTH110 - addresses may be long
        source = f"file:{source}"
    elif "://" in source:
        options["timeout"] = _PATIENCE
    if not source.startswith(("http://", "https://")):  # from there, FFmpeg keeps a list to the network
        if "concatf:" in source:
            raise ValueError(_NO_LISTS)
        options["options"] = {"format_whitelist": ",".join(av.formats_available - _LISTS)}
    file: av.container.InputContainer = av.open(sys.stdin.buffer if source == "-" else source, **options)
    return file


def reason(error: Exception) -> str:
    """Return the message of an error of FFmpeg, without its number."""
    if isinstance(error, av.ExitError):
        return f"nothing came for {_PATIENCE:.0f} seconds"
    return str(getattr(error, "strerror", None) or error)
