"""How closely a network looks at an image, and what two looks say together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from rembg_skin.image.scales import agreed, automatic_sides

LENGTH = st.integers(1, 20_000)
CHANCE = st.floats(0, 1, width=32)


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ((20, 30), (205, 256)),
        ((48, 40), (226, 283)),
        ((128, 96), (333, 416)),
        ((129, 96), (416,)),
        ((512, 512), (448,)),
        ((640, 480), (532,)),
        ((756, 500), (448, 608)),
        ((4000, 3000), (448, 768)),
    ],
)
def test_tiny_and_large_images_are_seen_twice(size: tuple[int, int], sides: tuple[int, ...]) -> None:
    assert automatic_sides(size) == sides


@given(width=LENGTH, height=LENGTH)
def test_the_closest_look_grows_with_the_image_and_turns_with_it(width: int, height: int) -> None:
    *_, closest = sides = automatic_sides((width, height))
    assert sides == automatic_sides((height, width))
    assert 0 <= automatic_sides((width + 1, height))[-1] - closest <= 3


@given(first=CHANCE, second=CHANCE)
def test_two_looks_agree_on_the_mean_of_their_logits(first: float, second: float) -> None:
    whole, close = np.full((3, 4), first, np.float32), np.full((6, 8), second, np.float32)
    expected = expit(np.mean(logit(np.clip([first, second], 0.002, 0.998))))
    np.testing.assert_allclose(agreed(whole, close), np.full((6, 8), expected), atol=1e-5)


def test_each_look_says_its_part_where_it_lies() -> None:
    whole = np.array([[0.1, 0.9]], np.float32)
    close = np.full((2, 8), 0.5, np.float32)
    both = agreed(whole, close)
    assert both.shape == close.shape
    assert (np.diff(both, axis=1) >= 0).all()
    assert both[0, 0] < 0.5 < both[0, -1]
