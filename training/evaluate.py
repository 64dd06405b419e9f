"""Score a file as the session uses it: masks of full size, by source, tone and size of skin, and without skin."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from rembg_skin.catalog import MODELS
from rembg_skin.image.mask import agreed, cleaned, to_mask
from rembg_skin.image.tensor import to_tensor
from rembg_skin.measure.stats import tone

from .data import Source, image_files, is_held_out, read_pair

Bytes = NDArray[np.uint8]
Predict = Callable[[Bytes], Bytes]
Sides = Callable[[tuple[int, int]], tuple[int, ...]]
BAND, BAND_SIDE = 8, 512  # pixels on both sides of the edge, of a picture of that side
SHARES = {"below 1 %": 0.01, "1 to 5 %": 0.05, "5 to 20 %": 0.2, "above 20 %": 1.1}


@dataclass(frozen=True)
class Score:
    """What one photograph's mask is worth."""

    source: str
    name: str
    iou: float
    error: float  # mean absolute, 0..1
    band: float
    tone: str
    share: str


def predictor(model: str, file: Path, sides: Sides, output: str | None = None, threads: int = 2) -> Predict:
    """Return a function from uint8 RGB [H, W, 3] to a uint8 mask [H, W]: the steps of the model's session."""
    network = MODELS[model].network
    assert network is not None
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    entry, first = session.get_inputs()[0].name, session.get_outputs()[0].name

    def predict(image: Bytes) -> Bytes:
        picture = Image.fromarray(image)
        gap, mean, std = network.reducing_gap, network.mean, network.std
        tensors = (
            to_tensor(picture, side, network.fit, mean=mean, std=std, reducing_gap=gap) for side in sides(picture.size)
        )
        looks = (session.run([output or first], {entry: tensor})[0][0, 0] for tensor in tensors)
        return np.asarray(cleaned(to_mask(reduce(agreed, looks)), picture.size, network.blur))

    return predict


def iou(mask: Bytes, truth: Bytes) -> float:
    """Intersection over union at threshold 127; 1 where both are empty."""
    found, wanted = mask > 127, truth > 127
    union = np.count_nonzero(found | wanted)
    return np.count_nonzero(found & wanted) / union if union else 1.0


def band_iou(mask: Bytes, truth: Bytes) -> float:
    """Intersection over union near the true edge, both brought to one size; 1 where there is no edge."""
    scale = BAND_SIDE / max(truth.shape)
    size = tuple(max(1, round(side * scale)) for side in truth.shape[::-1])
    mask, truth = (np.asarray(Image.fromarray(m).resize(size, Image.Resampling.BILINEAR)) for m in (mask, truth))
    skin = np.pad(truth > 127, 1, mode="edge")
    away = (ndimage.distance_transform_edt(side)[1:-1, 1:-1] for side in (skin, ~skin))
    near = np.maximum(*away) <= BAND if 0 < np.count_nonzero(skin) < skin.size else np.zeros(mask.shape, bool)
    return iou(np.where(near, mask, 0).astype(np.uint8), np.where(near, truth, 0).astype(np.uint8))


def share_of(truth: Bytes) -> str:
    """Return the class of the photograph by the share of it that is skin."""
    return next(name for name, below in SHARES.items() if np.mean(truth > 127) < below)


def lit_share(mask: Bytes) -> float:
    """Share of the pixels above 127."""
    return float(np.mean(mask > 127))


def pairs(root: Path, source: Source, *, tenth: bool) -> Iterator[tuple[str, Bytes, Bytes]]:
    """Yield name, picture and mask of a set, or of the tenth of it that no training sees."""
    for index, file in enumerate(image_files(root, source)):
        if not tenth or is_held_out(source, index, file.stem):
            yield file.stem, *read_pair(file)


def scores(predict: Predict, source: str, photos: Iterable[tuple[str, Bytes, Bytes]]) -> Iterator[Score]:
    """Yield what the masks of photographs are worth at their full size."""
    for name, image, truth in photos:
        mask = predict(image)
        error = float(np.abs(mask.astype(np.float32) - truth).mean() / 255)
        yield Score(source, name, iou(mask, truth), error, band_iou(mask, truth), tone(image, truth), share_of(truth))


def shrunk(photos: Iterable[tuple[str, Bytes, Bytes]], longest: int) -> Iterator[tuple[str, Bytes, Bytes]]:
    """Yield the photographs as small as people far away send them."""
    for name, *layers in photos:
        pictures = [Image.fromarray(layer) for layer in layers]
        for picture in pictures:
            picture.thumbnail((longest, longest), Image.Resampling.BOX)
        image, mask = (np.asarray(picture) for picture in pictures)
        yield name, image, mask


def in_fours(photos: Iterable[tuple[str, Bytes, Bytes]], longest: int = 1000) -> Iterator[tuple[str, Bytes, Bytes]]:
    """Yield pictures that show four photographs each, side by side in two rows."""
    cell = longest // 2
    waiting: list[tuple[Bytes, Bytes]] = []
    for name, image, truth in photos:
        canvas = []
        for layer in (image, truth):
            part = Image.fromarray(layer)
            part.thumbnail((cell, cell), Image.Resampling.BOX)
            ground = np.zeros((cell, cell, *layer.shape[2:]), np.uint8)
            ground[: part.height, : part.width] = np.asarray(part)
            canvas.append(ground)
        waiting.append((canvas[0], canvas[1]))
        if len(waiting) == 4:
            four = zip(*waiting, strict=True)
            whole, skin = (np.vstack([np.hstack(layer[:2]), np.hstack(layer[2:])]) for layer in four)
            yield name, whole, skin
            waiting = []
