"""``rembg-skin augment``: 26 variants of every pair, for training."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_skin.commands.arguments import add_pairs, natural
from rembg_skin.commands.console import exit_status, given_pairs, progress, say_problems, stoppable
from rembg_skin.dataset.augment import Made, Target, augment_all, prepare
from rembg_skin.dataset.variants import VARIANTS
from rembg_skin.errors import printable
from rembg_skin.machine import processes

if TYPE_CHECKING:
    from rembg_skin.photos import Problem

_PROCESS = 500_000_000  # bytes: Python, numpy, and a photograph of 12 megapixels with its changes in float32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_pairs(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where the variants go")
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="of the lattices (default: 0)")
    parser.add_argument(
        "--jobs",
        type=natural,
        metavar="N",
        help="processes (default: one a core, less if memory or photographs are few)",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the variants; return the exit status."""
    folders = given_pairs(arguments)
    target = Target(arguments.output, arguments.seed, arguments.resize)
    prepare(target, arguments.images, arguments.masks)
    jobs = arguments.jobs or processes(len(folders.pairs), _PROCESS)
    made: list[Made] = []
    problems: list[Problem] = []
    with stoppable() as stop:
        for outcome in progress(augment_all(folders.pairs, target, jobs), len(folders.pairs), "augment"):
            if isinstance(outcome, Made):
                made.append(outcome)
            else:
                problems.append(outcome)
    written, present = sum(one.written for one in made), sum(one.present for one in made)
    if arguments.json:
        result = {
            "pairs": len(folders.pairs),
            "finished": len(made),
            "written": written,
            "present": present,
            "unreadable": [{"file": str(problem.file), "reason": problem.reason} for problem in problems],
            "unpaired": [str(path) for path in folders.unpaired],
        }
        print(json.dumps(result, indent=1))
    else:
        print(
            f"{len(made)} of {len(folders.pairs)} pairs, {len(VARIANTS)} variants each: {written} written to"
            f" {printable(arguments.output)}, {present} there already"
        )
    say_problems(problems)
    return exit_status(stop, len(made), len(problems))
