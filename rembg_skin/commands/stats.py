"""``rembg-skin stats``: histograms of the hue, saturation and value of skin in your own photos."""

import argparse
import json
from pathlib import Path

from rembg_skin.commands.console import exit_status, progress, say_pairing, say_problems, say_written, stoppable
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.dataset.pairs import Pair, check_sizes, find_pairs
from rembg_skin.errors import DataError, ImageError
from rembg_skin.files import write_atomically
from rembg_skin.measure.stats import ColorStatistics
from rembg_skin.photos import Problem, open_mask, open_rgb
from rembg_skin.workers import in_background


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, metavar="PHOTOS", help="folder of photographs")
    parser.add_argument("masks", type=Path, metavar="MASKS", help="folder of masks, of the same names")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder for histograms and stats.json"
    )
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the figure (default: png)")
    parser.add_argument("--resize", action="store_true", help="bring masks of another size to their image's")


def run(arguments: argparse.Namespace) -> int:
    """Count and draw; return the exit status."""
    from rembg_skin.measure import plots

    plots.new_figure("stats", 1, 1)  # matplotlib's absence should show before the work, not after it
    folders = find_pairs(arguments.images, arguments.masks)
    written = [arguments.output / f"histograms.{arguments.format}", arguments.output / "stats.json"]
    check_outputs(written, [arguments.images, arguments.masks])
    say_pairing(folders, arguments.images, arguments.masks)
    if not arguments.resize:
        check_sizes(folders.pairs)
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
