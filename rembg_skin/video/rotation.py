"""Turn frames upright: phones store a matrix with the video instead of turning the pixels."""

from dataclasses import dataclass

import numpy as np

from rembg_skin.image.arrays import Bytes


@dataclass(frozen=True)
class Rotation:
    """Quarter turns and mirrorings, from the nine integers of a frame's display matrix; None for an upright video."""

    matrix: tuple[int, ...] | None = None

    @property
    def _steps(self) -> tuple[bool, bool, bool]:
        """Swap columns with rows, then reverse the columns, then the rows."""
        if self.matrix is None:
            return False, False, False
        a, b, _, c, d, *_ = self.matrix
        swapped = abs(b) + abs(c) > abs(a) + abs(d)
        return (swapped, c < 0, b < 0) if swapped else (False, a < 0, d < 0)

    @property
    def swaps(self) -> bool:
        """True if width and height change places."""
        return self._steps[0]

    def upright(self, pixels: Bytes) -> Bytes:
        """Return stored pixels, [height, width, ...], as they are shown."""
        swapped, left_right, up_down = self._steps
        shown = pixels.swapaxes(0, 1) if swapped else pixels
        return np.ascontiguousarray(shown[:: -1 if up_down else 1, :: -1 if left_right else 1])

    def stored(self, pixels: Bytes) -> Bytes:
        """Return pixels as they are shown, [height, width, ...], as the video stores them."""
        swapped, left_right, up_down = self._steps
        turned = pixels[:: -1 if up_down else 1, :: -1 if left_right else 1]
        return np.ascontiguousarray(turned.swapaxes(0, 1) if swapped else turned)
