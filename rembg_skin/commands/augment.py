"""``rembg-skin augment``: 26 variants of every pair, for training."""

import argparse
import json
import os
import sys
from pathlib import Path

from rembg_skin.commands.console import exit_code, progress, say_problems, say_unpaired, stoppable
from rembg_skin.dataset.augment import Made, Target, augment_all, prepare
from rembg_skin.dataset.pairs import Problem, check_sizes, find_pairs
from rembg_skin.dataset.variants import VARIANTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, help="folder of photographs")
    parser.add_argument("masks", type=Path, help="folder of masks, of the same names (a.jpg, a.png)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where the variants go")
    parser.add_argument("--seed", type=_number, default=0, metavar="N", help="of the lattices (default: 0)")
    parser.add_argument(
        "--jobs", type=_jobs, default=_cores(), metavar="N", help="processes (default: one a core, %(default)s here)"
    )
    parser.add_argument("--resize", action="store_true", help="bring masks of another size to their image's")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("at least 0")
    return number


def _jobs(text: str) -> int:
    return max(1, _number(text))


def run(args: argparse.Namespace) -> int:
    """Write the variants; return the exit code."""
    folders = find_pairs(args.images, args.masks)
    if not args.resize:
        check_sizes(folders.pairs)
    target = Target(args.output, args.seed, args.resize)
    prepare(target, args.images, args.masks)
    say_unpaired(folders)
    made: list[Made] = []
    problems: list[Problem] = []
    with stoppable() as stop:
        for outcome in progress(augment_all(folders.pairs, target, args.jobs), len(folders.pairs), "augment"):
            if isinstance(outcome, Made):
                made.append(outcome)
            else:
                problems.append(outcome)
    written, present = sum(one.written for one in made), sum(one.present for one in made)
    if args.json:
        result = {
            "pairs": len(folders.pairs),
            "finished": len(made),
            "written": written,
            "present": present,
            "unreadable": [{"file": str(problem.file), "reason": problem.reason} for problem in problems],
            "unpaired": [str(path) for path in folders.unpaired],
        }
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        sys.stdout.write(
            f"{len(made)} of {len(folders.pairs)} pairs, {len(VARIANTS)} variants each: {written} written to"
            f" {args.output}, {present} there already\n"
        )
    say_problems(problems)
    return exit_code(stop, complete=not problems)
