"""What a CSV file says of each frame: its time, how much of it is skin, and the skin's mean colour."""

import csv
from typing import IO

import numpy as np
from PIL import Image

from rembg_skin.image.arrays import THRESHOLD, Bytes, Mask, Selection
from rembg_skin.image.morphology import eroded, square

# Pixels that the skin is eroded by: at its edge, colours are mixed and masks waver.
MARGIN = 3

COLUMNS = ("time", "skin", "red", "green", "blue")


class Table:
    """A CSV file that grows by a line a frame.

    Columns: ``time`` in seconds; ``skin``, its share of the frame, 0 to 1; ``red``, ``green`` and ``blue``, the means
    over the eroded skin, 0 to 255. The three are empty if there is no skin.

    Parameters
    ----------
    file
        Open for writing, without translation of line ends.

    """

    def __init__(self, file: IO[str]) -> None:
        self._rows = csv.writer(file)
        self._rows.writerow(COLUMNS)

    def add(self, time: float, rgb: Bytes, mask: Mask) -> None:
        """Add the line of a frame.

        Parameters
        ----------
        time
            In seconds.
        rgb
            uint8 [height, width, 3].
        mask
            uint8 [height, width].

        """
        skin = mask > THRESHOLD
        color = mean_color(rgb, eroded(skin, square(MARGIN)))
        means = [""] * 3 if color is None else [f"{value:.4f}" for value in color]
        self._rows.writerow([f"{time:.6f}", f"{skin.mean():.6f}", *means])


def mean_color(rgb: Bytes, selection: Selection) -> tuple[float, float, float] | None:
    """Return the mean red, green and blue of the selected pixels, 0 to 255, or None if there are none.

    Parameters
    ----------
    rgb
        uint8 [height, width, 3].
    selection
        bool [height, width].

    """
    # Pillow counts levels three times as fast as numpy selects pixels.
    counts = np.array(Image.fromarray(rgb).histogram(Image.fromarray(selection)), np.float64).reshape(3, 256)
    pixels = counts[0].sum()
    if not pixels:
        return None
    red, green, blue = counts @ np.arange(256) / pixels
    return float(red), float(green), float(blue)
