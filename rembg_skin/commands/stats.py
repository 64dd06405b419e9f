"""``rembg-skin stats``: histograms of the hue, saturation and value of skin in your own photos."""

import argparse
import json
from pathlib import Path

import numpy as np

from rembg_skin.commands.arguments import add_pairs
from rembg_skin.commands.console import given_pairs, say_written, stoppable
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import Pair
from rembg_skin.errors import ImageError
from rembg_skin.files import write_atomically
from rembg_skin.measure.stats import SHAPE, Counts, as_json, color_counts
from rembg_skin.photos import Problem, open_mask, open_rgb
from rembg_skin.workers import in_background


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_pairs(parser)
    text = "the folder for histograms and stats.json"
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help=text)
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the figure (default: png)")


def run(arguments: argparse.Namespace) -> int:
    """Count and draw; return the exit status."""
    from rembg_skin.measure import plots

    plots.new_figure("stats", 1, 1)  # matplotlib's absence should show before the work, not after it
    pairs = given_pairs(arguments).pairs
    drawn, table = arguments.output / f"histograms.{arguments.format}", arguments.output / "stats.json"
    check_outputs([drawn, table], [arguments.images, arguments.masks])
    counts = np.zeros(SHAPE, np.int64)
    with stoppable() as work:
        outcomes = in_background(_counted(pair, resize=arguments.resize) for pair in pairs)
        for counted in work.each(outcomes, len(pairs), "stats"):
            counts += counted
    if work.used:
        figure = plots.new_figure("stats", 10, 3.6)
        plots.histograms(figure, counts)
        plots.save(figure, drawn)
        numbers = json.dumps(as_json(work.used, counts))
        write_atomically(table, lambda part: part.write_text(numbers, "utf-8"))
        say_written(drawn, table)
    return work.exit_status(work.used)


def _counted(pair: Pair, *, resize: bool) -> Counts | Problem:
    try:
        image = open_rgb(pair.image)
        return color_counts(image, open_mask(pair.mask, image.size, resize=resize))
    except ImageError as error:
        return Problem(pair.image, str(error))
