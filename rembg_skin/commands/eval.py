"""``rembg-skin eval``: judge models on one's own photographs and masks."""

import argparse
import json
import sys
from pathlib import Path

from rembg_skin.commands.console import (
    exit_code,
    progress,
    say,
    say_problems,
    say_unpaired,
    say_written,
    stoppable,
    write_table,
)
from rembg_skin.dataset.pairs import Folders, Problem, check_sizes, find_pairs
from rembg_skin.errors import SkinError
from rembg_skin.files import write_whole
from rembg_skin.measure.compare import worst_sheet
from rembg_skin.measure.evaluate import Score, as_json, evaluate, summarize, worst, write_csv
from rembg_skin.measure.sessions import distinct, open_session

_SIDE = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, help="folder of photographs")
    parser.add_argument("masks", type=Path, help="folder of true masks, of the same names (a.jpg, a.png)")
    parser.add_argument("-m", "--model", nargs="+", required=True, metavar="NAME", help="any models that rembg knows")
    parser.add_argument("--resize", action="store_true", help="bring masks of another size to their image's")
    parser.add_argument(
        "--no-hce", dest="hce", action="store_false", help="leave HCE out: it is slow, up to 2 s a megapixel"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the measures of every image")
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the IoU of every image (PNG)")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="draw the N worst images of each model")
    parser.add_argument(
        "--worst-to", type=Path, default=Path(), metavar="DIR", help="where worst-MODEL.png goes (default: here)"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate; return the exit code."""
    models = distinct(args.model)
    folders = find_pairs(args.images, args.masks)
    if not args.resize:
        check_sizes(folders.pairs)
    if args.plot:
        from rembg_skin.measure.plots import new_figure

        figure = new_figure("eval --plot", 8, 1.5 + 0.6 * len(models))
    say_unpaired(folders)

    scores: list[Score] = []
    problems: list[Problem] = []
    failed: list[SkinError] = []
    with stoppable() as stop:
        for name in models:
            try:
                _evaluate(name, folders, args, scores, problems)
            except SkinError as error:  # one model's trouble must not cost the others their results
                failed.append(error)
                say(str(error))
    if failed and not scores:
        raise failed[0]

    # First of all to where nothing can fail.
    if args.json:
        json.dump(as_json(scores, problems, folders.unpaired), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        write_table(_table(scores))
    say_problems(problems)
    if args.csv:
        write_whole(args.csv, lambda part: _write_csv(part, scores))
        say_written([args.csv])
    if args.plot and scores:
        from rembg_skin.measure.plots import distribution, save

        distribution(figure, {name: _ious(scores, name) for name in models if _ious(scores, name)})
        save(figure, args.plot)
        say_written([args.plot])
    return exit_code(stop, complete=not problems and not failed)


def _evaluate(
    name: str, folders: Folders, args: argparse.Namespace, scores: list[Score], problems: list[Problem]
) -> None:
    session = open_session(name)
    outcomes = evaluate(name, session, folders.pairs, resize=args.resize, hce=args.hce)
    for outcome in progress(outcomes, len(folders.pairs), name):
        if isinstance(outcome, Score):
            scores.append(outcome)
        elif outcome not in problems:  # a damaged file is the same trouble for every model
            problems.append(outcome)
    if args.worst > 0 and (chosen := worst(scores, name, args.worst)):
        sheet = worst_sheet(chosen, session, _SIDE, resize=args.resize)
        path = args.worst_to / f"worst-{name}.png"
        write_whole(path, lambda part: sheet.save(part, "PNG"))
        say_written([path])


def _write_csv(path: Path, scores: list[Score]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        write_csv(scores, out)


def _ious(scores: list[Score], name: str) -> list[float]:
    return [score.measures.iou_05 for score in scores if score.model == name]


def _table(scores: list[Score]) -> list[list[str]]:
    rows = [["model", "images", "mIoU", "mIoU@0.5", "F1", "precision", "recall", "MAE", "HCE", "s/image"]]
    for row in summarize(scores):
        mean = row.mean
        ratios = (mean.iou, mean.iou_05, mean.f1, mean.precision, mean.recall)
        rows.append(
            [
                row.model,
                str(row.images),
                *(f"{ratio:.3f}" for ratio in ratios),
                f"{mean.mae:.1f}",
                "-" if mean.hce is None else f"{mean.hce:.0f}",
                f"{mean.seconds:.4f}",
            ]
        )
    return rows
