"""The sound of a video: copied if the new file can hold it as it is, encoded anew otherwise."""

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from rembg_skin.video.reader import library

if TYPE_CHECKING:
    from av import AudioStream, Packet
    from av.container import OutputContainer

Fate = Literal["copied", "encoded", "lost"]


class Sound:
    """One stream of sound on its way into a file.

    Parameters
    ----------
    source
        The stream of the video that is read.
    target
        The file, to which a stream is added.
    encoder
        FFmpeg's encoder for a stream that the file cannot hold as it is.
    start
        The moment of the source, in seconds, that is 0 in the file.

    Attributes
    ----------
    fate
        "copied", "encoded" or, if neither works, "lost".

    """

    def __init__(self, source: "AudioStream", target: "OutputContainer", encoder: str, start: Fraction) -> None:
        self._av = library()
        self._source, self._target = source, target
        self._start = round(start / Fraction(source.time_base or 1))
        self.fate: Fate = "copied"
        self._stream: Any = None
        try:
            if holds(target.format.name, source):
                self._stream = target.add_stream_from_template(source)
            else:
                self.fate = "encoded"
                self._stream = target.add_stream(encoder, rate=_rate(encoder, source))
                self._stream.layout = "stereo" if source.layout.nb_channels > 1 else "mono"
                self._stream.time_base = Fraction(1, self._stream.rate)
        except (self._av.FFmpegError, ValueError):
            self.fate = "lost"

    def take(self, packet: "Packet[Any]") -> None:
        """Write one packet of the source; one that is damaged is left out."""
        try:
            if self.fate == "copied":
                packet.stream = self._stream
                packet.pts = None if packet.pts is None else packet.pts - self._start
                packet.dts = None if packet.dts is None else packet.dts - self._start
                self._target.mux(packet)
            elif self.fate == "encoded":
                for frame in self._source.decode(packet):
                    frame.pts = None if frame.pts is None else frame.pts - self._start
                    self._target.mux(self._stream.encode(frame))
        except self._av.FFmpegError:
            return

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self.fate == "encoded":
            try:
                self._target.mux(self._stream.encode(None))
            except self._av.FFmpegError:  # it was never given a frame
                return


def holds(muxer: str, stream: "AudioStream") -> bool:
    """Return whether a file of this kind can hold the stream as it is: an empty one is begun in memory."""
    av = library()
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _rate(encoder: str, source: "AudioStream") -> int:
    """Return the samples a second: Opus has only a few rates."""
    return 48_000 if encoder == "libopus" else source.rate
