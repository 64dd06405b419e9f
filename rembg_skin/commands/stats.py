"""``rembg-skin stats``: the colours and places of skin in one's own photographs."""

import argparse
import json
import sys
from pathlib import Path

from rembg_skin.commands.console import (
    exit_code,
    progress,
    say_problems,
    say_unpaired,
    say_written,
    stoppable,
)
from rembg_skin.dataset.pairs import Problem, check_sizes, find_pairs, open_mask, open_rgb
from rembg_skin.errors import DataError, ImageError
from rembg_skin.files import write_whole
from rembg_skin.measure.stats import ColourStatistics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, help="folder of photographs")
    parser.add_argument("masks", type=Path, help="folder of masks, of the same names (a.jpg, a.png)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where figures and numbers go")
    parser.add_argument("--resize", action="store_true", help="bring masks of another size to their image's")
    parser.add_argument("--json", action="store_true", help="print the numbers, too")


def run(args: argparse.Namespace) -> int:
    """Count and draw; return the exit code."""
    from rembg_skin.measure import plots

    plots.new_figure("stats", 1, 1)  # matplotlib's absence should show before the work, not after it
    folders = find_pairs(args.images, args.masks)
    if not args.resize:
        check_sizes(folders.pairs)
    say_unpaired(folders)
    statistics = ColourStatistics()
    problems: list[Problem] = []
    with stoppable() as stop:
        for pair in progress(folders.pairs, len(folders.pairs), "stats"):
            try:
                image = open_rgb(pair.image)
                mask = open_mask(pair.mask, image.size, resize=args.resize)
            except ImageError as error:
                problems.append(Problem(pair.image, str(error)))
            else:
                statistics.add(image, mask)
    if not statistics.images:
        say_problems(problems)
        raise DataError("No pair could be counted.")
    written = plots.write_all(statistics, args.output)
    numbers = json.dumps(statistics.as_json())
    write_whole(args.output / "stats.json", lambda part: part.write_text(numbers, "utf-8"))
    if args.json:
        sys.stdout.write(numbers + "\n")
    say_problems(problems)
    say_written([*written, args.output / "stats.json"])
    return exit_code(stop, complete=not problems)
