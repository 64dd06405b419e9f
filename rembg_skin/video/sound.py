"""The sound of a video: copied if the new file can hold it as it is, encoded again otherwise."""

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from rembg_skin.video.reader import library

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import OutputContainer

Fate = Literal["copied", "encoded", "lost"]


class Sound:
    """One stream of sound on its way from `source`, whose first packet may be known, into the file `target`.

    `encoder` is for sound that the file cannot hold as it is; the second `start` of the source is 0 in the file.
    """

    def __init__(
        self,
        source: "AudioStream",
        first: "Packet[Any] | None",
        target: "OutputContainer",
        encoder: str,
        start: Fraction,
    ) -> None:
        self._av = library()
        self._source, self._target, self._encoder = source, target, encoder
        self._start = round(start / Fraction(source.time_base or 1))
        self._resampler: Any = None
        self._input: object = None
        self._last = -(2**62)
        self.fate: Fate = "lost"  # if the sound can be neither copied nor encoded
        self.damaged = 0  # packets that could not be decoded or written
        if self._works(self._copied, lambda stream: [_copy(first, stream)] if first else []):
            self.fate, self._stream = "copied", self._copied(target)
        elif self._works(self._encoded, lambda stream: [*stream.encode(_silence(stream)), *stream.encode(None)]):
            self.fate, self._stream = "encoded", self._encoded(target)

    def take(self, packet: "Packet[Any]") -> None:
        """Write one packet of the source; one that is damaged is left out."""
        try:
            if self.fate == "copied":
                packet.stream = self._stream
                packet.pts = None if packet.pts is None else packet.pts - self._start
                packet.dts = None if packet.dts is None else packet.dts - self._start
                self._mux([packet])
            elif self.fate == "encoded":
                for frame in self._source.decode(packet):
                    frame.pts = None if frame.pts is None else frame.pts - self._start
                    for each in self._resampled(frame):
                        self._mux(self._stream.encode(each))
        except (self._av.FFmpegError, ValueError):
            self.damaged += 1

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self.fate == "encoded":
            try:
                self._mux(self._stream.encode(None))
            except self._av.FFmpegError:  # it was never given a frame
                return

    def _mux(self, packets: "Sequence[Packet[Any]]") -> None:
        for packet in packets:
            if packet.dts is not None and packet.pts is not None:  # pieces that were joined overlap by a little
                if packet.dts <= self._last:
                    packet.pts = packet.dts = self._last + (packet.duration or 1)
                self._last = packet.dts
            self._target.mux(packet)

    def _works(self, add: Callable[[Any], Any], sample: Callable[[Any], Any]) -> bool:
        """Return True if a file of this kind takes the stream: one is written in memory."""
        try:
            with self._av.open(io.BytesIO(), "w", format=self._target.format.name) as trial:
                stream = add(trial)
                trial.start_encoding()
                trial.mux(sample(stream))
        except (self._av.FFmpegError, ValueError, AttributeError):  # AttributeError: a stream without a codec
            return False
        return True

    def _copied(self, file: Any) -> Any:
        return file.add_stream_from_template(self._source)

    def _encoded(self, file: Any) -> Any:
        rates = self._av.Codec(self._encoder, "w").audio_rates or [self._source.rate]
        rate = min((each for each in rates if each >= self._source.rate), default=max(rates))
        stream = file.add_stream(self._encoder, rate=rate)
        stream.layout = "stereo" if self._source.layout.nb_channels > 1 else "mono"
        stream.time_base = Fraction(1, rate)
        return stream

    def _resampled(self, frame: "AudioFrame") -> Any:
        """Return the frame as the encoder takes it: broadcasts change their channels and rate."""
        given = frame.format.name, frame.layout.name, frame.sample_rate
        if given != self._input:
            encoder = self._stream.codec_context
            self._input = given
            self._resampler = self._av.AudioResampler(encoder.format, encoder.layout, encoder.sample_rate)
        return self._resampler.resample(frame)


def _copy(packet: "Packet[Any]", stream: Any) -> Any:
    """Return a copy of a packet at the start of a stream; the trial must not change the packet itself."""
    copy: Any = library().Packet(bytes(packet))
    copy.stream, copy.pts, copy.dts, copy.is_keyframe = stream, 0, 0, True
    copy.time_base, copy.duration = packet.time_base, packet.duration
    return copy


def _silence(stream: Any) -> Any:
    context = stream.codec_context
    frame: Any = library().AudioFrame(context.format.name, context.layout.name, context.frame_size or 1024)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = context.sample_rate, 0, stream.time_base
    return frame
