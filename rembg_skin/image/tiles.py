"""Work on an image in tiles that fit the processor's cache, on one thread or two."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from threading import Lock, Thread
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from PIL.Image import Image as PILImage

Piece = TypeVar("Piece")
Result = TypeVar("Result")

TWO = 2  # numpy and Pillow finish a piece in milliseconds: more threads would wait for each other's lock
_WIDEST, _ROWS = 1024, 192  # pixels: a dozen 8-bit planes of this size fit the second-level cache
LARGE = 1_000_000  # pixels of an image; below, a second thread takes longer than it saves


def each(work: Callable[[Piece], Result], pieces: Sequence[Piece], threads: int) -> list[Result]:
    """Return the results of `work` for the `pieces`, in order, from one thread or two; its first exception is raised.

    `threads` is the most to use; 1 for the calling one only.
    """
    if min(threads, len(pieces)) < TWO:
        return [work(piece) for piece in pieces]
    waiting, lock = iter(enumerate(pieces)), Lock()
    results: dict[int, Result] = {}
    faults: list[BaseException] = []

    def take() -> None:
        try:
            while not faults:
                with lock:
                    index, piece = next(waiting, (-1, None))
                if piece is None:
                    return
                results[index] = work(piece)
        except BaseException as fault:  # noqa: BLE001 - raised below, by the calling thread
            faults.append(fault)

    # A plain thread: a pool takes no more work once the main thread has ended, though this one may go on.
    helper = Thread(target=take, daemon=True)
    with suppress(RuntimeError):  # no more threads on this system: this one does all of it
        helper.start()
    take()
    if helper.ident is not None:
        helper.join()
    if faults:
        raise faults[0]
    return [results[index] for index in range(len(pieces))]


class Box(NamedTuple):
    """A rectangle of pixels, as Pillow takes one to crop; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top

    def grown(self, margin: int, size: tuple[int, int]) -> "Box":
        """Return the box with `margin` more on every side, cut to an image of `size`."""
        left, top = max(self.left - margin, 0), max(self.top - margin, 0)
        return Box(left, top, min(self.right + margin, size[0]), min(self.bottom + margin, size[1]))

    def slices(self, origin: "Box | None" = None) -> tuple[slice, slice]:
        """Return the box as an index of a [height, width] array that starts at `origin`, or at 0, 0."""
        x, y = origin[:2] if origin else (0, 0)
        return slice(self.top - y, self.bottom - y), slice(self.left - x, self.right - x)


def tiles(size: tuple[int, int], halo: int, widest: int = _WIDEST) -> Iterator[tuple[Box, Box]]:
    """Yield the tiles that cover an image of `size`, each with a box of `halo` more pixels on each side, cut to it."""
    across, down = max(widest, 4 * halo), max(_ROWS, 4 * halo)
    for top, left in product(range(0, size[1], down), range(0, size[0], across)):
        tile = Box(left, top, left + across, top + down).grown(0, size)
        yield tile, tile.grown(halo, size)


def tiled(
    size: tuple[int, int], halo: int, make: Callable[[Box, Box], ArrayLike], threads: int = 1, widest: int = _WIDEST
) -> PILImage:
    """Return the L mask of `size`, made tile by tile: `make` takes what :func:`tiles` yields and returns the levels."""
    levels = np.empty(size[::-1], np.uint8)

    def fill(boxes: tuple[Box, Box]) -> None:
        levels[boxes[0].slices()] = make(*boxes)

    each(fill, list(tiles(size, halo, widest)), threads)
    return Image.fromarray(levels)
