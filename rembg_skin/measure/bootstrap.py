"""Bound means by the bootstrap over images (Efron 1979): 95 % percentile intervals."""

from collections.abc import Sequence

import numpy as np

_ROUNDS = 2000


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of at least one value; the same values always give the same interval."""
    drawn, given = np.random.default_rng(0), np.asarray(values)
    means = [given[drawn.integers(0, len(given), len(given))].mean() for _ in range(_ROUNDS)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
