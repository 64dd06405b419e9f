"""``rembg-skin compare``: the masks of several models of the same photographs, in one picture."""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rembg_skin.commands.arguments import add_models, checked_models, positive
from rembg_skin.commands.console import progress, say, say_written, stoppable
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import find_pairs
from rembg_skin.errors import ImageError, printable
from rembg_skin.measure import sheets
from rembg_skin.photos import Problem
from rembg_skin.session import open_session
from rembg_skin.workers import aside, in_background


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("images", type=Path, nargs="+", metavar="PHOTO", help="photographs")
    add_models(parser, "")
    text = "the picture (.png, .tif, .jpg, .pdf, .svg)"
    add("-o", "--output", type=Path, required=True, metavar="FILE", help=text)
    add("--masks", type=Path, metavar="DIR", help="folder of true masks: shows the errors and the IoU")
    add("--side", type=positive, default=256, metavar="N", help="pixels of each picture (default: 256)")


def run(arguments: argparse.Namespace) -> int:
    """Draw the grid; return the exit status."""
    models, masks, side = checked_models(arguments.model), arguments.masks, arguments.side
    sheets.check_format(arguments.output)
    check_outputs([arguments.output], [*arguments.images, *([masks] if masks else [])], models)
    truths = _truths(arguments.images, masks) if masks else {}
    names = list(map(str, models))
    headings = sheets.comparison_headings(names, side, with_truth=bool(truths))
    cells: dict[tuple[Path, str], sheets.Row] = {}
    with stoppable() as work:
        heads = dict(work.each(_heads(arguments.images, truths, side), len(arguments.images), "reading"))
        sheets.check_size([headings, *heads.values()], side, arguments.output)
        for model in models if heads else ():
            with work.surviving():
                session = aside(partial(open_session, model.name, model.extras))
                made = in_background((path, sheets.mask_cells(session, path, side, truths.get(path))) for path in heads)
                for path, pair in progress(made, len(heads), str(model)):
                    cells[path, str(model)] = pair
    if cells:
        empty = [None, None]
        rows = [[*head, *(c for name in names for c in cells.get((path, name), empty))] for path, head in heads.items()]
        sheets.save_sheet(sheets.grid([headings, *rows], side), arguments.output)
        say_written(arguments.output)
    return work.exit_status(len(cells))


def _truths(images: list[Path], masks: Path) -> dict[Path, Path]:
    """Return the true mask of each image, by the names of the files in its folder."""
    folders = {path.parent for path in images}
    found = {pair.image.resolve(): pair.mask for folder in folders for pair in find_pairs(folder, masks).pairs}
    truths = {path: found[path.resolve()] for path in images if path.resolve() in found}
    for path in images:
        if path not in truths:
            say(f"{printable(path.name)} has no mask in {printable(masks)}")
    return truths


def _heads(paths: list[Path], truths: dict[Path, Path], side: int) -> Iterator[tuple[Path, sheets.Row] | Problem]:
    """Yield each photograph and the first cells of its row, or why it cannot be read."""
    for path in paths:
        try:
            yield path, sheets.head_cells(path, side, truths.get(path), with_truth=bool(truths))
        except ImageError as error:
            yield Problem(path, str(error))
