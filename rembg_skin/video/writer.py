"""Write a video: frames at their own times, turned as the original is, with its sound."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from rembg_skin.errors import VideoError
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.image.overlay import overlay
from rembg_skin.video.formats import Format, Kind
from rembg_skin.video.reader import Facts, Frame, Reader, in_words, library
from rembg_skin.video.sound import Fate, Sound

if TYPE_CHECKING:
    from av import Packet, VideoFrame

_BT709, _LIMITED = 1, 1  # FFmpeg's AVCOL_SPC_BT709, its primaries and curve likewise, and AVCOL_RANGE_MPEG
_VEIL = 4  # of 255, on average over a block: less is not skin
_BLOCK = 16  # pixels: colours this near to the skin are kept, for encoders mix the colours of neighbours


class Writer:
    """A video file in the making; :meth:`finish` makes it playable, after however many frames.

    Parameters
    ----------
    path
        The file, of any suffix.
    form, kind
        What is written into it.
    source
        The video that is read.

    Raises
    ------
    VideoError
        If the encoder is missing or refuses the video, or the file cannot be written.

    """

    def __init__(self, path: Path, form: Format, kind: Kind, source: Reader) -> None:
        self._av = library()
        self._path, self._kind, self._facts = path, kind, source.facts
        self._turns = form.turns
        coding = form.codings[kind]
        size = _size(source.facts, turned=not form.turns)
        self._pixels = coding.pixels_for(size)
        try:
            self._file = self._av.open(str(path), "w", format=form.muxer)
            self._stream = self._file.add_stream(
                coding.encoder,
                rate=source.facts.rate,
                width=size[0],
                height=size[1],
                pix_fmt=self._pixels,
                time_base=source.facts.time_base,
                options=dict(coding.options),
            )
            encoder = self._stream.codec_context
            encoder.sample_aspect_ratio = source.facts.pixel_aspect
            encoder.colorspace = encoder.color_primaries = encoder.color_trc = _BT709
            encoder.color_range = _LIMITED
            if form.turns and source.facts.turn.matrix:
                self._stream.set_display_matrix(source.facts.turn.matrix)
            self._file.metadata.update(source.metadata)
            self._sounds = {
                stream.index: Sound(stream, self._file, form.sound, source.start) for stream in source.sounds
            }
            self._file.start_encoding()
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{path} cannot be written with {coding.encoder}: {in_words(error)}") from error

    @property
    def fates(self) -> Sequence[Fate]:
        """What became of each stream of sound."""
        return [sound.fate for sound in self._sounds.values()]

    def sound(self, packet: "Packet[Any]") -> None:
        """Take over a packet of sound."""
        self._sounds[packet.stream.index].take(packet)

    def write(self, frame: Frame, mask: Mask) -> None:
        """Write one frame.

        Parameters
        ----------
        frame
            The frame.
        mask
            Its mask, uint8 [height, width].

        Raises
        ------
        VideoError
            If it cannot be written, such as on a full disk.

        """
        pixels = picture(self._kind, frame.rgb, mask)
        if self._turns:
            pixels = self._facts.turn.stored(pixels)
        layout = {2: "gray", 3: "rgb24", 4: "rgba"}[pixels.shape[2] if pixels.ndim > 2 else 2]  # noqa: PLR2004
        image = self._av.VideoFrame.from_ndarray(pixels, format=layout)
        image.pts, image.time_base = frame.pts, self._facts.time_base
        # Without a label, players guess the colours' matrix from the size.
        self._encode(image.reformat(format=self._pixels, dst_colorspace="ITU709", dst_color_range="MPEG"))

    def finish(self) -> None:
        """Write what the encoders still hold, and the end of the file.

        Raises
        ------
        VideoError
            If it cannot be written.

        """
        self._encode(None)
        for sound in self._sounds.values():
            sound.finish()
        try:
            self._file.close()
        except (self._av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let go of the file; without :meth:`finish` it is not whole."""
        with suppress(self._av.FFmpegError, OSError):
            self._file.close()

    def _encode(self, image: "VideoFrame | None") -> None:
        try:
            self._file.mux(self._stream.encode(image))
        except (self._av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> VideoError:
        return VideoError(f"{self._path} cannot be written: {in_words(error)}")


def picture(kind: Kind, rgb: Bytes, mask: Mask) -> Bytes:
    """Return a frame of the kind: grey, uint8 [h, w]; RGB, uint8 [h, w, 3]; or RGB and alpha, uint8 [h, w, 4]."""
    if kind == "mask":
        return mask
    if kind == "overlay":
        return np.asarray(overlay(Image.fromarray(rgb), mask))
    alpha = Image.fromarray(mask)
    near = alpha.reduce(_BLOCK).point(lambda level: 255 * (level > _VEIL)).filter(ImageFilter.MaxFilter(3))
    blocks = near.resize((near.width * _BLOCK, near.height * _BLOCK), Image.Resampling.NEAREST)
    cutout = Image.new("RGBA", alpha.size)
    cutout.paste(Image.fromarray(rgb), mask=blocks.crop((0, 0, *alpha.size)))
    cutout.putalpha(alpha)
    return np.asarray(cutout)


def _size(facts: Facts, *, turned: bool) -> tuple[int, int]:
    width, height = facts.size
    return (height, width) if turned and facts.turn.swaps else (width, height)
