"""Progress, tables, lines for people, exit statuses and a clean stop: shared by the commands."""

import argparse
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TypeVar

from rembg_skin.commands.signals import Stop, Stopped
from rembg_skin.dataset.pairs import Folders, check_sizes, find_pairs
from rembg_skin.errors import listed, printable
from rembg_skin.photos import Problem

_EVERY, _HOUR = 30, 3600  # seconds; the first: between two lines of progress
_NOTHING, _PART = 1, 3  # exit statuses

_NUMBER = re.compile(r"-$|-?[\d.]")

T = TypeVar("T")


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Let Ctrl-C and the like end the block and not the command, so that what is finished can be kept."""
    stop = Stop()
    try:
        yield stop
    except KeyboardInterrupt as error:
        stop.status = error.status if isinstance(error, Stopped) else Stopped(signal.SIGINT).status
        say("Stopped; what is finished is kept.")


def progress(items: Iterable[T], total: int, title: str, done: int = 0) -> Iterator[T]:
    """Yield the items and show how many of `total` are done: a bar on a terminal, in a log a line now and then."""
    from tqdm import tqdm

    start = shown = monotonic()
    with tqdm(desc=title, total=total, initial=done, disable=None, leave=False, dynamic_ncols=True) as bar:
        for number, item in enumerate(items, 1):
            yield item
            bar.update()
            if bar.disable and (now := monotonic()) - shown > _EVERY:
                shown, left = now, (total - done - number) * (now - start) / number
                say(f"{title}: {done + number} of {total}, about {_duration(left)} left")


def _duration(seconds: float) -> str:
    return f"{seconds / _HOUR:.1f} hours" if seconds > _HOUR else f"{seconds / 60:.1f} minutes"


def say(line: str) -> None:
    """Write a line for people to standard error, above a progress bar."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


def given_pairs(arguments: argparse.Namespace) -> Folders:
    """Return the pairs of the folders given, and name the files without a partner.

    Raises DataError for folders without a pair, and for masks of another size unless ``--resize`` is given.
    """
    folders = find_pairs(arguments.images, arguments.masks)
    if not arguments.resize:
        check_sizes(folders.pairs)
    say_unpaired(folders)
    return folders


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


def count(number: int, one: str, many: str) -> str:
    """Return a number and its noun, such as "1 mask" or "0 masks"."""
    return f"{number} {one if number == 1 else many}"


def exit_status(stop: Stop, done: int, left_out: int) -> int:
    """Return 0; 1 if nothing was done, 3 if only a part was; that of the signal if the command was stopped."""
    if stop.is_set() or not left_out:
        return stop.status
    return _PART if done else _NOTHING


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
