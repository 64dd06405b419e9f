"""Turn decoded frames into upright RGB ones of one size, deinterlaced, in the colors of BT.709."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
import numpy as np
from av.filter import Graph

from rembg_skin.image.arrays import Bytes

_UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
_HD = 720  # lines: from here on, colors without a label are ITU-R BT.709
_LINES = 4  # the least that bwdif takes
_HDR = frozenset((16, 18))  # AVCOL_TRC_SMPTE2084 (PQ) and AVCOL_TRC_ARIB_STD_B67 (HLG)
_WIDE = frozenset((9, 11, 12))  # AVCOL_PRI_BT2020, AVCOL_PRI_SMPTE431 and AVCOL_PRI_SMPTE432 (Display P3)


def is_hdr(frame: av.VideoFrame) -> bool:
    """Return True for HLG and PQ."""
    return frame.color_trc in _HDR


class Rotation:
    """Quarter turns and mirrorings: phones store a matrix of nine integers with the video; None if it is upright."""

    def __init__(self, matrix: tuple[int, ...] | None) -> None:
        self.matrix = matrix
        a, b, _, c, d, *_ = matrix or (1, 0, 0, 0, 1)
        self.swaps = abs(b) + abs(c) > abs(a) + abs(d)  # width and height change places
        across, down = (c, b) if self.swaps else (a, d)
        self._directions = np.s_[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]

    def upright(self, pixels: Bytes) -> Bytes:
        """Return stored pixels, [height, width, ...], as they are shown."""
        return np.ascontiguousarray((pixels.swapaxes(0, 1) if self.swaps else pixels)[self._directions])

    def stored(self, pixels: Bytes) -> Bytes:
        """Return pixels as they are shown, [height, width, ...], as the video stores them."""
        turned = pixels[self._directions]
        return np.ascontiguousarray(turned.swapaxes(0, 1) if self.swaps else turned)


class ToRgb:
    """Convert the frames of one video, each with its time, in order, to one `size`: a video may change its own."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._graph: Any = None
        self._input: object = None
        self._interlaced = False

    def __call__(self, frame: av.VideoFrame | None) -> Iterator[Any]:
        """Yield frames that are ready, ``rgb24``; None is the end of the video and yields what is left."""
        self._interlaced |= bool(frame and frame.interlaced_frame and frame.height >= _LINES)
        given = frame and (
            *(frame.width, frame.height, frame.format.name, frame.time_base, self._interlaced),
            *(frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries),
        )
        if given != self._input:
            if self._graph:
                self._graph.vpush(None)
                yield from self._ready()
            self._input, self._graph = given, frame and self._built(frame)
        if frame:
            self._graph.vpush(frame)
            yield from self._ready()

    def _built(self, frame: av.VideoFrame) -> Graph:
        width, height = self._size
        scale = f"{width}:{height}:flags=bilinear"
        if frame.colorspace == _UNSPECIFIED and frame.height >= _HD:
            scale += ":in_color_matrix=bt709"
        if frame.color_primaries in _WIDE or is_hdr(frame):
            scale += ":out_primaries=bt709"  # colors beyond it, and beyond the white of paper, are clipped
        if is_hdr(frame):
            scale += ":out_transfer=bt709"
        source = (
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base={frame.time_base}"
            f":pixel_aspect=1/1:colorspace={int(frame.colorspace)}:range={int(frame.color_range)}"
        )
        graph = Graph()
        graph.link_nodes(
            graph.add("buffer", source),
            *([graph.add("bwdif", "mode=send_frame:deint=interlaced")] if self._interlaced else []),
            graph.add("scale", scale),
            graph.add("format", "rgb24"),
            graph.add("buffersink"),
        ).configure()
        return graph

    def _ready(self) -> Iterator[av.VideoFrame]:
        with suppress(BlockingIOError, EOFError):
            while True:
                yield self._graph.vpull()
