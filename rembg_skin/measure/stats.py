"""Describe the color of skin in photos with masks: its tone, and counts of hue, saturation and value."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image as PILImage

from rembg_skin.color.spaces import rgb_to_hsv
from rembg_skin.image.arrays import THRESHOLD, Bytes, Mask

CHANNELS = ("H", "S", "V")
LEVELS = 256
SHAPE = (len(CHANNELS), 2, LEVELS)  # of the counts; the second: not skin, skin
Counts = NDArray[np.int64]
_ROWS = 256  # at a time, so that memory does not grow with the photo

# Degrees above which an individual typology angle belongs to a class (Del Bino and Bernerd 2013).
TONES = {"very light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -181.0}


def tone(image: Bytes, mask: Mask) -> str:
    """Return the class of the skin in an RGB image, uint8 H x W x 3, by its typology angle, or "no skin".

    The angle (Chardon et al. 1991) is that of the skin's median color in the photo: light and camera affect it.
    """
    from skimage.color import rgb2lab

    skin = image[mask > THRESHOLD]
    if not len(skin):
        return "no skin"
    lightness, _, yellow = np.median(rgb2lab(skin[None] / 255)[0], axis=0)
    angle = np.degrees(np.arctan2(lightness - 50, yellow))
    return next(name for name, above in TONES.items() if angle > above)


def color_counts(image: PILImage, mask: Mask) -> Counts:
    """Return the pixels of each level of H, S and V, int64 [3, 2, 256]: first those that are not skin.

    The image is RGB, the mask uint8, H x W, skin above 127; H is 0 to 179, S and V 0 to 255, as OpenCV's 8-bit
    conversion gives them.
    """
    counts = np.zeros(SHAPE, np.int64)
    for top in range(0, image.height, _ROWS):
        bottom = min(top + _ROWS, image.height)
        hsv = rgb_to_hsv(np.asarray(image.crop((0, top, image.width, bottom))))
        kind = (mask[top:bottom] > THRESHOLD).astype(np.int64) * LEVELS
        for channel in range(len(CHANNELS)):
            levels = (kind + hsv[..., channel]).ravel()
            counts[channel] += np.bincount(levels, minlength=2 * LEVELS).reshape(SHAPE[1:])
    return counts


def as_json(images: int, counts: Counts) -> dict[str, Any]:
    """Return the sum of the counts of some images as plain values."""
    not_skin, skin = counts[0].sum(axis=1).tolist()
    histograms = {
        name: {"not_skin": levels[0].tolist(), "skin": levels[1].tolist()}
        for name, levels in zip(CHANNELS, counts, strict=True)
    }
    return {"images": images, "pixels": {"skin": skin, "not_skin": not_skin}, "histograms": histograms}
