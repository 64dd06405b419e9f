"""Read a video's packets of pictures and sound, past faults of the file, on one line of time that begins at 0."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av

_FAULTS = 100  # in a row, of the container: the rest of the file is lost
# Seconds: times that go back or ahead by more begin a new piece.
_BACK, _GAP = 0.5, 10.0
_TS_DISCONT = 0x0200  # FFmpeg's AVFMT_TS_DISCONT


class Packets:
    """Yield the packets of a video stream of an open file, and of all of its sound, once.

    Broadcasts that were joined begin again in the middle: each piece is moved behind the one before.
    """

    def __init__(self, file: av.container.InputContainer, video: av.VideoStream) -> None:
        self._file, self._video = file, video
        self.damaged = 0  # frames, and places where the file is broken, so far
        self.end = Fraction(0)  # the latest moment so far, in seconds
        self.joined = False  # True once a second piece was found
        self._due: dict[int, Fraction] = {}  # when each stream's next packet is expected
        # Of this piece and of the last one: broadcasts do not begin at 0.
        self._shifts = (-Fraction(file.start_time or 0, av.time_base),) * 2

    def __iter__(self) -> Iterator["av.Packet[Any]"]:
        faults = 0
        while faults < _FAULTS:
            try:
                for packet in self._file.demux(self._video, *self._file.streams.audio):
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

    def decoded(self, packets: Iterable["av.Packet[Any]"]) -> "Iterator[av.VideoFrame | av.Packet[Any]]":
        """Yield the frames of the video, and the packets of sound between them."""
        for packet in packets:
            if packet.stream.type == "audio":
                if packet.size:
                    yield packet
                continue
            try:
                frames = self._video.decode(packet)
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
            step = 1 / Fraction(self._video.average_rate or 30)
        shift = self._shifts[0]
        if self._file.format.flags & _TS_DISCONT:
            if packet.dts is None or abs(packet.pts - packet.dts) * unit > _GAP:
                packet.dts = packet.pts  # FFmpeg counted on over the joint
            shift = self._shift(packet.stream.index, packet.dts * unit, step)
        packet.pts += round(shift / unit)
        if packet.dts is not None:
            packet.dts += round(shift / unit)
        self.end = max(self.end, packet.pts * unit + step)

    def _shift(self, index: int, at: Fraction, step: Fraction) -> Fraction:
        """Return by how many seconds to move the packet of stream `index`, which begins `at` and lasts `step`."""
        due = self._due.get(index, at + self._shifts[0])
        # Late packets of the piece before still come between those of the new one.
        shift = min(self._shifts, key=lambda each: abs(at + each - due))
        if not -_BACK <= at + shift - due <= _GAP:
            shift, self.joined = due - at, True
            self._shifts = shift, self._shifts[0]
        self._due[index] = at + shift + step
        return shift
