"""Find skin by a Markov random field: color mixtures rate each pixel, iterated conditional modes smooth the labels.

The mixtures were fitted, and the parameters chosen, by the author of samhaswon/skin_segmentation.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image as PILImage

from rembg_skin.color.method import Cleaned, Planes, apply
from rembg_skin.color.rules import CB_GAIN, CR_GAIN, chroma
from rembg_skin.color.spaces import lab
from rembg_skin.image.arrays import Bytes, Floats, Selection
from rembg_skin.image.tiles import tiles

Pair = tuple[float, float]
Mixture = tuple[tuple[float, Pair, tuple[Pair, Pair]], ...]  # Gaussians of (Cb, Cr): weight, mean, covariance matrix

SKIN: Mixture = (
    (0.24773426, (106.24087, 156.82663), ((86.26946, -51.411633), (-51.411633, 75.06044))),
    (0.20891184, (118.275696, 142.07903), ((51.26777, -44.636913), (-44.636906, 55.231373))),
    (0.5433539, (109.663185, 150.76027), ((38.602966, -34.107918), (-34.107918, 42.58036))),
)
BACKGROUND: Mixture = (
    (0.04826646, (113.49285, 123.8858), ((150.60222, -22.362474), (-22.362474, 45.23449))),
    (0.09182749, (138.27478, 118.87129), ((85.84877, -62.213173), (-62.213184, 74.55624))),
    (0.28041524, (115.73839, 138.63788), ((83.97901, -64.717514), (-64.717514, 81.958405))),
    (0.030754799, (154.40329, 97.56746), ((278.3562, -283.5804), (-283.58038, 614.75635))),
    (0.080141716, (103.37744, 152.97086), ((559.5557, -64.26375), (-64.26375, 673.4422))),
    (0.46859428, (126.79276, 129.03134), ((18.871784, -14.283537), (-14.283537, 15.267777))),
)


def density(mixture: Mixture, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mixture's density at points (Cb, Cr), float64 [..., 2] -> [...]."""
    total = np.zeros(points.shape[:-1])
    for weight, mean, covariance in mixture:
        offsets = points - mean
        distance = np.einsum("...i,ij,...j->...", offsets, np.linalg.inv(covariance), offsets)
        total += weight * np.exp(-distance / 2) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    return total


@cache
def _densities() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cr, cb = np.mgrid[:256, :256]
    points = np.stack([cb, cr], axis=-1).astype(np.float64)
    return density(SKIN, points), density(BACKGROUND, points)


def field_mask(
    rgb: PILImage, alpha: PILImage | None, *, prior: float, smoothness: float, sweeps: int, morph: int, blur: int
) -> PILImage:
    """Return the L mask of an RGB image; a pixel whose L `alpha` is 0 is 0 in the mask.

    `prior` is the share of skin assumed before a color is seen, `smoothness` the cost of two unlike neighbors of the
    same color, `sweeps` the number of times that every label is chosen again from those of its neighbors; `morph` and
    `blur` are the clean-up's. It takes two passes: the contrast between neighbors is relative to its mean over the
    complete image.
    """
    colors = np.empty((3, rgb.height, rgb.width), dtype=np.uint8)
    for tile, _ in tiles(rgb.size, 0):
        planes = Planes(rgb, tile)
        colors[:, *tile.slices()] = lab(planes.red, planes.green, planes.blue)
    costs, falloff = _costs(prior), _falloff(colors)

    def labels(planes: Planes) -> Selection:
        part = colors[:, *planes.box.slices()]
        luma = planes.luma.astype(np.int16)
        index = chroma(planes.red - luma, CR_GAIN)
        index <<= 8
        index += chroma(planes.blue - luma, CB_GAIN)
        bias = costs.take(index)
        skin = bias < 0
        if skin.all() or not skin.any():
            return skin  # all neighbors agree, so no label will change
        across = _ties(part[:, :, 1:], part[:, :, :-1], falloff, smoothness)
        down = _ties(part[:, 1:], part[:, :-1], falloff, smoothness)
        return _smoothed(skin, bias, across, down, sweeps)

    return apply(rgb, alpha, Cleaned(labels, morph, blur, reach=sweeps))


def _costs(prior: float) -> Floats:
    """Return the cost of the label skin for each color, less that of background, float32 [Cr * 256 + Cb]."""
    skin, background = _densities()
    likely = prior * skin
    probability = likely / (likely + (1 - prior) * background + 1e-12)
    as_skin = -np.log(probability.clip(1e-12, 1))
    as_background = -np.log((1 - probability).clip(1e-12, 1))
    costs: Floats = (as_skin - as_background).astype(np.float32)
    return costs.ravel()


def _ties(colors: Bytes, neighbors: Bytes, falloff: float, smoothness: float) -> Floats:
    """Return the costs of unlike labels."""
    ties = _squared_distance(colors, neighbors)
    ties *= np.float32(-falloff)
    np.exp(ties, out=ties)
    ties *= np.float32(smoothness)
    return ties


def _smoothed(labels: Selection, bias: Floats, across: Floats, down: Floats, sweeps: int) -> Selection:
    """Return the labels after some sweeps; the costs of labels and ties are overwritten."""
    # Skin wins if bias + (all ties - ties to skin) < ties to skin.
    bias[:, :-1] += across
    bias[:, 1:] += across
    bias[:-1] += down
    bias[1:] += down
    across *= 2
    down *= 2
    skin = labels.astype(np.float32)
    pull = np.empty_like(bias)
    for _ in range(sweeps):
        pull.fill(0)
        pull[:, :-1] += across * skin[:, 1:]
        pull[:, 1:] += across * skin[:, :-1]
        pull[:-1] += down * skin[1:]
        pull[1:] += down * skin[:-1]
        np.less(bias, pull, out=skin)
    return skin > 0


def _squared_distance(a: Bytes, b: Bytes) -> Floats:
    total = np.zeros(a.shape[1:], dtype=np.float32)
    for plane, other in zip(a, b, strict=True):
        difference = np.subtract(plane, other, dtype=np.float32)
        difference *= difference
        total += difference
    return total


def _falloff(colors: Bytes) -> float:
    """Return 1 / (2 * mean squared Lab distance of 4-neighbors), or 0 if no neighbors differ."""
    _, height, width = colors.shape
    total = 0.0
    for tile, _ in tiles((width, height), 0):
        # One row and column more, so that pairs across tiles count too.
        right, bottom = min(tile.right + 1, width), min(tile.bottom + 1, height)
        across = colors[:, tile.top : tile.bottom, tile.left : right]
        down = colors[:, tile.top : bottom, tile.left : tile.right]
        total += float(_squared_distance(across[:, :, 1:], across[:, :, :-1]).sum(dtype=np.float64))
        total += float(_squared_distance(down[:, 1:], down[:, :-1]).sum(dtype=np.float64))
    pairs = height * (width - 1) + (height - 1) * width
    return pairs / (2 * total) if total > 0 else 0.0
