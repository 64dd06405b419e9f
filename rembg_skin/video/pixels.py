"""Turn decoded frames into RGB ones of one size: deinterlaced, in the colors of BT.709, with FFmpeg's own filters."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import VideoFrame

_UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
_HD = 720  # lines: from here on, colors without a label are ITU-R BT.709
_LINES = 4  # the least that bwdif takes
_HDR = frozenset((16, 18))  # AVCOL_TRC_SMPTE2084 (PQ) and AVCOL_TRC_ARIB_STD_B67 (HLG)
_WIDE = frozenset((9, 11, 12))  # AVCOL_PRI_BT2020, AVCOL_PRI_SMPTE431 and AVCOL_PRI_SMPTE432 (Display P3)


def is_hdr(frame: "VideoFrame") -> bool:
    """Return True for HLG and PQ."""
    return frame.color_trc in _HDR


class ToRgb:
    """Convert the frames of one video, each with its time, in order, to one `size`: a video may change its own."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._graph: Any = None
        self._input: object = None
        self._interlaced = False

    def __call__(self, frame: "VideoFrame | None") -> Iterator[Any]:
        """Yield frames that are ready, ``rgb24``; None is the end of the video and yields what is left."""
        interlaced = self._interlaced or bool(frame and frame.interlaced_frame and frame.height >= _LINES)
        given = frame and (
            *(frame.width, frame.height, frame.format.name, frame.time_base, interlaced),
            *(frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries),
        )
        if given != self._input:
            if self._graph:
                self._graph.vpush(None)
                yield from self._ready()
            self._interlaced, self._input = interlaced, given
            self._graph = frame and self._built(frame)
        if frame:
            self._graph.vpush(frame)
            yield from self._ready()

    def _built(self, frame: "VideoFrame") -> Any:
        from av.filter import Graph

        graph = Graph()
        source = {
            "video_size": f"{frame.width}x{frame.height}",
            "pix_fmt": frame.format.name,
            "time_base": str(frame.time_base),
            "pixel_aspect": "1/1",
            "colorspace": str(int(frame.colorspace)),
            "range": str(int(frame.color_range)),
        }
        width, height = self._size
        scale = f"{width}:{height}:flags=bilinear"
        if frame.colorspace == _UNSPECIFIED and frame.height >= _HD:
            scale += ":in_color_matrix=bt709"
        if frame.color_primaries in _WIDE or is_hdr(frame):
            scale += ":out_primaries=bt709"  # colors beyond it, and beyond the white of paper, are clipped
        if is_hdr(frame):
            scale += ":out_transfer=bt709"
        graph.link_nodes(
            graph.add("buffer", **source),
            *([graph.add("bwdif", "mode=send_frame:deint=interlaced")] if self._interlaced else []),
            graph.add("scale", scale),
            graph.add("format", "rgb24"),
            graph.add("buffersink"),
        ).configure()
        return graph

    def _ready(self) -> Iterator["VideoFrame"]:
        with suppress(BlockingIOError, EOFError):
            while True:
                yield self._graph.vpull()
