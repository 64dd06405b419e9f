"""``rembg-skin compare``: the masks of several models of the same photographs, in one picture."""

import argparse
from pathlib import Path

from rembg_skin.commands.arguments import checked_models, model_choice, positive
from rembg_skin.commands.console import exit_status, progress, say, say_problems, say_written, stoppable
from rembg_skin.dataset.pairs import find_pairs
from rembg_skin.errors import ImageError, SkinError, printable
from rembg_skin.measure.sheets import Cell, check_format, comparison, mask_cells, save_sheet
from rembg_skin.photos import Problem, open_image, open_mask
from rembg_skin.session import open_session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, nargs="+", metavar="PHOTO", help="photographs")
    parser.add_argument(
        "-m",
        "--model",
        type=model_choice,
        nargs="+",
        required=True,
        metavar="NAME",
        help="any models that rembg knows, with extras: tiny_skin:size=1024",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the picture (.png, .tif, .jpg, .pdf, .svg)"
    )
    parser.add_argument("--masks", type=Path, metavar="DIR", help="folder of true masks: shows the errors and the IoU")
    parser.add_argument("--side", type=positive, default=256, metavar="N", help="pixels of each picture (default: 256)")


def run(arguments: argparse.Namespace) -> int:
    """Draw the grid; return the exit status."""
    models = checked_models(arguments.model)
    check_format(arguments.output)
    truths = _truths(arguments.images, arguments.masks) if arguments.masks else {}
    images, problems = _readable(arguments.images, truths)
    if not images:
        raise ImageError(problems[0].reason)
    cells: dict[tuple[Path, str], tuple[Cell, Cell]] = {}
    failed: list[SkinError] = []
    with stoppable() as stop:
        for model in models:
            try:
                session = open_session(model.name, model.extras)
                for path in progress(images, len(images), str(model)):
                    cells[path, str(model)] = mask_cells(session, path, arguments.side, truths.get(path))
            except SkinError as error:
                failed.append(error)
                say(str(error))
    if failed and not cells:
        raise failed[0]
    save_sheet(comparison(images, list(map(str, models)), cells, arguments.side, truths), arguments.output)
    say_problems(problems)
    say_written([arguments.output])
    return exit_status(stop, complete=not problems and not failed)


def _truths(images: list[Path], masks: Path) -> dict[Path, Path]:
    """Return the true mask of each image, by the names of the files in its folder."""
    folders = {path.parent for path in images}
    found = {pair.image.resolve(): pair.mask for folder in folders for pair in find_pairs(folder, masks).pairs}
    truths = {path: found[path.resolve()] for path in images if path.resolve() in found}
    for path in images:
        if path not in truths:
            say(f"{printable(path.name)} has no mask in {printable(masks)}")
    return truths


def _readable(paths: list[Path], truths: dict[Path, Path]) -> tuple[list[Path], list[Problem]]:
    images, problems = [], []
    for path in paths:
        try:
            size = open_image(path).size
            if path in truths:
                open_mask(truths[path], size)
        except ImageError as error:
            problems.append(Problem(path, str(error)))
        else:
            images.append(path)
    return images, problems
