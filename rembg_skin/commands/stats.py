"""``rembg-skin stats``: histograms of the hue, saturation and value of skin in your own photos."""

import argparse
import json
from pathlib import Path

import numpy as np

from rembg_skin.commands.arguments import add_pairs
from rembg_skin.commands.console import exit_status, given_pairs, progress, say_problems, say_written, stoppable
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import Pair
from rembg_skin.errors import DataError, ImageError
from rembg_skin.files import write_atomically
from rembg_skin.measure.stats import SHAPE, Counts, as_json, color_counts
from rembg_skin.photos import Problem, open_mask, open_rgb
from rembg_skin.workers import in_background


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_pairs(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder for histograms and stats.json"
    )
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the figure (default: png)")


def run(arguments: argparse.Namespace) -> int:
    """Count and draw; return the exit status."""
    from rembg_skin.measure import plots

    plots.new_figure("stats", 1, 1)  # matplotlib's absence should show before the work, not after it
    folders = given_pairs(arguments)
    written = [arguments.output / f"histograms.{arguments.format}", arguments.output / "stats.json"]
    check_outputs(written, [arguments.images, arguments.masks])
    images, counts = 0, np.zeros(SHAPE, np.int64)
    problems: list[Problem] = []
    with stoppable() as stop:
        outcomes = in_background(_counted(pair, resize=arguments.resize) for pair in folders.pairs)
        for outcome in progress(outcomes, len(folders.pairs), "stats"):
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                images, counts = images + 1, counts + outcome
    if stop.is_set() and not images:
        return stop.status
    if not images:
        say_problems(problems)
        raise DataError("No pair could be counted.")
    figure = plots.new_figure("stats", 10, 3.6)
    plots.histograms(figure, counts)
    plots.save(figure, written[0])
    numbers = json.dumps(as_json(images, counts))
    write_atomically(written[1], lambda part: part.write_text(numbers, "utf-8"))
    say_problems(problems)
    say_written(written)
    return exit_status(stop, images, len(problems))


def _counted(pair: Pair, *, resize: bool) -> Counts | Problem:
    try:
        image = open_rgb(pair.image)
        mask = open_mask(pair.mask, image.size, resize=resize)
    except ImageError as error:
        return Problem(pair.image, str(error))
    return color_counts(image, mask)
