"""Choose the input sides for a network that takes any size, and join the results of two."""

import numpy as np
from PIL import Image

from rembg_skin.image.arrays import Floats

# Chosen on photographs that tiny_skin was not trained on: see rembg_skin/data/tiny_skin.md.
_LONGEST, _SIDES = (32, 128, 512, 1000), (256, 416, 448, 768)
_TINY, _FARTHER = 128, 0.8  # longest side of a tiny image, which is run twice, and the ratio of the two sides
COARSE = 448  # side of the first run on a large image
_APART = 128  # pixels: sides that are nearer to each other give the same result
_SURE = 0.002  # probabilities are clipped to this distance from 0 and 1 before taking logits


def automatic_sides(size: tuple[int, int]) -> tuple[int, ...]:
    """Return the input's longer side in pixels for each run on an image of `size`, the largest last.

    Small images are enlarged. Large images are run twice: coarse for close-ups, fine for distant people. The sides
    depend only on the size, so they are the same for every frame of a video.
    """
    closest = round(np.interp(max(size), _LONGEST, _SIDES))
    if max(size) <= _TINY:
        return round(_FARTHER * closest), closest
    return (COARSE, closest) if closest >= COARSE + _APART else (closest,)


def agreed(whole: Floats, close: Floats) -> Floats:
    """Join two results for an image, 0 to 1, float32 [height, width] of any sizes, by the mean of their logits.

    The result has the size of `close`.
    """
    enlarged = np.asarray(Image.fromarray(whole).resize(close.shape[::-1], Image.Resampling.BILINEAR))
    first, second = (values.clip(_SURE, 1 - _SURE) for values in (enlarged, close))
    skin, other = np.sqrt(first * second), np.sqrt((1 - first) * (1 - second))
    both: Floats = skin / (skin + other)
    return both
