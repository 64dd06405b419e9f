"""Progress, tables, lines for people, exit statuses and a clean stop: shared by the commands."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rembg_skin.dataset.pairs import Folders
from rembg_skin.errors import listed, printable
from rembg_skin.photos import Problem

INCOMPLETE = 3  # finished, but some files or models had to be left out
INTERRUPTED = 130  # as shells say it

_NUMBER = re.compile(r"-$|-?[\d.]")

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
    """Give the items while a bar shows how many are done, on a terminal only."""
    from tqdm import tqdm

    with tqdm(items, desc=title, total=total, disable=None, leave=False) as bar:
        yield from bar


def say(line: str) -> None:
    """Write a line for people to standard error, above a progress bar."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


def say_pairing(folders: Folders, images: Path, masks: Path) -> None:
    """Name the files that have no partner, and warn if the folders do not look like photographs and their masks."""
    from rembg_skin.measure.doubts import doubts

    if warning := doubts(folders, images, masks):
        say(f"Warning: {warning}")
    say_unpaired(folders)


def say_unpaired(folders: Folders) -> None:
    """Name the files that have no partner."""
    if folders.unpaired:
        names = listed(path.name for path in folders.unpaired)
        say(f"{len(folders.unpaired)} files have no partner in the other folder and are left out: {names}")
    if folders.odd:
        names = listed(path.name for path in folders.odd)
        say(f"{len(folders.odd)} files of a system or of `cut` are left out: {names}")


def say_problems(problems: Sequence[Problem]) -> None:
    """List and count the files that were left out."""
    if problems:
        say(f"{len(problems)} could not be used:")
        for problem in problems:
            say(f"  {problem.reason}")


def exit_status(stop: Stop, *, complete: bool) -> int:
    """Return 0; 3 if the command left something out; 130 if it was stopped."""
    if stop.pressed:
        return INTERRUPTED
    return 0 if complete else INCOMPLETE


def write_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, the first one as heading: columns of numbers to the right, all others to the left."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numbers = [place > 0 and all(map(_NUMBER.match, column[1:])) for place, column in enumerate(columns)]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in (*rows[:1], ["-" * width for width in widths], *rows[1:])
    ]
    print("\n".join(lines))


def say_written(paths: Iterable[Path]) -> None:
    """Name the files that were written."""
    for path in paths:
        say(f"Wrote {printable(path)}")
