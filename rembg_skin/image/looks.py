"""How closely a network that takes any size looks at an image: once, or twice at a tiny or a large one."""

import numpy as np
from PIL import Image

from rembg_skin.image.arrays import Floats

# Chosen on photographs that tiny_skin was not trained on: see rembg_skin/data/tiny_skin.md.
_LONGEST, _SIDES = (32, 128, 512, 1000), (256, 416, 448, 768)
_TINY, _FARTHER = 128, 0.8  # longest side up to which an image is seen twice, and the first side in times the second
_WHOLE = 448  # side of the first look at a large image
_APART = 128  # pixels: a second look that is nearer to the first tells nothing new
_SURE = 0.002  # an answer nearer to 0 or 1 counts as this near: no look is ever certain


def automatic_sides(size: tuple[int, int]) -> tuple[int, ...]:
    """Return the longer side in pixels of each look at an image of `size`, the closest one last.

    Small images are enlarged. Large ones are seen as a whole, for what fills them, and more closely, for who is far
    away. The sides follow from the size alone, so they are the same for every frame of a video.
    """
    closest = round(np.interp(max(size), _LONGEST, _SIDES))
    if max(size) <= _TINY:
        return round(_FARTHER * closest), closest
    return (_WHOLE, closest) if closest >= _WHOLE + _APART else (closest,)


def agreed(whole: Floats, close: Floats) -> Floats:
    """Return what two looks say together: the mean of their logits.

    Parameters
    ----------
    whole, close
        What a network finds in an image, 0 to 1, float32 [height, width], each of its own size.

    Returns
    -------
    float32 of the size of `close`, 0 to 1.

    """
    height, width = close.shape
    enlarged = np.asarray(Image.fromarray(whole).resize((width, height), Image.Resampling.BILINEAR))
    first, second = (look.clip(_SURE, 1 - _SURE) for look in (enlarged, close))
    skin, other = np.sqrt(first * second), np.sqrt((1 - first) * (1 - second))
    both: Floats = skin / (skin + other)
    return both
