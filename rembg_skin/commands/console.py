"""Progress, tables, lines for people, exit statuses and a clean stop: shared by the commands."""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TypeVar

from rembg_skin.commands.signals import Stop, status_of
from rembg_skin.dataset.pairs import Folders, check_sizes, find_pairs
from rembg_skin.errors import SkinError, listed, printable
from rembg_skin.photos import Problem

_EVERY, _HOUR = 30, 3600  # seconds; the first: between two lines of progress
_NOTHING, _PART = 1, 3  # exit statuses
_NUMBER = re.compile(r"-$|-?[\d.]")

T = TypeVar("T")


@dataclass
class Work(Stop):
    """The work of a command: the files that it used and could not use, and the number of models that failed."""

    used: int = 0
    problems: dict[Problem, None] = field(default_factory=dict)  # a set in order
    failed: int = 0

    def each(self, items: Iterable[T | Problem], total: int, title: str) -> Iterator[T]:
        """Yield the items, except problems, under a progress bar."""
        for item in progress(items, total, title):
            if isinstance(item, Problem):
                self.problems[item] = None  # a damaged file is the same trouble for every model
            else:
                self.used += 1
                yield item

    @contextmanager
    def surviving(self) -> Iterator[None]:
        """Print a SkinError of the block and go on: one model's trouble must not cost the others their results."""
        try:
            yield
        except SkinError as error:
            self.failed += 1
            say(f"rembg-skin: {error}")

    def exit_status(self, done: int) -> int:
        """Return :func:`exit_status` for the number of results."""
        return exit_status(self, done, len(self.problems) + self.failed)


@contextmanager
def stoppable() -> Iterator[Work]:
    """Let Ctrl-C and the like end the block and not the command; then list the files that it could not use."""
    work = Work()
    try:
        yield work
    except KeyboardInterrupt as error:
        work.status = status_of(error)
        say("Stopped; what is finished is kept.")
    reasons = [problem.reason for problem in work.problems]
    if len(reasons) == 1 and not work.used:
        say(f"rembg-skin: {reasons[0]}")
    elif reasons:
        nothing = not work.used and not work.is_set()
        say(f"None of {len(reasons)} could be used:" if nothing else f"{len(reasons)} could not be used:")
        for reason in reasons:
            say(f"  {reason}")


def exit_status(stop: Stop, done: int, left_out: int) -> int:
    """Return 0; 1 if nothing was done, 3 if only a part was; that of the signal if the command was stopped."""
    if stop.is_set() or not left_out:
        return stop.status
    return _PART if done else _NOTHING


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
                duration = f"{left / _HOUR:.1f} hours" if left > _HOUR else f"{left / 60:.1f} minutes"
                say(f"{title}: {done + number} of {total}, about {duration} left")


def say(line: str) -> None:
    """Write a line for people to standard error, above a progress bar."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


def say_written(*paths: Path) -> None:
    """Name the files that were written."""
    for path in paths:
        say(f"Wrote {printable(path)}")


def given_pairs(arguments: argparse.Namespace) -> Folders:
    """Return the pairs of the folders given, and name the files without a partner.

    Raises DataError for folders without a pair, and for masks of another size unless ``--resize`` is given.
    """
    folders = find_pairs(arguments.images, arguments.masks)
    if not arguments.resize:
        check_sizes(folders.pairs)
    for paths, what in (
        (folders.unpaired, "have no partner in the other folder and"),
        (folders.odd, "of a system or of `cut`"),
    ):
        if paths:
            say(f"{len(paths)} files {what} are left out: {listed(path.name for path in paths)}")
    return folders


def count(number: int, one: str, many: str) -> str:
    """Return a number and its noun, such as "1 mask" or "0 masks"."""
    return f"{number} {one if number == 1 else many}"


def write_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, the first one as heading: columns of numbers to the right, all others to the left."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numbers = [place > 0 and all(map(_NUMBER.match, column[1:])) for place, column in enumerate(columns)]
    pads = [str.rjust if number else str.ljust for number in numbers]
    for row in (*rows[:1], ["-" * width for width in widths], *rows[1:]):
        print("  ".join(pad(cell, width) for pad, cell, width in zip(pads, row, widths, strict=True)).rstrip())
