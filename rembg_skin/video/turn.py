"""How a video is turned when it is shown: phones store a matrix beside the pixels instead of turning them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = tuple[int, ...]  # nine numbers, as MP4 stores them


@dataclass(frozen=True)
class Turn:
    """Quarter turns and mirrorings: columns are swapped with rows first, then each is reversed if it says so.

    Attributes
    ----------
    matrix
        The display matrix, nine integers of a frame's side data; None for an upright video.

    """

    matrix: Matrix | None = None

    @property
    def _steps(self) -> tuple[bool, bool, bool]:
        if self.matrix is None:
            return False, False, False
        a, b, _, c, d, *_ = self.matrix
        swapped = abs(b) + abs(c) > abs(a) + abs(d)
        return (swapped, c < 0, b < 0) if swapped else (False, a < 0, d < 0)

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self._steps[0]

    def upright(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return stored pixels, [height, width, ...], as they are shown."""
        swapped, left_right, up_down = self._steps
        shown = pixels.swapaxes(0, 1) if swapped else pixels
        return np.ascontiguousarray(shown[:: -1 if up_down else 1, :: -1 if left_right else 1])

    def stored(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return pixels as they are shown, [height, width, ...], as the video stores them."""
        swapped, left_right, up_down = self._steps
        turned = pixels[:: -1 if up_down else 1, :: -1 if left_right else 1]
        return np.ascontiguousarray(turned.swapaxes(0, 1) if swapped else turned)
