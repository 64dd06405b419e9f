"""Formats of video files: what each can hold, and how it is encoded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from rembg_skin.errors import VideoError, printable

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
