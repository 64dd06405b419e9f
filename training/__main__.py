"""`python -m training`: reproduce the shipped file and its score; with --cross-validate, the honest figures instead."""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from statistics import fmean

import torch

from .data import NEGATIVES_SEEN, NEGATIVES_UNSEEN, SOURCES, Source, drop_near_copies, library_photo, load_photos
from .evaluate import predictor, score, score_empty
from .export import export
from .train import Plan, train

ROOT = Path(__file__).resolve().parent.parent
WORST = 20
FOLDS: tuple[tuple[Source, ...], ...] = (
    ("mixed_web", "hands_and_necks"),
    ("press_and_portraits",),
    ("fasseg_frontal", "fasseg_multipose"),
)


def fit(data: Path, start: Path, plan: Plan, checkpoint: Path, file: Path, held_out: Sequence[Source] = ()) -> None:
    """Train on every source that is not held out, less near-copies of what is, and export to `file`."""
    photos = load_photos(data, [source for source in SOURCES if source not in held_out])
    photos = drop_near_copies(photos, [*load_photos(data, SOURCES, held_out=True), *load_photos(data, held_out)])
    print(f"{len(photos)} photos, held out: {', '.join(held_out) or 'none'}", flush=True)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    export(train(photos, start, plan, checkpoint), file)
    checkpoint.unlink()


def report(data: Path, file: Path, sources: Sequence[Source]) -> None:
    """Print mean IoU per source and by skin tone, the worst photos, and the lit share of pictures without skin."""
    predict = predictor(file)
    scores = {source: list(score(predict, data, source)) for source in sources}
    for source, photos in scores.items():
        print(f"{source:20} mean IoU {fmean(value for _, _, value in photos):.4f}")
    by_tone = defaultdict(list)
    for _, tone, value in chain(*scores.values()):
        by_tone[tone].append(value)
    for tone, values in by_tone.items():
        print(f"{tone:20} mean IoU {fmean(values):.4f} of {len(values)} photos")
    worst = sorted((value, source, name) for source, photos in scores.items() for name, _, value in photos)[:WORST]
    print("worst: " + ", ".join(f"{source}/{name} {value:.2f}" for value, source, name in worst))
    for title, names in (("trained on", NEGATIVES_SEEN), ("never trained on", NEGATIVES_UNSEEN)):
        lit = score_empty(predict, [(name, library_photo(name)) for name in names])
        print(f"without skin, {title}: lit share {fmean(lit.values()):.4f}")


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="folder with the sets")
    parser.add_argument("--start", type=Path, default=ROOT.parent / "shared/weights/pan_skin.onnx")
    parser.add_argument("--output", type=Path, default=ROOT / "rembg_skin/data/tiny_skin.onnx")
    parser.add_argument("--state", type=Path, default=ROOT / "build/training", help="folder for unfinished training")
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cross-validate", action="store_true", help="hold each group of sources out in turn")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plan = Plan(steps=options.steps)
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
