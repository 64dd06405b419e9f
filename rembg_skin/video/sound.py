"""The sound of a video: copied if the new file can hold it as it is, encoded again otherwise."""

import io
from collections.abc import Callable, Iterable
from contextlib import suppress
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np


class Sound:
    """One stream of sound on its way from `source`, whose first packet may be known, into the file `target`.

    `encoder` is for sound that the file cannot hold as it is.
    """

    def __init__(
        self, source: av.AudioStream, first: "av.Packet[Any] | None", target: av.container.OutputContainer, encoder: str
    ) -> None:
        self._source, self._target, self._encoder = source, target, encoder
        self._resampler: Any = None
        self._input: object = None
        self._last = -(2**62)
        self.fate: Literal["copied", "encoded", "lost"] = "lost"  # if it can be neither copied nor encoded
        self.damaged = 0  # packets that could not be decoded or written
        if self._works(self._copied, lambda stream: [_copy(first, stream)] if first else []):
            self.fate, self._stream = "copied", self._copied(target)
        elif self._works(self._encoded, lambda stream: [*stream.encode(_silence()), *stream.encode(None)]):
            self.fate, self._stream = "encoded", self._encoded(target)

    def take(self, packet: "av.Packet[Any]") -> None:
        """Write one packet of the source; one that is damaged is left out."""
        try:
            if self.fate == "copied":
                packet.stream = self._stream
                self._mux([packet])
            elif self.fate == "encoded":
                for frame in self._source.decode(packet):
                    for each in self._resampled(frame):
                        self._mux(self._stream.encode(each))
        except (av.FFmpegError, ValueError):
            self.damaged += 1

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self.fate == "encoded":
            with suppress(av.FFmpegError):  # it was never given a frame
                self._mux(self._stream.encode(None))

    def _mux(self, packets: Iterable["av.Packet[Any]"]) -> None:
        for packet in packets:
            if packet.dts is not None and packet.pts is not None:  # pieces that were joined overlap by a little
                if packet.dts <= self._last:
                    packet.pts = packet.dts = self._last + (packet.duration or 1)
                self._last = packet.dts
            self._target.mux(packet)

    def _works(self, add: Callable[[Any], Any], sample: Callable[[Any], Any]) -> bool:
        """Return True if a file of this kind takes the stream: one is written in memory."""
        try:
            with av.open(io.BytesIO(), "w", format=self._target.format.name) as trial:
                stream = add(trial)
                trial.start_encoding()
                trial.mux(sample(stream))
        except (av.FFmpegError, ValueError, AttributeError):  # AttributeError: a stream without a codec
            return False
        return True

    def _copied(self, file: av.container.OutputContainer) -> Any:
        return file.add_stream_from_template(self._source)

    def _encoded(self, file: av.container.OutputContainer) -> Any:
        rates = av.Codec(self._encoder, "w").audio_rates or [self._source.rate]
        rate = min((each for each in rates if each >= self._source.rate), default=max(rates))
        layout = "stereo" if self._source.layout.nb_channels > 1 else "mono"
        return file.add_stream(self._encoder, rate=rate, layout=layout, time_base=Fraction(1, rate))

    def _resampled(self, frame: av.AudioFrame) -> Any:
        """Return the frame as the encoder takes it: broadcasts change their channels and rate."""
        given = frame.format.name, frame.layout.name, frame.sample_rate
        if given != self._input:
            self._input, encoder = given, self._stream.codec_context
            self._resampler = av.AudioResampler(encoder.format, encoder.layout, encoder.sample_rate)
        return self._resampler.resample(frame)


def _copy(packet: "av.Packet[Any]", stream: Any) -> Any:
    """Return a copy of a packet at the start of a stream; the trial must not change the packet itself."""
    copy: Any = av.Packet(bytes(packet))
    copy.stream, copy.pts, copy.dts, copy.is_keyframe = stream, 0, 0, True
    copy.time_base, copy.duration = packet.time_base, packet.duration
    return copy


def _silence() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 4_800), np.int16), format="s16", layout="mono")
    frame.sample_rate = 48_000
    return frame
