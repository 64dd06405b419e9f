"""Count the hue, saturation and value of skin and of everything else in photos with masks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image as PILImage

from rembg_skin.color.spaces import rgb_to_hsv
from rembg_skin.image.arrays import THRESHOLD, Mask

CHANNELS = ("H", "S", "V")
LEVELS = 256
Counts = NDArray[np.int64]
_ROWS = 256  # at a time, so that memory does not grow with the photo


class ColorStatistics:
    """Running counts over any number of images; its size does not depend on their number.

    Attributes
    ----------
    images
        The number of images added.
    histograms
        Pixels of each level of H (0 to 179), S and V (0 to 255, as OpenCV's 8-bit conversion gives them): int64
        [2, 256] for each channel, first those that are not skin.

    """

    def __init__(self) -> None:
        self.images = 0
        self.histograms: dict[str, Counts] = {name: np.zeros((2, LEVELS), np.int64) for name in CHANNELS}

    def add(self, image: PILImage, mask: Mask) -> None:
        """Count an RGB image and its mask, uint8, H x W, skin above 127."""
        for top in range(0, image.height, _ROWS):
            rows = slice(top, min(top + _ROWS, image.height))
            hsv = rgb_to_hsv(np.asarray(image.crop((0, rows.start, image.width, rows.stop))))
            kind = (mask[rows] > THRESHOLD).astype(np.int64) * LEVELS
            for name, plane in zip(CHANNELS, np.moveaxis(hsv, 2, 0), strict=True):
                counts = np.bincount((kind + plane).ravel(), minlength=2 * LEVELS)
                self.histograms[name] += counts.reshape(2, LEVELS)
        self.images += 1

    def plus(self, other: "ColorStatistics") -> "ColorStatistics":
        """Return the counts of both."""
        result = ColorStatistics()
        result.images = self.images + other.images
        result.histograms = {name: self.histograms[name] + other.histograms[name] for name in CHANNELS}
        return result

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        not_skin, skin = self.histograms["H"].sum(axis=1).tolist()
        return {
            "images": self.images,
            "pixels": {"skin": skin, "not_skin": not_skin},
            "histograms": {
                name: {"not_skin": counts[0].tolist(), "skin": counts[1].tolist()}
                for name, counts in self.histograms.items()
            },
        }
