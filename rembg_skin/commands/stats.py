"""``rembg-skin stats``: the colours and places of skin in one's own photographs."""

import argparse
import json
from pathlib import Path

from rembg_skin.commands.console import exit_status, progress, say_pairing, say_problems, say_written, stoppable
from rembg_skin.dataset.pairs import check_sizes, find_pairs
from rembg_skin.errors import DataError, ImageError
from rembg_skin.files import write_whole
from rembg_skin.measure.stats import ColourStatistics
from rembg_skin.photos import Problem, open_mask, open_rgb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, metavar="PHOTOS", help="folder of photographs")
    parser.add_argument("masks", type=Path, metavar="MASKS", help="folder of masks, of the same names")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder for the figures and stats.json"
    )
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the figures (default: png)")
    parser.add_argument("--resize", action="store_true", help="bring masks of another size to their image's")
    parser.add_argument("--json", action="store_true", help="print the numbers, too")


def run(arguments: argparse.Namespace) -> int:
    """Count and draw; return the exit status."""
    from rembg_skin.measure import plots

    plots.new_figure("stats", 1, 1)  # matplotlib's absence should show before the work, not after it
    folders = find_pairs(arguments.images, arguments.masks)
    say_pairing(folders, arguments.images, arguments.masks)
    if not arguments.resize:
        check_sizes(folders.pairs)
    statistics = ColourStatistics()
    problems: list[Problem] = []
    with stoppable() as stop:
        for pair in progress(folders.pairs, len(folders.pairs), "stats"):
            try:
                image = open_rgb(pair.image)
                mask = open_mask(pair.mask, image.size, resize=arguments.resize)
            except ImageError as error:
                problems.append(Problem(pair.image, str(error)))
            else:
                statistics.add(image, mask)
    if not statistics.images:
        say_problems(problems)
        raise DataError("No pair could be counted.")
    written = plots.write_all(statistics, arguments.output, arguments.format)
    numbers = json.dumps(statistics.as_json())
    write_whole(arguments.output / "stats.json", lambda part: part.write_text(numbers, "utf-8"))
    if arguments.json:
        print(numbers)
    say_problems(problems)
    say_written([*written, arguments.output / "stats.json"])
    return exit_status(stop, complete=not problems)
