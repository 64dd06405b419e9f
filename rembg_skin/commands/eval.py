"""``rembg-skin eval``: judge models on your own photos and masks."""

import argparse
import io
import json
from functools import partial
from pathlib import Path

from rembg_skin.commands.arguments import ModelChoice, add_models, add_pairs, checked_models, natural
from rembg_skin.commands.console import given_pairs, say_written, stoppable, write_table
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import Pair, find_pairs
from rembg_skin.errors import printable
from rembg_skin.files import write_atomically
from rembg_skin.measure import evaluate as measures
from rembg_skin.measure.evaluate import Predict, Score
from rembg_skin.measure.provenance import Provenance, in_one_line, provenance, versions
from rembg_skin.measure.sheets import save_sheet, worst_sheet
from rembg_skin.measure.tables import latex, markdown
from rembg_skin.session import open_session
from rembg_skin.workers import aside, in_background

_SIDE = 256
_SAFE = str.maketrans(dict.fromkeys(':="/\\[]{}<>|?* ', "_"))
_HEADING = ["model", "images", "mIoU", "mIoU@0.5", "interval", "F1", "precision", "recall", "MAE", "HCE", "s/image"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_pairs(parser)
    add_models(parser, "skin")
    add = parser.add_argument
    text = "folders of masks that other tools made"
    add("--predictions", type=Path, nargs="+", default=[], metavar="DIR", help=text)
    add("--by", choices=("folder", "tone"), help="also print the means of each subfolder or skin tone")
    text = "leave HCE out: it is slow, up to 2 s a megapixel"
    add("--no-hce", dest="hce", action="store_false", help=text)
    add("--csv", type=Path, metavar="FILE", help="write the measures of every image")
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    printed.add_argument("--table", choices=("markdown", "latex"), help="print only the table, for a paper")
    add("--plot", type=Path, metavar="FILE", help="draw the IoU of the images (.png, .pdf, .svg)")
    add("--worst", type=natural, default=0, metavar="N", help="draw the N worst images of each model")
    text = "the folder for worst-MODEL.png (default: here)"
    add("--worst-to", type=Path, default=Path(), metavar="DIR", help=text)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; return the exit status."""
    models = checked_models(arguments.model or ([] if arguments.predictions else [ModelChoice("skin")]))
    others = {printable(folder): find_pairs(arguments.images, folder).pairs for folder in arguments.predictions}
    folders = given_pairs(arguments)
    sources: dict[str, ModelChoice | list[Pair]] = {**{str(model): model for model in models}, **others}
    sheets = {name: arguments.worst_to / f"worst-{name.translate(_SAFE)}.png" for name in sources if arguments.worst}
    outputs = (path for path in (arguments.csv, arguments.plot, *sheets.values()) if path)
    check_outputs(outputs, [arguments.images, arguments.masks, *arguments.predictions], models)
    if arguments.plot:
        from rembg_skin.measure.plots import check_format, new_figure

        check_format(arguments.plot)
        new_figure("eval --plot", 1, 1)  # matplotlib's absence should show before the work, not after it

    scores: list[Score] = []
    origins: dict[str, Provenance] = {}
    how = {name: getattr(arguments, name) for name in ("resize", "hce", "by")}
    with stoppable() as work:
        for name, source in sources.items():
            with work.surviving():
                origins[name], predict = aside(partial(_opened, name, source, resize=arguments.resize))
                outcomes = in_background(measures.evaluate(name, predict, folders.pairs, **how))
                scores.extend(work.each(outcomes, len(folders.pairs), name))
                if chosen := measures.worst(scores, name, arguments.worst):
                    sheet = partial(worst_sheet, chosen, predict, _SIDE, resize=arguments.resize)
                    save_sheet(aside(sheet), sheets[name])
                    say_written(sheets[name])
    if scores:
        # Print first: writing the files may fail.
        if arguments.json:
            print(json.dumps(measures.as_json(scores, work.problems, folders.unpaired, origins), indent=1))
        elif arguments.table:
            print((latex if arguments.table == "latex" else markdown)(_table(scores, origins)))
        else:
            _print_table(scores, origins)
        _write_files(arguments, scores, origins)
    return work.exit_status(len(scores))


def _opened(name: str, source: ModelChoice | list[Pair], *, resize: bool) -> tuple[Provenance, Predict]:
    """Return the origin and the masks of a model, or of the pairs of another tool's masks."""
    if isinstance(source, ModelChoice):
        session = open_session(source.name, source.extras)
        return provenance(name, session), measures.from_session(session)
    return Provenance(name, name), measures.from_folder({pair.stem: pair.mask for pair in source}, resize=resize)


def _print_table(scores: list[Score], origins: dict[str, Provenance]) -> None:
    write_table(_table(scores, origins))
    for each in measures.differences(scores):
        low, high = each.interval
        print(f"{each.model} - {each.first}: mIoU@0.5 {each.mean:+.3f}, 95 % between", end=" ")
        print(f"{low:+.3f} and {high:+.3f} ({each.images} images)")
    for origin in origins.values():
        if origin.weights or origin.taken:
            print(origin)
    print(in_one_line(versions()))


def _write_files(arguments: argparse.Namespace, scores: list[Score], origins: dict[str, Provenance]) -> None:
    if arguments.csv:
        rows = io.StringIO()
        measures.write_csv(scores, origins, rows)
        write_atomically(arguments.csv, lambda part: part.write_text(rows.getvalue(), "utf-8", newline=""))
        say_written(arguments.csv)
    if arguments.plot:
        from rembg_skin.measure.plots import distribution, new_figure, save

        ious: dict[str, list[float]] = {}
        for score in scores:
            ious.setdefault(origins[score.model].label, []).append(score.measures.iou_05)
        figure = new_figure("eval --plot", 7, 1.2 + 0.75 * len(ious))
        distribution(figure, ious)
        save(figure, arguments.plot)
        say_written(arguments.plot)


def _table(scores: list[Score], origins: dict[str, Provenance]) -> list[list[str]]:
    rows = [_HEADING]
    for row in measures.summarize(scores):
        mean, label = row.mean, origins[row.model].label
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
