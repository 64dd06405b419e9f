"""A CSV file with a row a frame: its time, its share of skin, and the color of the skin, also in each face."""

import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import numpy as np
from PIL import Image
from PIL.ImageStat import Stat

from rembg_skin.errors import DataError, printable
from rembg_skin.files import atomic, replaced
from rembg_skin.image.arrays import THRESHOLD, Bytes, Mask, Selection
from rembg_skin.image.morphology import eroded, square
from rembg_skin.image.tiles import Box
from rembg_skin.networks.yunet import Face

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows
    flock = None  # type: ignore[assignment]

# Pixels that the skin is eroded by: at its edge, colors are mixed and masks waver.
MARGIN = 3

COLUMNS = ("time", "skin", "red", "green", "blue", "red_sd", "green_sd", "blue_sd", "pixels")
_OF_FACE = ("red", "green", "blue", "pixels")


class Faces:
    """Follow up to `most` faces from frame to frame; `detect` finds those of one frame."""

    def __init__(self, most: int, detect: Callable[[Bytes], Sequence[Face]]) -> None:
        self.most, self._detect = most, detect
        self._known: list[Face] = []

    def __call__(self, rgb: Bytes) -> list[Box | None]:
        """Return the box of each face, in the same order in every frame; None for one that is not found in this one.

        New faces come in the order of their size.
        """
        size = rgb.shape[1], rgb.shape[0]
        found = sorted(self._detect(rgb), key=lambda face: -face.area)
        boxes: list[Box | None] = [None] * self.most
        for number, known in enumerate(self._known):
            near = min(found, key=lambda face: _distance(face, known), default=known)
            if near in found and _distance(near, known) < 1:
                found.remove(near)
                self._known[number], boxes[number] = near, near.within(size)
        for face in found[: self.most - len(self._known)]:
            boxes[len(self._known)] = face.within(size)
            self._known.append(face)
        return boxes


def _distance(one: Face, other: Face) -> float:
    """Return how far apart the centers are, in widths of the larger face."""
    across, down = one.left + one.right - other.left - other.right, one.top + one.bottom - other.top - other.bottom
    return math.hypot(across, down) / 2 / max(one.right - one.left, other.right - other.left)


class Table(NamedTuple):
    """Rows for the frames of one video, of which only `box` counts; `faces` get columns of their own.

    Columns: ``time`` in seconds; ``skin``, its share of the frame or box, 0 to 1; the means of ``red``, ``green`` and
    ``blue`` over the eroded skin, 0 to 255, and their standard deviations; how many ``pixels`` that skin has. Then the
    means and pixels of each face, ``face1_red`` and so on. Colors are empty if there is no skin.
    """

    path: Path
    box: Box | None = None
    faces: Faces | None = None
    settings: str = ""  # all that its rows depend on, if it can go on where a killed run ended

    @property
    def columns(self) -> list[str]:
        """The names of the cells of a row."""
        most = self.faces.most if self.faces else 0
        return [*COLUMNS, *(f"face{number + 1}_{name}" for number in range(most) for name in _OF_FACE)]

    def row(self, time: float, rgb: Bytes, mask: Mask) -> list[str]:
        """Return the cells of a frame: its time in seconds, uint8 [height, width, 3] and uint8 [height, width]."""
        skin, inner = mask > THRESHOLD, np.zeros(mask.shape, bool)
        part = self.box.slices() if self.box else np.s_[:, :]
        inner[part] = eroded(skin, square(MARGIN))[part]
        mean, deviation, pixels = color_of(rgb, inner)
        cells = [f"{time:.6f}", f"{skin[part].mean():.6f}", *_cells(mean), *_cells(deviation), str(pixels)]
        for face in self.faces(rgb) if self.faces else ():
            here = face.slices() if face else np.s_[:0]
            mean, _, pixels = color_of(rgb[here], inner[here])
            cells += [*_cells(mean), str(pixels)]
        return cells


def _cells(values: Sequence[float]) -> list[str]:
    return [f"{value:.4f}" for value in values] or [""] * 3


def color_of(rgb: Bytes, selection: Selection) -> tuple[list[float], list[float], int]:
    """Return mean red, green and blue, 0 to 255, of the selected pixels, their standard deviations, and their number.

    `rgb` is uint8 [height, width, 3], `selection` bool [height, width]; there are no colors if it is empty.
    """
    if not selection.any():
        return [], [], 0
    # Pillow counts levels three times as fast as numpy selects pixels.
    found = Stat(Image.fromarray(rgb), Image.fromarray(selection))
    return found.mean, [math.sqrt(max(variance, 0)) for variance in found.var], found.count[0]


@contextmanager
def written(path: Path, settings: str, stopped: Callable[[], bool]) -> Iterator[IO[str]]:
    """Give a text file, to be copied to `path` at the end of the block; a failure writes nothing.

    With `settings`, everything that the content depends on, the file lies beside `path` until it is copied without
    having been `stopped`: an equal run that was killed left its part in it. No file lies beside a device, a descriptor
    or a file of a read-only folder. Raises DataError if it cannot be written, or another run is writing it.
    """
    digest = sha256(f"{path.name} {settings}".encode(errors="surrogateescape")).hexdigest()[:8]
    try:
        place = replaced(path) if settings else None
        # `path` may have the longest name possible.
        partial = place and place.with_name(f"{path.name[:40]}.{digest}.partial")
        with _opened(partial) if partial else TemporaryFile("w+", newline="", encoding="utf-8") as file:
            if partial and flock is not None:
                flock(file, LOCK_EX | LOCK_NB)
            yield file
            file.seek(0)
            with atomic(path) as draft, draft.open("w", newline="", encoding="utf-8") as copy:
                shutil.copyfileobj(file, copy)
            if partial and not stopped():
                partial.unlink()
    except BlockingIOError as error:
        raise DataError(f"{printable(path)} is being written by another run.") from error
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be written: {error.strerror or error}") from error


def _opened(path: Path) -> IO[str]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(os.open(path, flags, 0o666), "r+", buffering=1, newline="", encoding="utf-8")  # noqa: PTH123


def resumed(file: IO[str]) -> tuple[int, float]:
    """Return how many rows a killed run left in `file`, and the time of the last one; what is no row is cut off."""
    rows, last, end = 0, -math.inf, 0
    file.seek(0)
    lines = file.read().splitlines(keepends=True)
    with suppress(IndexError, ValueError):
        lines = lines if lines[-1].endswith("\n") else lines[:-1]
        rows, last, end = len(lines) - 1, float(lines[-1].partition(",")[0]), sum(map(len, lines))
    file.seek(end if rows else 0)
    file.truncate()
    return rows, last
