"""How closely a network looks at an image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.image.tensor import automatic_side

LENGTH = st.integers(1, 20_000)


@pytest.mark.parametrize(
    ("size", "side"), [((20, 30), 256), ((48, 40), 283), ((128, 96), 416), ((512, 512), 448), ((4000, 3000), 768)]
)
def test_small_images_are_enlarged_and_large_ones_shrunk(size: tuple[int, int], side: int) -> None:
    assert automatic_side(size) == side


@given(width=LENGTH, height=LENGTH)
def test_the_side_grows_with_the_image_and_turns_with_it(width: int, height: int) -> None:
    side = automatic_side((width, height))
    assert side == automatic_side((height, width))
    assert 0 <= automatic_side((width + 1, height)) - side <= 3
