"""`detail="fine"` beside "fast": IoU of the complete masks and near the edges, time and memory at 24 megapixels.

    python -m benchmarks.detail [accuracy] [cost]

Accuracy: photographs that tiny_skin is never trained on, at half the input side that it would choose, as a photo of
24 megapixels is seen much smaller than it is. Aims: .03 more within 4 pixels of the edges and nowhere worse; 4 times
the time and 1.2 GB.
"""

import sys
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.timing import PORTRAIT, SHARED, machine, medians, peak_megabytes
from rembg_skin.image.morphology import dilated, disk, eroded
from rembg_skin.image.tensor import automatic_sides
from rembg_skin.session import open_session, predict_mask

DETAILS = ("fast", "fine")
SETS = ("ccp", "hgr1", "sfa", "abdomen")
NEAR = 4  # pixels
LARGE = (6000, 4000)


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks, 1 if both are empty."""
    either = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / either if either else 1.0


def accuracy() -> None:
    """Print the IoU of both sides on each set held out."""
    from training.data import image_files, is_held_out, read_pair

    if not (SHARED / "data" / "train").is_dir():
        print(f"{SHARED / 'data' / 'train'} is not here: no accuracy is measured")
        return
    for source in SETS:
        scores: dict[str, list[tuple[float, float]]] = {detail: [] for detail in DETAILS}
        files = image_files(SHARED / "data", source)  # type: ignore[arg-type]
        held_out = [file for index, file in enumerate(files) if is_held_out(source, index, file.name)]  # type: ignore[arg-type]
        for file in held_out:
            image, levels = read_pair(file)
            truth = levels > 127
            edges = dilated(truth, disk(NEAR)) & ~eroded(truth, disk(NEAR))
            side = automatic_sides(image.shape[1::-1])[-1] // 2 // 32 * 32
            for detail in DETAILS:
                mask = predict_mask(_session(size=side, detail=detail), Image.fromarray(image)) > 127
                scores[detail].append((iou(mask, truth), iou(mask[edges], truth[edges])))
        means = {detail: [fmean(column) for column in zip(*rows, strict=True)] for detail, rows in scores.items()}
        shown = ", ".join(f"{detail} {complete:.3f}, edges {near:.3f}" for detail, (complete, near) in means.items())
        print(f"{source:8} {len(held_out)} photos: {shown}", flush=True)


def cost() -> None:
    """Print the time and the memory of both sides for 24 megapixels."""
    photo = Image.open(PORTRAIT).convert("RGB").resize(LARGE, Image.Resampling.BICUBIC)
    seconds = medians({detail: partial(predict_mask, _session(detail=detail), photo) for detail in DETAILS}, 3)
    print(f"24 megapixels: {', '.join(f'{detail} {seconds[detail]:.2f} s' for detail in DETAILS)}:", end=" ")
    print(f"{seconds['fine'] / seconds['fast']:.1f} times (at most 4)")
    for detail in DETAILS:
        setup = f"""
            from PIL import Image
            from rembg_skin.session import open_session, predict_mask
            photo = Image.open({str(PORTRAIT)!r}).convert("RGB").resize({LARGE}, Image.Resampling.BICUBIC)
        """
        action = f'predict_mask(open_session("tiny_skin", {{"detail": "{detail}"}}), photo)'
        print(f"{detail}: {peak_megabytes(setup, action):.0f} MB above the photo (at most 1200)")


def _session(**extras: object) -> Any:
    return open_session("tiny_skin", extras)  # all of them share one copy of the network


PARTS = {"accuracy": accuracy, "cost": cost}


def main() -> None:
    """Print the named parts, or both."""
    print(machine("rembg", "numpy", "pillow", "onnxruntime"))
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
