"""Write a video: frames at their own times, turned as the original is, with its sound."""

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from rembg_skin.errors import VideoError, printable
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.image.overlay import overlay
from rembg_skin.video.formats import Format, Kind
from rembg_skin.video.reader import Frame, Reader, library, reason
from rembg_skin.video.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av import Packet

_BT709, _LIMITED = 1, 1  # FFmpeg's AVCOL_SPC_BT709, its primaries and curve likewise, and AVCOL_RANGE_MPEG
_VEIL = 4  # of 255, on average over a block: less is not skin
_BLOCK = 16  # pixels: colors this near to the skin are kept, for encoders mix the colors of neighbors
_LAYOUTS = {1: "gray", 3: "rgb24", 4: "rgba"}  # by channels


class Writer:
    """The masks of `source` in the making of a file `draft`, which will have `name`; :meth:`finish` makes it playable.

    Raises
    ------
    VideoError
        If the encoder is missing or refuses the video, or the file cannot be written; so do the methods.

    """

    def __init__(self, draft: Path, name: Path, form: Format, kind: Kind, source: Reader) -> None:
        self._av = library()
        self._name, self._kind, self._facts = printable(name), kind, source.facts
        self._rotates = form.rotates
        coding = form.codings[kind]
        size = source.facts.size if form.rotates else source.facts.upright_size
        self._pixels = coding.odd if coding.odd and (size[0] % 2 or size[1] % 2) else coding.pixels
        try:
            self._file = self._av.open(f"file:{draft}", "w", format=form.muxer)
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
            if form.rotates and source.facts.rotation.matrix:
                self._stream.set_display_matrix(source.facts.rotation.matrix)
            self._file.metadata.update(source.metadata)
            self.sounds = {
                stream.index: Sound(stream, first, self._file, form.sound, source.start)
                for stream, first in source.sounds
            }
            self._file.start_encoding()
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{self._name} cannot be written with {coding.encoder}: {reason(error)}") from error

    def write(self, frame: Frame, mask: Mask) -> None:
        """Write one frame, with the sound before it; `mask` is uint8 [height, width]."""
        self._take(frame.sounds)
        pixels = composed(self._kind, frame.rgb, mask)
        if self._rotates:
            pixels = self._facts.rotation.stored(pixels)
        image = self._av.VideoFrame.from_ndarray(pixels, format=_LAYOUTS[pixels[0, 0].size])
        image.pts, image.time_base = frame.pts, self._facts.time_base
        # Without a label, players guess the colors' matrix from the size.
        image = image.reformat(format=self._pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
        with self._writing():
            self._file.mux(self._stream.encode(image))

    def finish(self, rest: "Sequence[Packet[Any]]") -> None:
        """Write the rest of the sound, what the encoders still hold, and the end of the file."""
        self._take(rest)
        with self._writing():
            self._file.mux(self._stream.encode(None))
            for sound in self.sounds.values():
                sound.finish()
            self._file.close()

    def close(self) -> None:
        """Close the file; without :meth:`finish` it is not complete."""
        with suppress(self._av.FFmpegError, OSError):
            self._file.close()

    def _take(self, packets: "Sequence[Packet[Any]]") -> None:
        for packet in packets:
            self.sounds[packet.stream.index].take(packet)

    @contextmanager
    def _writing(self) -> "Iterator[None]":
        try:
            yield
        except (self._av.FFmpegError, OSError) as error:
            raise VideoError(f"{self._name} cannot be written: {reason(error)}") from error


def composed(kind: Kind, rgb: Bytes, mask: Mask) -> Bytes:
    """Return a frame of the kind: gray, uint8 [h, w]; RGB, uint8 [h, w, 3]; or RGB and alpha, uint8 [h, w, 4]."""
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
