"""Work on an image in tiles that fit the processor's cache, on one thread or two."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TypeVar

from PIL.Image import Image as PILImage

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# numpy and Pillow are done with a piece in milliseconds: more threads would wait for each other's lock.
TWO = 2
# Width and height in pixels: a dozen 8-bit planes of this size fit the second-level cache.
_TILE = (1024, 192)
LARGE = 1_000_000  # pixels of an image; below, a second thread takes longer than it saves


def each(work: Callable[[Piece], Result], pieces: Sequence[Piece], threads: int) -> list[Result]:
    """Return the results of `work` for the `pieces`, in order, from one thread or two.

    Parameters
    ----------
    work
        Called once for each piece; its first exception is raised here.
    pieces
        The arguments of `work`.
    threads
        The most threads to use; 1 for the calling one only.

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


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top

    def grown(self, margin: int, within: "Box") -> "Box":
        """Return the box with `margin` more on every side, cut to `within`."""
        return Box(
            max(self.left - margin, within.left),
            max(self.top - margin, within.top),
            min(self.right + margin, within.right),
            min(self.bottom + margin, within.bottom),
        )

    def slices(self, origin: "Box | None" = None) -> tuple[slice, slice]:
        """Return the box as an index of a [height, width] array that starts at `origin`, or at 0, 0."""
        x, y = (origin.left, origin.top) if origin else (0, 0)
        return slice(self.top - y, self.bottom - y), slice(self.left - x, self.right - x)

    def crop(self, image: PILImage) -> PILImage:
        """Return this part of `image`."""
        return image.crop((self.left, self.top, self.right, self.bottom))


def tiles(size: tuple[int, int], halo: int) -> Iterator[tuple[Box, Box]]:
    """Yield the tiles that cover an image of `size`, each with a box of `halo` more pixels on each side.

    The box is cut to the image.
    """
    image = Box(0, 0, *size)
    across, down = (max(side, 4 * halo) for side in _TILE)
    for top in range(0, image.bottom, down):
        for left in range(0, image.right, across):
            tile = Box(left, top, min(left + across, image.right), min(top + down, image.bottom))
            yield tile, tile.grown(halo, image)
