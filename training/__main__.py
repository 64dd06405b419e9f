"""`python -m training`: make the shipped file and score it; with --cross-validate or --score FILE, figures alone."""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import torch

from rembg_skin.image.tensor import automatic_sides
from rembg_skin.measure.metrics import bounds

from .data import NEGATIVES_UNSEEN, Photo, Source, drop_near_copies, library_photo, load_photos
from .evaluate import Predict, Score, in_fours, lit_share, pairs, predictor, scores, shrunk
from .export import export
from .robust import faces, table, unseen
from .teachers import Selfie, Voices, teach
from .train import Plan, train

ROOT = Path(__file__).resolve().parent.parent
WORST = 20
SMALL = (48, 128, 256)  # pixels
SPLIT: tuple[Source, ...] = ("ccp", "hgr1", "abdomen", "sfa")  # a tenth of each is kept out of every training
EMPTY: tuple[Source, ...] = ("neg_grocery", "neg_imagenet")  # likewise
FOLDS: tuple[tuple[Source, ...], ...] = (
    ("press_and_portraits",),
    ("mixed_web", "hands_and_necks", "fasseg_frontal", "fasseg_multipose"),
)


def fit(photos: Sequence[Photo], plan: Plan, checkpoint: Path, file: Path, start: Path | None = None) -> None:
    """Train on the photos, from ImageNet or the file `start`, and export to `file`."""
    print(f"{len(photos)} photos", flush=True)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    export(train(photos, plan, checkpoint, start), file)
    checkpoint.unlink(missing_ok=True)  # a short run saves none


def summary(title: str, values: Iterable[Score]) -> None:
    """Print the means of some scores."""
    every = list(values)
    iou, error, band = (fmean(getattr(score, name) for score in every) for name in ("iou", "error", "band"))
    low, high = bounds([score.iou for score in every])
    print(
        f"{title:32} IoU {iou:.4f} ({low:.3f} to {high:.3f})  error {error:.4f}  near the edge {band:.4f}  "
        f"{len(every)} photos",
        flush=True,
    )


def report(found: Mapping[Source, Sequence[Score]]) -> None:
    """Print how well masks fit, by source, tone and share of skin, and the worst photos."""
    for source, values in found.items():
        summary(source, values)
        for kind in ("tone", "share"):
            groups = defaultdict(list)
            for score in values:
                groups[getattr(score, kind)].append(score)
            for name, group in sorted(groups.items()):
                summary(f"  {name}", group)
    every = sorted((score for values in found.values() for score in values), key=lambda score: score.iou)
    print("worst: " + ", ".join(f"{score.source}/{score.name} {score.iou:.2f}" for score in every[:WORST]))


def report_unseen(predict: Predict, data: Path, selfie: Selfie) -> None:
    """Print the figures of photographs that no training sees: the tenths, as they are, small and in fours, and faces.

    The faces have no masks: their figures are the agreement with the selfie network.
    """
    held_out = {source: pairs(data, source, tenth=True) for source in SPLIT}
    held_out["faces_unlabelled"] = faces(data, selfie)
    report({source: list(scores(predict, source, photos)) for source, photos in held_out.items()})
    for longest in SMALL:
        summary(f"ccp at {longest} pixels", scores(predict, "ccp", shrunk(pairs(data, "ccp", tenth=True), longest)))
    summary("ccp, four in one", scores(predict, "ccp", in_fours(pairs(data, "ccp", tenth=True))))
    for source in EMPTY:
        lit = [lit_share(predict(image)) for _, image, _ in pairs(data, source, tenth=True)]
        print(f"{source:32} lit {fmean(lit):.4f}  {len(lit)} photos")
    lit = [lit_share(predict(library_photo(name))) for name in NEGATIVES_UNSEEN]
    print(f"{'scikit-image':32} lit {fmean(lit):.4f}  {len(lit)} photos")


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="folder with the sets")
    parser.add_argument("--output", type=Path, default=ROOT / "rembg_skin/data/tiny_skin.onnx")
    parser.add_argument("--state", type=Path, default=ROOT / "build/training", help="folder for unfinished training")
    parser.add_argument("--start", type=Path, help="file to start from, which teaches, too; ImageNet's by default")
    parser.add_argument("--minutes", type=float, default=Plan.minutes)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cross-validate", action="store_true", help="hold each group of sources out in turn")
    parser.add_argument("--score", type=Path, metavar="FILE", help="score this file and train nothing")
    parser.add_argument("--robust", type=Path, metavar="FILE", nargs="+", help="likewise, on photos in disguise")
    parser.add_argument("--every", type=int, default=1, help="of the photos in disguise, take every so-manieth")
    parser.add_argument("--side", type=int, help="score at this side instead of the automatic ones")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    def sides(size: tuple[int, int]) -> tuple[int, ...]:
        return (options.side,) if options.side else automatic_sides(size)

    def scored(file: Path) -> Predict:
        return predictor("tiny_skin", file, sides, threads=options.threads)

    if options.score:
        report_unseen(scored(options.score), options.data, Selfie(options.threads))
        return
    if options.robust:
        held_out = unseen(options.data, Selfie(options.threads), options.every)
        table({file.stem: scored(file) for file in options.robust}, held_out)
        return
    plan = Plan(minutes=options.minutes, seed=options.seed)
    photos = drop_near_copies(load_photos(options.data), load_photos(options.data, held_out=True))
    photos = teach(photos, Voices(options.start, options.threads), options.state / "taught")
    if options.cross_validate:
        for number, fold in enumerate(FOLDS):
            file = options.state / f"fold{number}.onnx"
            others = [photo for photo in photos if photo.source not in fold]
            kept = drop_near_copies(others, [photo for photo in photos if photo.source in fold])
            fit(kept, plan, file.with_suffix(".pt"), file)
            predict = scored(file)
            report({one: list(scores(predict, one, pairs(options.data, one, tenth=False))) for one in fold})
    else:
        fit(photos, plan, options.state / "tiny_skin.pt", options.output, options.start)
        report_unseen(scored(options.output), options.data, Selfie(options.threads))


if __name__ == "__main__":
    main()
