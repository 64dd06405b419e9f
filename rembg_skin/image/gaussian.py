"""Weigh the neighbors of pixels by a Gaussian in integers, as OpenCV does for 8-bit images."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

BITS = 8  # of fixed point: the weights sum to 256


@cache
def gaussian_weights(side: int, sigma: float) -> tuple[int, ...]:
    """Return the `side` weights, an odd number, of a Gaussian of standard deviation `sigma` pixels."""
    distances = np.arange(side) - side // 2
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    # OpenCV hands each rounding error on, so that the sum stays exact.
    error, half = 0.0, []
    for weight in (weights / weights.sum())[: side // 2]:
        exact = weight * (1 << BITS) + error
        half.append(round(exact))
        error = exact - half[-1]
    return (*half, (1 << BITS) - 2 * sum(half), *reversed(half))


def weighted_sum(plane: NDArray[Any], weights: tuple[int, ...]) -> NDArray[Any]:
    """Return the sums along the first axis for all pixels with enough neighbors, in the type of `plane`."""
    radius = len(weights) // 2
    length = len(plane) - 2 * radius
    total: NDArray[Any] = plane[radius : radius + length] * weights[radius]
    pair = np.empty_like(total)
    for offset in range(radius):  # the weights are symmetric: one product a pair
        mirrored = 2 * radius - offset
        np.add(plane[offset : offset + length], plane[mirrored : mirrored + length], out=pair)
        pair *= weights[offset]
        total += pair
    return total
