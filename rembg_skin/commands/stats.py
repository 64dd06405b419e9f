"""``rembg-skin stats``: histograms of the hue, saturation and value of skin in your own photos."""

import argparse
import json
from pathlib import Path

from rembg_skin.commands.arguments import add_pairs
from rembg_skin.commands.console import exit_status, given_pairs, progress, say_problems, say_written, stoppable
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import Pair
from rembg_skin.errors import DataError, ImageError
from rembg_skin.files import write_atomically
from rembg_skin.measure.stats import ColorStatistics
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
    statistics = ColorStatistics()
    problems: list[Problem] = []
    with stoppable() as stop:
        outcomes = in_background(_counted(pair, resize=arguments.resize) for pair in folders.pairs)
        for outcome in progress(outcomes, len(folders.pairs), "stats"):
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                statistics = statistics.plus(outcome)
    if stop.is_set() and not statistics.images:
        return stop.status
    if not statistics.images:
        say_problems(problems)
        raise DataError("No pair could be counted.")
    figure = plots.new_figure("stats", 10, 3.6)
    plots.histograms(figure, statistics)
    plots.save(figure, written[0])
    numbers = json.dumps(statistics.as_json())
    write_atomically(written[1], lambda part: part.write_text(numbers, "utf-8"))
    say_problems(problems)
    say_written(written)
    return exit_status(stop, statistics.images, len(problems))


def _counted(pair: Pair, *, resize: bool) -> ColorStatistics | Problem:
    try:
        image = open_rgb(pair.image)
        mask = open_mask(pair.mask, image.size, resize=resize)
    except ImageError as error:
        return Problem(pair.image, str(error))
    statistics = ColorStatistics()
    statistics.add(image, mask)
    return statistics
