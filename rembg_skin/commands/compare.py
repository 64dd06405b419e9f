"""``rembg-skin compare``: look at what several models make of the same photographs."""

import argparse
from pathlib import Path

from rembg_skin.commands.console import exit_code, progress, say, say_problems, say_written, stoppable
from rembg_skin.dataset.pairs import Problem, open_rgb
from rembg_skin.errors import ImageError, SkinError
from rembg_skin.files import write_whole
from rembg_skin.measure.compare import Cells, comparison, mask_cells
from rembg_skin.measure.sessions import distinct, open_session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="photographs")
    parser.add_argument("-m", "--model", nargs="+", required=True, metavar="NAME", help="any models that rembg knows")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the picture (PNG)")
    parser.add_argument("--side", type=int, default=256, metavar="N", help="pixels of each picture (default: 256)")


def run(args: argparse.Namespace) -> int:
    """Draw the grid; return the exit code."""
    models = distinct(args.model)
    images, problems = _readable(args.images)
    if not images:
        raise ImageError(problems[0].reason)
    cells: Cells = {}
    failed: list[SkinError] = []
    with stoppable() as stop:
        for name in models:
            try:
                session = open_session(name)
                for path in progress(images, len(images), name):
                    cells[path, name] = mask_cells(session, path, args.side)
            except SkinError as error:
                failed.append(error)
                say(str(error))
    if failed and not cells:
        raise failed[0]
    sheet = comparison(images, models, cells, args.side)
    write_whole(args.output, lambda part: sheet.save(part, "PNG"))
    say_problems(problems)
    say_written([args.output])
    return exit_code(stop, complete=not problems and not failed)


def _readable(paths: list[Path]) -> tuple[list[Path], list[Problem]]:
    images, problems = [], []
    for path in paths:
        try:
            open_rgb(path)
        except ImageError as error:
            problems.append(Problem(path, str(error)))
        else:
            images.append(path)
    return images, problems
