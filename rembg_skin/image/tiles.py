"""The pieces of an image, one after the other or two at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# numpy and Pillow are done with a piece in milliseconds: more threads would wait for each other's lock.
TWO = 2
LARGE = 1_000_000  # pixels of an image; below, a second thread takes longer than it saves


def each(work: Callable[[Piece], Result], pieces: Sequence[Piece], threads: int) -> list[Result]:
    """Return what `work` makes of each of the `pieces`, in their order, on one thread or two.

    Parameters
    ----------
    work
        What is done; the first exception that it raises is raised here.
    pieces
        What it is done to.
    threads
        How many may be used; 1 for the calling one alone.

    """
    if min(threads, len(pieces)) < TWO:
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(TWO) as pool:
        return list(pool.map(work, pieces))
