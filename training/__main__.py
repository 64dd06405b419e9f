"""`python -m training`: reproduce the shipped file and its score; with --cross-validate, the honest figures instead."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from .data import NEGATIVES_SEEN, NEGATIVES_UNSEEN, SOURCES, Source, drop_near_copies, library_photo, load_photos
from .evaluate import predictor, score, score_empty
from .export import export
from .train import Plan, train

ROOT = Path(__file__).resolve().parent.parent
FOLDS: tuple[tuple[Source, ...], ...] = (
    ("mixed_web", "hands_and_necks"),
    ("press_and_portraits",),
    ("fasseg_frontal", "fasseg_multipose"),
)


def fit(data: Path, start: Path, plan: Plan, checkpoint: Path, file: Path, held_out: Sequence[Source] = ()) -> None:
    """Train on every source that is not held out, less near-copies of what is, and export to `file`."""
    photos = load_photos(data, [source for source in SOURCES if source not in held_out])
    photos = drop_near_copies(photos, load_photos(data, held_out))
    print(f"{len(photos)} photos, held out: {', '.join(held_out) or 'none'}", flush=True)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    export(train(photos, start, plan, checkpoint), file)
    checkpoint.unlink()


def report(data: Path, file: Path, sources: Sequence[Source]) -> None:
    """Print mean IoU per source and the lit share of pictures without skin."""
    predict = predictor(file)
    for source, value in score(predict, data, sources).items():
        print(f"{source:20} mean IoU {value:.4f}")
    for title, names in (("trained on", NEGATIVES_SEEN), ("never trained on", NEGATIVES_UNSEEN)):
        lit = score_empty(predict, [(name, library_photo(name)) for name in names])
        print(f"without skin, {title}: lit share {sum(lit.values()) / len(lit):.4f}")


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="folder with the sets")
    parser.add_argument("--start", type=Path, default=ROOT.parent / "shared/weights/pan_skin.onnx")
    parser.add_argument("--output", type=Path, default=ROOT / "rembg_skin/data/tiny_skin.onnx")
    parser.add_argument("--state", type=Path, default=ROOT / "build/training", help="folder for unfinished training")
    parser.add_argument("--epochs", type=int, default=Plan.epochs)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cross-validate", action="store_true", help="hold each group of sources out in turn")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plan = Plan(epochs=options.epochs)
    if options.cross_validate:
        for number, held_out in enumerate(FOLDS):
            file = options.state / f"fold{number}.onnx"
            fit(options.data, options.start, plan, file.with_suffix(".pt"), file, held_out)
            report(options.data, file, held_out)
    else:
        fit(options.data, options.start, plan, options.state / "tiny_skin.pt", options.output)
        report(options.data, options.output, SOURCES)


if __name__ == "__main__":
    main()
