"""Score an exported file: mean IoU per source, and how much lights up where there is no skin."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from .data import Source, image_files, read_pair

Bytes = NDArray[np.uint8]
Predict = Callable[[Bytes], Bytes]
STRIDE = 32
SIDE = 512  # longest side of the network's input, chosen on held-out photographs (see README.md)


def open_model(file: Path, threads: int = 2) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def input_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width that keep the picture's aspect with its longest side at `side`, in multiples of 32."""
    scale = side / max(height, width)
    return max(1, round(height * scale / STRIDE)) * STRIDE, max(1, round(width * scale / STRIDE)) * STRIDE


def soft_mask(session: ort.InferenceSession, image: Bytes, side: int) -> NDArray[np.float32]:
    """Return the network's answer at its own size: uint8 RGB [H, W, 3] -> float32 [h, w] in 0..1."""
    height, width = input_size(image.shape[0], image.shape[1], side)
    picture = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
    tensor = (np.asarray(picture, np.float32) / 255).transpose(2, 0, 1)[None]
    (mask,) = session.run(["mask"], {"image": tensor})
    return np.asarray(mask[0, 0], np.float32)


def to_size(mask: NDArray[np.float32], height: int, width: int) -> Bytes:
    """Return a float mask 0..1 as uint8 at the picture's size."""
    picture = Image.fromarray(np.rint(mask * 255).astype(np.uint8))
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def predictor(file: Path, side: int = SIDE) -> Predict:
    """Return a function from uint8 RGB [H, W, 3] to a uint8 mask [H, W]."""
    session = open_model(file)
    return lambda image: to_size(soft_mask(session, image, side), *image.shape[:2])


def iou(mask: Bytes, truth: Bytes) -> float:
    """Intersection over union at threshold 127; 1 where both are empty."""
    found, wanted = mask > 127, truth > 127
    union = np.count_nonzero(found | wanted)
    return np.count_nonzero(found & wanted) / union if union else 1.0


def lit_share(mask: Bytes) -> float:
    """Share of the pixels above 127."""
    return float(np.mean(mask > 127))


def score_photos(predict: Predict, root: Path, source: Source) -> dict[str, float]:
    """IoU of every photograph of a set at full size, by its name."""
    pairs = ((file.stem, *read_pair(file)) for file in image_files(root, source))
    return {name: iou(predict(image), truth) for name, image, truth in pairs}


def score(predict: Predict, root: Path, sources: Iterable[Source]) -> dict[Source, float]:
    """Mean IoU per source."""
    return {source: float(np.mean(list(score_photos(predict, root, source).values()))) for source in sources}


def score_empty(predict: Predict, pictures: Sequence[tuple[str, Bytes]]) -> dict[str, float]:
    """Return the lit share of pictures without skin, by name."""
    return {name: lit_share(predict(image)) for name, image in pictures}
