"""Read a video: upright RGB frames and packets of sound, on one line of time that begins at 0, past faults of the file.

Broadcasts that were joined begin again in the middle: each piece is moved behind the one before.
"""

import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, islice, tee
from pathlib import Path
from typing import Any

import av
import numpy as np

from rembg_skin.errors import VideoError, printable
from rembg_skin.video.frames import Frame
from rembg_skin.video.pixels import Rotation, ToRgb, is_hdr

_PATIENCE = 30.0  # seconds, with a host that sends nothing
_AHEAD = 300  # packets, in which each stream of sound should have one
# Seconds: times in such units were rounded by the file; and the finest unit that every format takes.
_COARSE, _FINEST = Fraction(1, 1000), 1_000_000
# Some files only estimate their length: what lacks has to be more than this many seconds, and this share of it.
_SOON, _SHARE = 1.0, 0.05

_FAULTS = 100  # in a row, of the container: the rest of the file is lost
_BACK, _GAP = 0.5, 10.0  # seconds: times that go back or ahead by more begin a new piece
_TS_DISCONT = 0x0200  # FFmpeg's AVFMT_TS_DISCONT

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
        self.damaged = 0  # frames, and places where the file is broken, so far
        self._end = Fraction(0)  # the latest moment so far, in seconds
        self._joined = False  # True once a second piece was found
        self._due: dict[int, Fraction] = {}  # when each stream's next packet is expected
        try:
            self._file = _opened(str(source))
        except (av.FFmpegError, OSError, ValueError) as error:
            hint = f" ({_NO_LISTS})" if isinstance(error, av.ArgumentError) else ""
            raise VideoError(f"{self._name} cannot be read as a video: {reason(error)}{hint}") from error
        self.metadata = dict(self._file.metadata)
        self._length = Fraction(self._file.duration or 0, av.time_base)
        # Of this piece and of the last one: broadcasts do not begin at 0.
        self._shifts = (-Fraction(self._file.start_time or 0, av.time_base),) * 2
        try:
            self._stream = self._chosen()
            ahead, packets = tee(self._packets())
            self.sounds = self._sounds(ahead)
            media, self._media = tee(self._decoded(packets))
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
    def lacking(self) -> float:
        """Seconds that the file should have after what was read; 0 for next to nothing, and for joined pieces."""
        lacks = self._length - self._end
        return float(lacks) if lacks > max(_SOON, _SHARE * self._length) and not self._joined else 0.0

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

    def _packets(self) -> Iterator["av.Packet[Any]"]:
        """Yield the packets of the video and of all sound."""
        faults = 0
        while faults < _FAULTS:
            try:
                for packet in self._file.demux(self._stream, *self._file.streams.audio):
                    faults = 0
                    self._place(packet)
                    yield packet
            except av.FFmpegError as error:
                faults += 1
                self.damaged += faults == 1
                if isinstance(error, av.ExitError):  # a host that sends nothing
                    return
            else:
                return

    def _decoded(self, packets: Iterable["av.Packet[Any]"]) -> "Iterator[av.VideoFrame | av.Packet[Any]]":
        """Yield the frames of the video, and the packets of sound between them."""
        for packet in packets:
            if packet.stream.type == "audio":
                if packet.size:
                    yield packet
                continue
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.damaged += 1
                else:
                    yield frame

    def _place(self, packet: "av.Packet[Any]") -> None:
        """Move the packet's times to their place."""
        if packet.pts is None or not packet.time_base:
            return
        unit = Fraction(packet.time_base)
        step = (packet.duration or 0) * unit
        if not step and packet.stream.type == "video":
            step = 1 / Fraction(self._stream.average_rate or 30)
        shift = self._shifts[0]
        if self._file.format.flags & _TS_DISCONT:
            if packet.dts is None or abs(packet.pts - packet.dts) * unit > _GAP:
                packet.dts = packet.pts  # FFmpeg counted on over the joint
            shift = self._shift(packet.stream.index, packet.dts * unit, step)
        packet.pts += round(shift / unit)
        if packet.dts is not None:
            packet.dts += round(shift / unit)
        self._end = max(self._end, packet.pts * unit + step)

    def _shift(self, index: int, at: Fraction, step: Fraction) -> Fraction:
        """Return by how many seconds to move the packet of stream `index`, which begins `at` and lasts `step`."""
        due = self._due.get(index, at + self._shifts[0])
        # Late packets of the piece before still come between those of the new one.
        shift = min(self._shifts, key=lambda each: abs(at + each - due))
        if not -_BACK <= at + shift - due <= _GAP:
            shift, self._joined = due - at, True
            self._shifts = shift, self._shifts[0]
        self._due[index] = at + shift + step
        return shift


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
