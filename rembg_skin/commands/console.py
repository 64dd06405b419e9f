"""What the measuring commands share: progress, tables, lines for people, exit codes and a clean stop."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from rembg_skin.dataset.pairs import Folders, Problem
from rembg_skin.errors import listed, printable

INCOMPLETE = 3  # finished, but some files or models had to be left out
INTERRUPTED = 130  # as shells say it

T = TypeVar("T")


@dataclass
class Stop:
    """Whether Ctrl-C was pressed."""

    pressed: bool = False


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Let Ctrl-C end the block instead of the program, so that what is finished can be kept."""
    stop = Stop()
    try:
        yield stop
    except KeyboardInterrupt:
        stop.pressed = True
        say("Stopped; what is finished is kept.")


def progress(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """Give the items while a bar shows how far it is, on a terminal only."""
    with tqdm(items, desc=title, total=total, disable=None, leave=False) as bar:
        yield from bar


def say(line: str) -> None:
    """Write a line for people to standard error, above a progress bar."""
    tqdm.write(line, file=sys.stderr)


def say_unpaired(folders: Folders) -> None:
    """Name the files that have no partner."""
    if folders.unpaired:
        names = listed(path.name for path in folders.unpaired)
        say(f"{len(folders.unpaired)} files have no partner in the other folder and are left out: {names}")
    if folders.odd:
        say(f"{len(folders.odd)} files of a system's own are left out: {listed(path.name for path in folders.odd)}")


def say_problems(problems: Sequence[Problem]) -> None:
    """List and count the files that were left out."""
    if problems:
        say(f"{len(problems)} could not be used:")
        for problem in problems:
            say(f"  {problem.reason}")


def exit_code(stop: Stop, *, complete: bool) -> int:
    """Return 0, or what says that the command was stopped or left something out."""
    if stop.pressed:
        return INTERRUPTED
    return 0 if complete else INCOMPLETE


def write_table(rows: Sequence[Sequence[str]]) -> None:
    """Write rows to standard output, the first one as heading: text columns to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        sys.stdout.write("  ".join([first, *others]).rstrip() + "\n")
        if number == 0:
            sys.stdout.write("  ".join("-" * width for width in widths) + "\n")


def say_written(paths: Iterable[Path]) -> None:
    """Name the files that were written."""
    for path in paths:
        say(f"Wrote {printable(path)}")
