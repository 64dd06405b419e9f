"""Erosions and dilations are scipy's, pixels outside ignored, for levels, fractions and selections."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from rembg_skin.image.morphology import Plane, Shape, dilated, disk, eroded, square

RANDOM = np.random.default_rng(1)
PLANES = [
    RANDOM.integers(0, 256, (25, 40), dtype=np.uint8),
    RANDOM.random((25, 40), np.float32),
    RANDOM.random((25, 40)) < 0.97,
    np.ones((1, 3), np.uint8),
]


def footprint(shape: Shape) -> NDArray[np.bool_]:
    radius = shape[-1][0]
    return np.array([[abs(column) <= half for column in range(-radius, radius + 1)] for _, half in shape])


@pytest.mark.parametrize("plane", PLANES, ids=["levels", "fractions", "selection", "smaller than the shape"])
@pytest.mark.parametrize("shape", [disk(0), disk(1), disk(2), disk(7), square(1), square(3), square(30)])
def test_it_is_scipys_with_the_border_repeated(plane: Plane, shape: Shape) -> None:
    around = footprint(shape)
    assert np.array_equal(dilated(plane, shape), maximum_filter(plane, footprint=around, mode="nearest"))
    assert np.array_equal(eroded(plane, shape), minimum_filter(plane, footprint=around, mode="nearest"))
