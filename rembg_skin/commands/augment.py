"""``rembg-skin augment``: 26 variants of every pair, for training."""

import argparse
import json
from pathlib import Path

from rembg_skin.commands.arguments import add_pairs, natural
from rembg_skin.commands.console import given_pairs, stoppable
from rembg_skin.dataset.augment import Target, augment_all, prepare
from rembg_skin.dataset.variants import VARIANTS
from rembg_skin.errors import printable
from rembg_skin.machine import processes

_PROCESS = 500_000_000  # bytes: Python, numpy, and a photograph of 12 megapixels with its changes in float32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_pairs(parser)
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the variants")
    add("--seed", type=natural, default=0, metavar="N", help="of the lattices (default: 0)")
    text = "processes (default: one a core, less if memory or photographs are few)"
    add("--jobs", type=natural, metavar="N", help=text)
    add("--json", action="store_true", help="print the outcome as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the variants; return the exit status."""
    folders = given_pairs(arguments)
    target, pairs = Target(arguments.output, arguments.seed, arguments.resize), len(folders.pairs)
    prepare(target, arguments.images, arguments.masks)
    jobs = arguments.jobs or processes(pairs, _PROCESS)
    written = present = 0
    with stoppable() as work:
        for made in work.each(augment_all(folders.pairs, target, jobs), pairs, "augment"):
            written += made
            present += len(VARIANTS) - made
    if arguments.json:
        result = {
            "pairs": pairs,
            "finished": work.used,
            "written": written,
            "present": present,
            "unreadable": [{"file": str(problem.file), "reason": problem.reason} for problem in work.problems],
            "unpaired": [str(path) for path in folders.unpaired],
        }
        print(json.dumps(result, indent=1))
    else:
        print(f"{work.used} of {pairs} pairs, {len(VARIANTS)} variants each: {written} written to", end=" ")
        print(f"{printable(arguments.output)}, {present} there already")
    return work.exit_status(work.used)
