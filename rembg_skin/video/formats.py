"""What a video file of each suffix can hold, and how it is encoded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rembg_skin.errors import VideoError

Kind = Literal["mask", "cutout", "overlay"]


@dataclass(frozen=True)
class Coding:
    """An encoder of FFmpeg, what its pixels are, and its options.

    `odd` are the pixels of a video whose width or height is odd, if the usual ones allow only even ones.
    """

    encoder: str
    pixels: str
    odd: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def pixels_for(self, size: tuple[int, int]) -> str:
        """Return FFmpeg's name of the pixels for a video of `size`, width and height."""
        return self.odd if self.odd and (size[0] % 2 or size[1] % 2) else self.pixels


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    muxer
        FFmpeg's name of it.
    codings
        How each kind of video is encoded; the first is written unless another is asked for.
    sound
        The encoder of sound that the file cannot hold as it is.
    turns
        Whether players heed a matrix that turns the picture; if not, the pixels are turned.

    """

    muxer: str
    codings: Mapping[Kind, Coding]
    sound: str
    turns: bool = True


# Frames are encoded in their order: otherwise MP4 takes a video of varying frame rate for shorter than it is.
_H264 = Coding("libx264", "yuv420p", odd="yuv444p", options={"preset": "veryfast", "crf": "18", "bf": "0"})
_REALTIME = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "auto-alt-ref": "0"}
_VP9 = Coding("libvpx-vp9", "yuv420p", options={**_REALTIME, "crf": "28", "b": "0"})
_VP9_ALPHA = Coding("libvpx-vp9", "yuva420p", options={**_REALTIME, "crf": "28", "b": "0"})
_PRORES = Coding("prores_ks", "yuva444p10le", options={"profile": "4444", "alpha_bits": "16"})

FORMATS: Mapping[str, Format] = {
    ".mp4": Format("mp4", {"mask": _H264, "overlay": _H264}, "aac"),
    ".m4v": Format("mp4", {"mask": _H264, "overlay": _H264}, "aac"),
    ".webm": Format("webm", {"cutout": _VP9_ALPHA, "mask": _VP9, "overlay": _VP9}, "libopus", turns=False),
    ".mov": Format("mov", {"cutout": _PRORES, "mask": _H264, "overlay": _H264}, "aac"),
    ".mkv": Format("matroska", {"mask": _H264, "cutout": _VP9_ALPHA, "overlay": _H264}, "aac", turns=False),
}


def chosen(path: Path, kind: Kind | None) -> tuple[Format, Kind]:
    """Return the format of a file by its suffix, and the kind of video: the one asked for, or the format's first.

    Raises
    ------
    VideoError
        If there is no such format, or it cannot hold such a video.

    """
    known = FORMATS.get(path.suffix.lower())
    if known is None:
        raise VideoError(f'{path}: "{path.suffix}" is no format for videos here; take one of {", ".join(FORMATS)}.')
    taken = kind if kind is not None else next(iter(known.codings))
    if taken not in known.codings:
        able = ", ".join(suffix for suffix, other in FORMATS.items() if taken in other.codings)
        raise VideoError(
            f"{path}: {path.suffix} files hold no {taken}, which needs an alpha channel; take one of {able}."
        )
    return known, taken
