"""Score an exported file: mean IoU per source, and how much lights up where there is no skin."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab

from .data import Source, image_files, read_pair

Bytes = NDArray[np.uint8]
Predict = Callable[[Bytes], Bytes]
STRIDE = 32
# Degrees above which a typology angle belongs to a class (Del Bino and Bernerd 2013).
TONES = {"very light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -181.0}
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


def tone(image: Bytes, truth: Bytes) -> str:
    """Return the class of a photograph's skin by its individual typology angle (Chardon et al. 1991), or "no skin".

    The angle is taken of the skin's median colour as the photo shows it: lamp and camera have their part in it.
    """
    skin = image[truth > 127]
    if not len(skin):
        return "no skin"
    lightness, _, yellow = np.median(rgb2lab(skin[None] / 255)[0], axis=0)
    angle = np.degrees(np.arctan2(lightness - 50, yellow))
    return next(name for name, above in TONES.items() if angle > above)


def lit_share(mask: Bytes) -> float:
    """Share of the pixels above 127."""
    return float(np.mean(mask > 127))


def score(predict: Predict, root: Path, source: Source) -> Iterator[tuple[str, str, float]]:
    """Yield name, tone and IoU at full size of every photograph of a set."""
    for file in image_files(root, source):
        image, truth = read_pair(file)
        yield file.stem, tone(image, truth), iou(predict(image), truth)


def score_empty(predict: Predict, pictures: Sequence[tuple[str, Bytes]]) -> dict[str, float]:
    """Return the lit share of pictures without skin, by name."""
    return {name: lit_share(predict(image)) for name, image in pictures}
