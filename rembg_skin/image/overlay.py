"""Show a mask over its photograph: skin in color, everything else in gray."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import THRESHOLD, Mask

Color = tuple[int, int, int]

# Okabe and Ito's palette, which color-blind readers can tell apart.
SKIN: Color = (0, 158, 115)
FALSE: Color = (213, 94, 0)
MISSED: Color = (0, 114, 178)

_OPACITY = 0.55
_ROWS = 256  # at a time: only these are held as float32


def overlay(image: PILImage, mask: Mask) -> PILImage:
    """Return an image of any mode in gray under its mask, uint8 [height, width], in green, as strong as its level."""
    return _tinted(image, [(mask, SKIN)])


def error_overlay(image: PILImage, prediction: Mask, truth: Mask) -> PILImage:
    """Return the photograph in gray: skin found green, skin missed blue, false skin orange.

    `prediction` and `truth` are uint8 [height, width] of the image's size, binarized at 127.
    """
    predicted, actual = prediction > THRESHOLD, truth > THRESHOLD
    parts = ((predicted & actual, SKIN), (predicted & ~actual, FALSE), (actual & ~predicted, MISSED))
    return _tinted(image, [(part * np.uint8(255), color) for part, color in parts])


def _tinted(image: PILImage, layers: Sequence[tuple[Mask, Color]]) -> PILImage:
    """Return the image in gray with each layer's color over it, as strong as the layer's level; the last on top."""
    gray = np.asarray(image.convert("L"))
    shown = np.empty((*gray.shape, 3), np.uint8)
    for top in range(0, len(gray), _ROWS):
        rows = slice(top, top + _ROWS)
        pixels = np.repeat(gray[rows, :, None], 3, axis=2).astype(np.float32)
        for mask, color in layers:
            pixels += (np.array(color, np.float32) - pixels) * (mask[rows, :, None] * np.float32(_OPACITY / 255))
        shown[rows] = pixels.round()
    return Image.fromarray(shown)
