"""Find faces with the YuNet detector. Decoding of its outputs: opencv/opencv (objdetect)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.errors import ModelError
from rembg_skin.image.arrays import Floats
from rembg_skin.image.parts import Point
from rembg_skin.image.tiles import Box
from rembg_skin.networks.onnx import open_graph
from rembg_skin.networks.providers import CPU

SIDE = 640  # pixels of the detector's square input
STRIDES = (8, 16, 32)  # pixels of the input to a cell of the three output maps
_KINDS = ("cls", "obj", "bbox", "kps")
OUTPUTS = tuple(f"{kind}_{stride}" for stride in STRIDES for kind in _KINDS)
_OVERLAP = 0.3  # two boxes whose IoU is above are one face; OpenCV's default


@dataclass(frozen=True)
class Face:
    """A box in pixels of the image, which may reach beyond its edges, and the detector's confidence, 0 to 1.

    `landmarks` are x and y of both eyes, the nose's tip and the mouth's corners, those at the picture's left first.
    """

    left: float
    top: float
    right: float
    bottom: float
    confidence: float
    landmarks: tuple[Point, ...] = ()

    @property
    def area(self) -> float:
        """Square pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def within(self, size: tuple[int, int]) -> Box:
        """Return the whole pixels of the box that lie inside an image of `size`; there may be none."""
        left, top = max(int(self.left), 0), max(int(self.top), 0)
        return Box(left, top, max(left, min(int(self.right), size[0])), max(top, min(int(self.bottom), size[1])))


class Detector:
    """The detector ready to run, safe from any number of threads; ModelError if ONNX Runtime cannot load the file."""

    def __init__(self, path: Path, threads: int) -> None:
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = threads
        # On the CPU even if there is a GPU: a run takes some 20 ms.
        self._session = open_graph("The face detector", path, [CPU], settings)

    def faces(self, rgb: PILImage, confidence: float) -> list[Face]:
        """Return the faces of at least `confidence`, 0 to 1, in an RGB image, most confident first.

        Raise ModelError if the network fails.
        """
        tensor, scale = to_input(rgb)
        try:
            outputs = self._session.run(list(OUTPUTS), {"input": tensor})
        except Exception as error:  # ONNX Runtime's have no common class of their own
            raise ModelError(f"The face detector failed: {error}") from error
        return find(dict(zip(OUTPUTS, outputs, strict=True)), scale, confidence)


# `rembg s` makes a session for every string of extras: they share one detector.
shared_detector = lru_cache(maxsize=2)(Detector)


def to_input(rgb: PILImage) -> tuple[Floats, float]:
    """Return the detector's input, float32 [1, 3, 640, 640], BGR 0..255, and the scale from the image to it.

    A larger image is brought down to fit, a smaller one is not enlarged: the detector misses faces of more than about
    400 pixels. The image is at the top left, black around it.
    """
    scale = min(1.0, SIDE / max(rgb.size))
    if scale < 1:
        width, height = (max(1, round(length * scale)) for length in rgb.size)
        rgb = rgb.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    tensor = np.zeros((1, 3, SIDE, SIDE), np.float32)
    tensor[0, :, : rgb.height, : rgb.width] = np.asarray(rgb).transpose(2, 0, 1)[::-1]
    return tensor, scale


def find(outputs: Mapping[str, Floats], scale: float, confidence: float) -> list[Face]:
    """Return the faces of at least `confidence`, most confident first.

    The network's :data:`OUTPUTS` are each [1, cells, values], cells in rows from the top left; `scale` is that of
    :func:`to_input`.
    """
    maps = {stride: [outputs[f"{kind}_{stride}"][0] for kind in _KINDS] for stride in STRIDES}
    boxes = np.concatenate([_decoded(stride, *values) for stride, values in maps.items()])
    boxes = boxes[boxes[:, 4] >= confidence]
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    boxes[:, :4] /= scale
    boxes[:, 5:] /= scale
    faces = []
    while len(boxes):  # without those that overlap a more confident one
        left, top, right, bottom, sure, *points = boxes[0].tolist()
        faces.append(Face(left, top, right, bottom, sure, tuple(zip(points[::2], points[1::2], strict=True))))
        boxes = boxes[1:][_iou(boxes[0], boxes[1:]) <= _OVERLAP]
    return faces


def _decoded(stride: int, class_score: Floats, objectness: Floats, offsets: Floats, points: Floats) -> Floats:
    """Return left, top, right, bottom, confidence and five points of every cell, float32 [cells, 15]."""
    rows, columns = np.divmod(np.arange(len(offsets)), SIDE // stride)
    cells = np.stack([columns, rows], axis=1).astype(np.float32)
    centers = (cells + offsets[:, :2]) * np.float32(stride)
    halves = np.exp(offsets[:, 2:]) * np.float32(stride / 2)
    confidence = np.sqrt(class_score.clip(0, 1) * objectness.clip(0, 1))
    landmarks = (np.tile(cells, 5) + points) * np.float32(stride)
    return np.concatenate([centers - halves, centers + halves, confidence, landmarks], axis=1)


def _iou(box: Floats, others: Floats) -> Floats:
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    shared = width.clip(min=0) * height.clip(min=0)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    overlap: Floats = shared / (areas + (box[2] - box[0]) * (box[3] - box[1]) - shared)
    return overlap
