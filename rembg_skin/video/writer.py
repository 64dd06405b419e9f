"""Write a video in one of several formats: frames at their own times, turned as the original is, with its sound.

:func:`convert` runs the complete way, frame by frame: read, mask, steady, write to a video, a table, or both.
"""

import csv
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import av
import numpy as np
from PIL import Image, ImageFilter

from rembg_skin.errors import VideoError, printable
from rembg_skin.files import atomic
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.image.overlay import overlay
from rembg_skin.video.frames import Frame, Masking
from rembg_skin.video.reader import Reader, reason
from rembg_skin.video.sound import Sound
from rembg_skin.video.table import Table, resumed, written
from rembg_skin.workers import in_background

_BT709, _LIMITED = 1, 1  # FFmpeg's AVCOL_SPC_BT709, its primaries and curve likewise, and AVCOL_RANGE_MPEG
_VEIL = 4  # of 255, on average over a block: less is not skin
_BLOCK = 16  # pixels: colors this near to the skin are kept, for encoders mix the colors of neighbors
_WARM = 2.0  # seconds before the first frame that is wanted: averages need some masks
_LAYOUTS = {1: "gray", 3: "rgb24", 4: "rgba"}  # by channels

Kind = Literal["mask", "cutout", "overlay"]


class Coding(NamedTuple):
    """An encoder of FFmpeg."""

    encoder: str
    pixels: str
    options: Mapping[str, str]
    odd: str = ""  # the pixels of odd widths and heights, if the usual ones allow only even ones


class Format(NamedTuple):
    """A kind of file."""

    muxer: str
    codings: Mapping[Kind, Coding]  # the first is written unless another is asked for
    sound: str  # the encoder of sound that the file cannot hold as it is
    rotates: bool = True  # players heed a matrix that turns the picture; if not, the pixels are turned


class Video(NamedTuple):
    """A video to be written."""

    path: Path
    form: Format
    kind: Kind


# Frames are encoded in their order: otherwise MP4 takes a video of varying frame rate for shorter than it is.
_H264 = Coding("libx264", "yuv420p", {"preset": "veryfast", "crf": "18", "bf": "0"}, odd="yuv444p")
_REALTIME = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "auto-alt-ref": "0", "crf": "28", "b": "0"}
_VP9, _VP9_ALPHA = (Coding("libvpx-vp9", pixels, _REALTIME) for pixels in ("yuv420p", "yuva420p"))
_PRORES = Coding("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"})

_MP4 = Format("mp4", {"mask": _H264, "overlay": _H264}, "aac")
FORMATS: Mapping[str, Format] = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".webm": Format("webm", {"cutout": _VP9_ALPHA, "mask": _VP9, "overlay": _VP9}, "libopus", rotates=False),
    ".mov": Format("mov", {"cutout": _PRORES, "mask": _H264, "overlay": _H264}, "aac"),
    ".mkv": Format("matroska", {"mask": _H264, "cutout": _VP9_ALPHA, "overlay": _H264}, "aac", rotates=False),
}


def chosen(path: Path, kind: Kind | None) -> Video:
    """Return the video to write: the format by the path's suffix, and the kind that is given, or the format's first.

    Raises VideoError if there is no such format, or it cannot hold such a video.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise VideoError(f"{printable(path)} has no suffix of a video; take one of {', '.join(FORMATS)}.")
    taken = next(iter(form.codings)) if kind is None else kind
    if taken not in form.codings:
        able = ", ".join(suffix for suffix, other in FORMATS.items() if taken in other.codings)
        raise VideoError(f"{printable(path)}: a {taken} needs an alpha channel; take one of {able}.")
    return Video(path, form, taken)


class Writer:
    """`video` of the frames of `source`, in the making as the file `draft`; :meth:`finish` makes it playable.

    It and its methods raise VideoError if the encoder is missing or refuses the video, or the file cannot be written.
    """

    def __init__(self, draft: Path, video: Video, source: Reader) -> None:
        self._video, self._source = video, source
        coding = video.form.codings[video.kind]
        width, height = source.size if video.form.rotates else source.upright_size
        self._pixels = coding.odd if coding.odd and (width % 2 or height % 2) else coding.pixels
        with self._writing(f" with {coding.encoder}"):
            self._file = av.open(f"file:{draft}", "w", format=video.form.muxer)
            kind: dict[str, Any] = {"width": width, "height": height, "pix_fmt": self._pixels}
            stream = self._file.add_stream(
                coding.encoder, source.rate, dict(coding.options), time_base=source.time_base, **kind
            )
            self._stream = cast("av.VideoStream", stream)
            encoder = self._stream.codec_context
            encoder.sample_aspect_ratio = source.pixel_aspect
            encoder.colorspace = encoder.color_primaries = encoder.color_trc = _BT709
            encoder.color_range = _LIMITED
            if video.form.rotates and source.rotation.matrix:
                self._stream.set_display_matrix(source.rotation.matrix)
            self._file.metadata.update(source.metadata)
            self.sounds = {
                stream.index: Sound(stream, first, self._file, video.form.sound) for stream, first in source.sounds
            }
            self._file.start_encoding()

    def write(self, frame: Frame, mask: Mask) -> None:
        """Write one frame, with the sound before it; `mask` is uint8 [height, width]."""
        self._take(frame.sounds)
        pixels = composed(self._video.kind, frame.rgb, mask)
        if self._video.form.rotates:
            pixels = self._source.rotation.stored(pixels)
        image = av.VideoFrame.from_ndarray(pixels, format=_LAYOUTS[pixels[0, 0].size])
        image.pts, image.time_base = frame.pts, self._source.time_base
        # Without a label, players guess the colors' matrix from the size.
        image = image.reformat(format=self._pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
        with self._writing():
            self._file.mux(self._stream.encode(image))

    def finish(self, rest: Iterable["av.Packet[Any]"]) -> None:
        """Write the rest of the sound, what the encoders still hold, and the end of the file."""
        self._take(rest)
        with self._writing():
            self._file.mux(self._stream.encode(None))
            for sound in self.sounds.values():
                sound.finish()
            self._file.close()

    def close(self) -> None:
        """Close the file; without :meth:`finish` it is not complete."""
        with suppress(av.FFmpegError, OSError):
            self._file.close()

    def _take(self, packets: Iterable["av.Packet[Any]"]) -> None:
        for packet in packets:
            self.sounds[packet.stream.index].take(packet)

    @contextmanager
    def _writing(self, how: str = "") -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{printable(self._video.path)} cannot be written{how}: {reason(error)}") from error


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


def convert(
    source: Reader,
    masking: Masking,
    video: Video | None,
    table: Table | None,
    stopped: Callable[[], bool] = lambda: False,
    tick: Callable[[], object] = lambda: None,
) -> tuple[int, Collection[Sound]]:
    """Write a video, a table, or both; return how many frames they have, and the streams of sound.

    Each is complete, or up to where `stopped`, which is called several times a second, returned True, or not there.
    `tick` is called after every frame. Raises SkinError if something cannot be written, or the model fails.
    """
    count, last = 0, -math.inf
    writer = None
    with ExitStack() as files:
        if table:
            file = files.enter_context(written(table.path, "" if video else table.settings, stopped))
            rows = csv.writer(file)
            count, last = resumed(file)
            if not count:
                rows.writerow(table.columns)
        if video:
            writer = Writer(files.enter_context(atomic(video.path)), video, source)
            files.callback(writer.close)
        frames = (frame for frame in source.frames() if frame.time > last - _WARM)
        for frame, mask in in_background(masking(frames), stopped):
            if frame.time <= last + 1e-6:  # rows have six digits
                continue
            if writer:
                writer.write(frame, mask)
            if table:
                rows.writerow(table.row(frame.time, frame.rgb, mask))
            count += 1
            tick()
        if writer:
            writer.finish([] if stopped() else source.rest)
    return count, writer.sounds.values() if writer else ()
