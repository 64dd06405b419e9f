"""``rembg-skin compare``: the masks of several models of the same photographs, in one picture."""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rembg_skin.commands.arguments import add_models, checked_models, positive
from rembg_skin.commands.console import exit_status, progress, say, say_problems, say_written, stoppable
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import find_pairs
from rembg_skin.errors import ImageError, SkinError, printable
from rembg_skin.measure import sheets
from rembg_skin.photos import Problem
from rembg_skin.session import open_session
from rembg_skin.workers import aside, in_background


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, nargs="+", metavar="PHOTO", help="photographs")
    add_models(parser, "")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the picture (.png, .tif, .jpg, .pdf, .svg)"
    )
    parser.add_argument("--masks", type=Path, metavar="DIR", help="folder of true masks: shows the errors and the IoU")
    parser.add_argument("--side", type=positive, default=256, metavar="N", help="pixels of each picture (default: 256)")


def run(arguments: argparse.Namespace) -> int:
    """Draw the grid; return the exit status."""
    models = checked_models(arguments.model)
    sheets.check_format(arguments.output)
    files = (name for model in models for name in model.files())
    check_outputs([arguments.output], [*arguments.images, *filter(None, [arguments.masks]), *files])
    truths = _truths(arguments.images, arguments.masks) if arguments.masks else {}
    names, side = list(map(str, models)), arguments.side
    headings = sheets.comparison_headings(names, side, with_truth=bool(truths))
    heads: dict[Path, sheets.Row] = {}
    problems: list[Problem] = []
    cells: dict[tuple[Path, str], sheets.Row] = {}
    failed: list[SkinError] = []
    with stoppable() as stop:
        for path, head in progress(_heads(arguments.images, truths, side), len(arguments.images), "reading"):
            if isinstance(head, Problem):
                problems.append(head)
            else:
                heads[path] = head
        sheets.check_size([headings, *heads.values()], side, arguments.output)
        for model in models if heads else ():
            try:
                session = aside(partial(open_session, model.name, model.extras))
                made = in_background((path, sheets.mask_cells(session, path, side, truths.get(path))) for path in heads)
                for path, pair in progress(made, len(heads), str(model)):
                    cells[path, str(model)] = pair
            except SkinError as error:
                failed.append(error)
                say(str(error))
    if stop.is_set() and not cells:
        return stop.status
    if not cells:
        raise failed[0] if failed else ImageError(problems[0].reason)
    empty = [None, None]
    rows = [[*head, *(c for name in names for c in cells.get((path, name), empty))] for path, head in heads.items()]
    sheets.save_sheet(sheets.grid([headings, *rows], side), arguments.output)
    say_problems(problems)
    say_written([arguments.output])
    return exit_status(stop, len(cells), len(problems) + len(failed))


def _truths(images: list[Path], masks: Path) -> dict[Path, Path]:
    """Return the true mask of each image, by the names of the files in its folder."""
    folders = {path.parent for path in images}
    found = {pair.image.resolve(): pair.mask for folder in folders for pair in find_pairs(folder, masks).pairs}
    truths = {path: found[path.resolve()] for path in images if path.resolve() in found}
    for path in images:
        if path not in truths:
            say(f"{printable(path.name)} has no mask in {printable(masks)}")
    return truths


def _heads(paths: list[Path], truths: dict[Path, Path], side: int) -> Iterator[tuple[Path, sheets.Row | Problem]]:
    """Yield each photograph and the first cells of its row, or why it cannot be read."""
    for path in paths:
        try:
            yield path, sheets.head_cells(path, side, truths.get(path), with_truth=bool(truths))
        except ImageError as error:
            yield path, Problem(path, str(error))
