"""Show a mask over its photograph: skin in color, everything else in gray."""

from collections.abc import Iterable

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import THRESHOLD, Floats, Mask

Color = tuple[int, int, int]

# Okabe and Ito's palette, which color-blind readers can tell apart.
SKIN: Color = (0, 158, 115)
FALSE: Color = (213, 94, 0)
MISSED: Color = (0, 114, 178)

_OPACITY = 0.55
_ROWS = 256  # at a time: only these are held as float32


def overlay(image: PILImage, mask: Mask) -> PILImage:
    """Return the photograph in gray with the mask laid over it in green, as strong as its level.

    Parameters
    ----------
    image
        Any mode; only its lightness is shown.
    mask
        uint8 [height, width] of the image's size, 0 to 255.

    """
    return tint(image, [(mask, SKIN)])


def error_overlay(image: PILImage, prediction: Mask, truth: Mask) -> PILImage:
    """Return the photograph in gray: skin found green, skin missed blue, false skin orange.

    `prediction` and `truth` are uint8 [height, width] of the image's size, binarized at 127.
    """
    predicted, actual = prediction > THRESHOLD, truth > THRESHOLD
    parts = ((predicted & actual, SKIN), (predicted & ~actual, FALSE), (actual & ~predicted, MISSED))
    return tint(image, [(part.astype(np.uint8) * np.uint8(255), color) for part, color in parts])


def tint(image: PILImage, layers: Iterable[tuple[Mask, Color]]) -> PILImage:
    """Return the image in gray with each layer's color over it, as strong as the layer's level.

    Parameters
    ----------
    image
        Any mode.
    layers
        Masks, uint8 [height, width], and their RGB colors; a later layer lies over an earlier one.

    """
    gray = np.asarray(image.convert("L"))
    shown = np.empty((*gray.shape, 3), np.uint8)
    held = list(layers)
    for top in range(0, len(gray), _ROWS):
        rows = slice(top, top + _ROWS)
        pixels = np.repeat(gray[rows, :, None], 3, axis=2).astype(np.float32)
        for mask, color in held:
            pixels += (np.array(color, np.float32) - pixels) * _share(mask[rows])
        shown[rows] = pixels.round()
    return Image.fromarray(shown)


def _share(mask: Mask) -> Floats:
    """Return the share of the color in each pixel, float32 [height, width, 1]."""
    share: Floats = mask[..., None] * np.float32(_OPACITY / 255)
    return share
