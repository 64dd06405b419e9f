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


# Frames are encoded in their order: otherwise MP4 takes a video of varying frame rate for shorter than it is.
_H264 = Coding("libx264", "yuv420p", {"preset": "veryfast", "crf": "18", "bf": "0"}, odd="yuv444p")
_REALTIME = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "auto-alt-ref": "0"}
_VP9 = Coding("libvpx-vp9", "yuv420p", {**_REALTIME, "crf": "28", "b": "0"})
_VP9_ALPHA = Coding("libvpx-vp9", "yuva420p", {**_REALTIME, "crf": "28", "b": "0"})
_PRORES = Coding("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"})

FORMATS: Mapping[str, Format] = {
    ".mp4": Format("mp4", {"mask": _H264, "overlay": _H264}, "aac"),
    ".m4v": Format("mp4", {"mask": _H264, "overlay": _H264}, "aac"),
    ".webm": Format("webm", {"cutout": _VP9_ALPHA, "mask": _VP9, "overlay": _VP9}, "libopus", rotates=False),
    ".mov": Format("mov", {"cutout": _PRORES, "mask": _H264, "overlay": _H264}, "aac"),
    ".mkv": Format("matroska", {"mask": _H264, "cutout": _VP9_ALPHA, "overlay": _H264}, "aac", rotates=False),
}


def chosen(path: Path, kind: Kind | None) -> tuple[Format, Kind]:
    """Return the format of a file by its suffix, and the kind of video: the given one, or the format's first.

    Raises
    ------
    VideoError
        If there is no such format, or it cannot hold such a video.

    """
    known = FORMATS.get(path.suffix.lower())
    if known is None:
        raise VideoError(f"{printable(path)} has no suffix of a video; take one of {', '.join(FORMATS)}.")
    taken = kind if kind is not None else next(iter(known.codings))
    if taken not in known.codings:
        able = ", ".join(suffix for suffix, other in FORMATS.items() if taken in other.codings)
        raise VideoError(f"{printable(path)}: a {taken} needs an alpha channel; take one of {able}.")
    return known, taken
