"""How steady masks are: the share of skin pixels that change sides between frames beyond what the motion explains.

A window pans and zooms slowly over docs/portrait.jpg, 60 frames. The aim is 1 % for tiny_skin; its card has the
figure. Run it with `python -m benchmarks.flicker [FILE SIDE]`: FILE is another ONNX file with the same contract, run at
that side.
"""

import math
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from benchmarks.timing import machine
from rembg_skin.catalog import MODELS
from rembg_skin.image.mask import cleaned, to_mask
from rembg_skin.image.tensor import to_tensor

ROOT = Path(__file__).resolve().parents[1]
FRAMES = 60
SIZE = (480, 360)

Mask = NDArray[np.uint8]
Window = tuple[float, float, float, float]


def windows(width: int, height: int) -> list[Window]:
    """Return the part of the photo that each frame shows: left, top, right, bottom."""
    boxes = []
    for time in np.linspace(0, 2 * math.pi, FRAMES):
        wide = width * (0.72 + 0.12 * math.sin(time))
        high = wide * SIZE[1] / SIZE[0]
        left = (width - wide) * (0.5 + 0.4 * math.cos(time))
        top = (height - high) * (0.3 + 0.2 * math.sin(2 * time))
        boxes.append((left, top, left + wide, top + high))
    return boxes


def moved(mask: Mask, before: Window, after: Window) -> Mask:
    """Return the mask of the window `before` as the window `after` shows it, 0 beyond its border."""
    wide, high = (before[i + 2] - before[i] for i in (0, 1))
    scale = (after[2] - after[0]) / wide
    across, down = ((after[0] - before[0]) / wide * SIZE[0], (after[1] - before[1]) / high * SIZE[1])
    matrix = (scale, 0, across, 0, scale, down)
    return np.asarray(Image.fromarray(mask).transform(SIZE, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


def unsteady(predict: Callable[[Image.Image], Mask], photo: Image.Image) -> float:
    """Return the mean share of skin pixels that change sides from one frame to the next."""
    boxes = windows(*photo.size)
    masks = [predict(photo.resize(SIZE, Image.Resampling.BICUBIC, box)) for box in boxes]
    shares = []
    for (first, second), (before, after) in zip(pairwise(masks), pairwise(boxes), strict=True):
        both = moved(np.full(SIZE[::-1], 255, np.uint8), before, after) == 255  # seen in both
        changed = ((moved(first, before, after) > 127) != (second > 127)) & both
        shares.append(np.count_nonzero(changed) / max(1, np.count_nonzero((second > 127) & both)))
    return fmean(shares)


def of_file(file: str, side: int) -> Callable[[Image.Image], Mask]:
    """Return a function that masks a frame with an ONNX file, as the session does."""
    network = MODELS["tiny_skin"].network
    assert network is not None
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])

    def predict(frame: Image.Image) -> Mask:
        tensor = to_tensor(frame, side, network.fit, reducing_gap=network.reducing_gap)
        (mask,) = session.run(["mask"], {"image": tensor})
        return np.asarray(cleaned(to_mask(mask[0, 0]), frame.size, network.blur))

    return predict


def main() -> None:
    """Print a line a model."""
    from rembg import new_session

    session = new_session("tiny_skin")
    models = {"tiny_skin": lambda frame: np.asarray(session.predict(frame)[0])}
    if len(sys.argv) > 1:
        file, side = sys.argv[1:]
        models[f"{Path(file).name} at {side}"] = of_file(file, int(side))
    print(machine("rembg", "numpy", "pillow", "onnxruntime"))
    photo = Image.open(ROOT / "docs/portrait.jpg").convert("RGB")
    for name, predict in models.items():
        print(f"{name:32}{100 * unsteady(predict, photo):6.2f} % of skin pixels a frame")


if __name__ == "__main__":
    main()
