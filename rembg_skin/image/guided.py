"""Enlarge the values of a network to the size of their photo, along the photo's own edges.

The fast guided filter with a color guide: K. He and J. Sun, arXiv 1505.00996. Around every pixel of the small values
they are fitted by a linear function of the photo's color there; the functions are enlarged and applied to the photo.
"""

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import Bytes, Floats
from rembg_skin.image.tiles import TWO, Box, tiled

_RADIUS = 2  # pixels of the small values
_SMOOTH = 1e-4  # variance of colors, 0 to 1, below which the photo shows no edge
_ACROSS = 256  # pixels of a tile of the photo: most of so narrow ones have no edge
_FLAT = 0.1  # values that are all nearer to 0 or all nearer to 1 have no edge


def guided(values: Floats, rgb: PILImage, *, threads: int = TWO) -> PILImage:
    """Return the L mask of an RGB image, of its size, for `values`, 0 to 1, float32 [height, width]."""
    height, width = values.shape
    across, down = width / rgb.width, height / rgb.height
    small = np.asarray(rgb.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0))

    def fill(tile: Box, _: Box) -> Floats:
        left, top, right, bottom = tile.left * across, tile.top * down, tile.right * across, tile.bottom * down
        around = Box(int(left), int(top), int(right) + 1, int(bottom) + 1).grown(2 * _RADIUS + 2, (width, height))
        source = (left - around.left, top - around.top, right - around.left, bottom - around.top)
        part = values[around.slices()]

        def enlarged(plane: Floats) -> Floats:
            return np.asarray(Image.fromarray(plane).resize(tile.size, Image.Resampling.BILINEAR, source))

        if part.max() < _FLAT or part.min() > 1 - _FLAT:
            result = enlarged(part).copy()
        else:
            *slopes, offset = _linear_fit(small[around.slices()], part)
            result = enlarged(offset).copy()
            for slope, band in zip(slopes, rgb.crop(tile).split(), strict=True):
                result += enlarged(slope) * np.asarray(band)
        result *= 255
        return result.clip(0, 255, out=result)

    return tiled(rgb.size, 0, fill, threads, widest=_ACROSS)


def _linear_fit(guide: Bytes, values: Floats) -> Floats:
    """Return a, b, c, d, float32 [4, height, width], of ``values = a * red + b * green + c * blue + d`` near pixels."""
    colors = guide.transpose(2, 0, 1) * np.float32(1 / 255)
    mean, center = _mean(colors), _mean(values[None])
    covariance = _mean(colors * values) - mean * center
    variance = _mean(colors[:, None] * colors) - mean[:, None] * mean
    variance += _SMOOTH * np.eye(3, dtype=np.float32)[..., None, None]
    # Cramer's rule: numpy's solver takes many times as long for millions of systems of three.
    cofactors = np.stack([np.cross(variance[i - 2], variance[i - 1], axis=0) for i in range(3)])
    slopes = (cofactors * covariance[:, None]).sum(axis=0) / (cofactors[0] * variance[0]).sum(axis=0)
    offset = center - (slopes * mean).sum(axis=0, keepdims=True)
    return np.ascontiguousarray(_mean(np.concatenate([slopes * np.float32(1 / 255), offset])))


def _mean(planes: Floats) -> Floats:
    """Return the mean over the square around each pixel of planes [..., height, width]."""
    from scipy.ndimage import uniform_filter

    side = 2 * _RADIUS + 1
    mean: Floats = uniform_filter(planes, (1,) * (planes.ndim - 2) + (side, side), mode="nearest")
    return mean
