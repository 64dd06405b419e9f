"""``rembg-skin eval``: judge models on your own photos and masks."""

import argparse
import json
from functools import partial
from pathlib import Path

from rembg_skin.commands.arguments import ModelChoice, add_models, add_pairs, checked_models, natural
from rembg_skin.commands.console import (
    exit_status,
    given_pairs,
    progress,
    say,
    say_problems,
    say_written,
    stoppable,
    write_table,
)
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import Folders, Pair, find_pairs
from rembg_skin.errors import DataError, SkinError, printable
from rembg_skin.files import write_atomically
from rembg_skin.measure.evaluate import (
    Predict,
    Score,
    as_json,
    differences,
    evaluate,
    from_folder,
    from_session,
    summarize,
    worst,
    write_csv,
)
from rembg_skin.measure.provenance import Provenance, in_one_line, provenance, versions
from rembg_skin.measure.sheets import save_sheet, worst_sheet
from rembg_skin.measure.tables import latex, markdown
from rembg_skin.photos import Problem
from rembg_skin.session import open_session
from rembg_skin.workers import aside, in_background

_SIDE = 256
_SAFE = str.maketrans(dict.fromkeys(':="/\\[]{}<>|?* ', "_"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_pairs(parser)
    add_models(parser, " (default: skin)")
    parser.add_argument(
        "--predictions",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders of masks that other tools made",
    )
    parser.add_argument("--by", choices=("folder", "tone"), help="also print the means of each subfolder or skin tone")
    parser.add_argument(
        "--no-hce", dest="hce", action="store_false", help="leave HCE out: it is slow, up to 2 s a megapixel"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the measures of every image")
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    printed.add_argument("--table", choices=("markdown", "latex"), help="print only the table, for a paper")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the IoU of the images (.png, .pdf, .svg)")
    parser.add_argument("--worst", type=natural, default=0, metavar="N", help="draw the N worst images of each model")
    parser.add_argument(
        "--worst-to", type=Path, default=Path(), metavar="DIR", help="the folder for worst-MODEL.png (default: here)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; return the exit status."""
    models = checked_models(arguments.model or ([] if arguments.predictions else [ModelChoice("skin")]))
    others = {printable(folder): find_pairs(arguments.images, folder).pairs for folder in arguments.predictions}
    folders = given_pairs(arguments)
    sources: dict[str, ModelChoice | list[Pair]] = {**{str(model): model for model in models}, **others}
    sheets = [_sheet(name, arguments.worst_to) for name in sources] if arguments.worst else []
    check_outputs(
        [*filter(None, (arguments.csv, arguments.plot)), *sheets],
        [
            arguments.images,
            arguments.masks,
            *arguments.predictions,
            *(name for model in models for name in model.files()),
        ],
    )
    if arguments.plot:
        from rembg_skin.measure.plots import check_format, new_figure

        check_format(arguments.plot)
        new_figure("eval --plot", 1, 1)  # matplotlib's absence should show before the work, not after it

    scores: list[Score] = []
    problems: list[Problem] = []
    origins: dict[str, Provenance] = {}
    failed: list[SkinError] = []
    with stoppable() as stop:
        for name, source in sources.items():
            try:
                origins[name], predict = aside(partial(_opened, name, source, resize=arguments.resize))
                _evaluate(name, predict, folders, arguments, scores, problems)
            except SkinError as error:  # one model's trouble must not cost the others their results
                failed.append(error)
                say(str(error))
    if stop.is_set() and not scores:
        return stop.status
    if failed and not scores:
        raise failed[0]
    if not scores:
        say_problems(problems)
        raise DataError("No pair could be scored.")

    # Print first: writing the files may fail.
    if arguments.json:
        print(json.dumps(as_json(scores, problems, folders.unpaired, origins), indent=1))
    elif arguments.table:
        print((latex if arguments.table == "latex" else markdown)(_table(scores, origins)))
    else:
        _print_table(scores, origins)
    say_problems(problems)
    _write_files(arguments, scores, origins)
    return exit_status(stop, len(scores), len(problems) + len(failed))


def _opened(name: str, source: ModelChoice | list[Pair], *, resize: bool) -> tuple[Provenance, Predict]:
    """Return the origin and the masks of a model, or of the pairs of another tool's masks."""
    if isinstance(source, ModelChoice):
        session = open_session(source.name, source.extras)
        return provenance(name, session), from_session(session)
    return Provenance(name, name), from_folder({pair.stem: pair.mask for pair in source}, resize=resize)


def _print_table(scores: list[Score], origins: dict[str, Provenance]) -> None:
    write_table(_table(scores, origins))
    for each in differences(scores):
        low, high = each.interval
        print(
            f"{each.model} - {each.first}: mIoU@0.5 {each.mean:+.3f}, 95 % between {low:+.3f} and {high:+.3f}"
            f" ({each.images} images)"
        )
    for origin in origins.values():
        if origin.weights or origin.taken:
            print(origin)
    print(in_one_line(versions()))


def _write_files(arguments: argparse.Namespace, scores: list[Score], origins: dict[str, Provenance]) -> None:
    if arguments.csv:
        write_atomically(arguments.csv, lambda part: _write_csv(part, scores, origins))
        say_written([arguments.csv])
    if arguments.plot and scores:
        from rembg_skin.measure.plots import distribution, new_figure, save

        ious = {origin.label: found for origin in origins.values() if (found := _ious(scores, origin.model))}
        figure = new_figure("eval --plot", 7, 1.2 + 0.75 * len(ious))
        distribution(figure, ious)
        save(figure, arguments.plot)
        say_written([arguments.plot])


def _evaluate(
    name: str,
    predict: Predict,
    folders: Folders,
    arguments: argparse.Namespace,
    scores: list[Score],
    problems: list[Problem],
) -> None:
    outcomes = in_background(
        evaluate(name, predict, folders.pairs, resize=arguments.resize, hce=arguments.hce, by=arguments.by)
    )
    for outcome in progress(outcomes, len(folders.pairs), name):
        if isinstance(outcome, Score):
            scores.append(outcome)
        elif outcome not in problems:  # a damaged file is the same trouble for every model
            problems.append(outcome)
    if arguments.worst > 0 and (chosen := worst(scores, name, arguments.worst)):
        path = _sheet(name, arguments.worst_to)
        save_sheet(aside(lambda: worst_sheet(chosen, predict, _SIDE, resize=arguments.resize)), path)
        say_written([path])


def _sheet(name: str, folder: Path) -> Path:
    return folder / f"worst-{name.translate(_SAFE)}.png"


def _write_csv(path: Path, scores: list[Score], origins: dict[str, Provenance]) -> None:
    # Names that are not UTF-8 keep their bytes.
    with path.open("w", encoding="utf-8", newline="") as out:
        write_csv(scores, origins, out)


def _ious(scores: list[Score], name: str) -> list[float]:
    return [score.measures.iou_05 for score in scores if score.model == name]


def _table(scores: list[Score], origins: dict[str, Provenance]) -> list[list[str]]:
    heading = ["model", "images", "mIoU", "mIoU@0.5", "interval", "F1", "precision", "recall", "MAE", "HCE", "s/image"]
    rows = [heading]
    for row in summarize(scores):
        mean = row.mean
        label = origins[row.model].label
        rows.append(
            [
                f"{label}, {row.group}" if row.group else label,
                str(row.images),
                f"{mean.iou:.3f}",
                f"{mean.iou_05:.3f}",
                "{:.3f}-{:.3f}".format(*row.interval),
                *(f"{ratio:.3f}" for ratio in (mean.f1, mean.precision, mean.recall)),
                f"{mean.mae:.1f}",
                "-" if mean.hce is None else f"{mean.hce:.0f}",
                f"{mean.seconds:.4f}",
            ]
        )
    return rows
