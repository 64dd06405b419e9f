"""Class a photo's skin by its tone."""

import numpy as np
from skimage.color import rgb2lab

from rembg_skin.image.arrays import THRESHOLD, Bytes, Mask

# Degrees above which an individual typology angle belongs to a class (Del Bino and Bernerd 2013).
TONES = {"very light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -181.0}


def tone(image: Bytes, mask: Mask) -> str:
    """Return the class of the skin in an RGB image, uint8 H x W x 3, by its typology angle, or "no skin".

    The angle (Chardon et al. 1991) is that of the skin's median color in the photo: light and camera affect it.
    """
    skin = image[mask > THRESHOLD]
    if not len(skin):
        return "no skin"
    lightness, _, yellow = np.median(rgb2lab(skin[None] / 255)[0], axis=0)
    angle = np.degrees(np.arctan2(lightness - 50, yellow))
    return next(name for name, above in TONES.items() if angle > above)
