"""The refined sessions: patches of 512 pixels over the base mask, blended, on networks with known answers."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session, remove

from rembg_skin.errors import ModelError
from rembg_skin.image.mask import Stretch
from rembg_skin.image.patches import OVERLAP, SIDE, corners, refined
from tests.support.networks import place, red_network

BLUE, BASE = 2, 3  # input channels
Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def result_of(
    network: Run, rgb: Image.Image, base: Image.Image | None = None, *, batch: int = 1, stretch: Stretch = "never"
) -> NDArray[np.uint8]:
    """Return the refined mask of a picture, whose base mask is white unless given."""
    return np.asarray(refined(rgb, base or Image.new("L", rgb.size, 255), network, batch=batch, stretch=stretch))


def constant(*values: float) -> Run:
    """Return a network whose runs give one of these values after the other."""
    rest = iter(values)
    return lambda tensor: np.full((len(tensor), SIDE, SIDE), next(rest), np.float32)


def channel(number: int) -> Run:
    return lambda tensor: tensor[:, number]


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)


@given(size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)))
def test_the_patches_cover_the_image_and_the_last_is_flush_with_its_edge(size: tuple[int, int]) -> None:
    for axis in (0, 1):
        starts = sorted({corner[axis] for corner in corners(size)})
        assert starts[0] == 0
        assert starts[-1] == max(size[axis] - SIDE, 0)
        assert all(b - a <= SIDE - OVERLAP for a, b in pairwise(starts))


def test_what_the_network_says_replaces_the_base_mask() -> None:
    pixels = noise(700, 900, 3)
    np.testing.assert_array_equal(result_of(channel(BLUE), Image.fromarray(pixels)), pixels[..., 2])


def test_the_fourth_channel_is_the_base_mask() -> None:
    base = Image.fromarray(noise(600, 530))
    np.testing.assert_array_equal(result_of(channel(BASE), Image.new("RGB", base.size), base), np.asarray(base))


@pytest.mark.parametrize(("side", "level"), [(60, 204), (51, 0)])  # 1.4 and 0.99 % of the first patch
def test_outside_of_patches_with_a_hundredth_of_something_the_mask_is_0(side: int, level: int) -> None:
    base = Image.new("L", (1400, 512), 0)
    base.paste(255, (0, 0, side, side))  # nothing of the other patches
    result = result_of(constant(0.8), Image.new("RGB", base.size), base)
    assert (result[:, :SIDE] == level).all()
    assert not result[:, SIDE:].any()


def test_patches_blend_smoothly() -> None:
    row = result_of(constant(0.2, 0.8), Image.new("RGB", (960, 512)))[256].astype(int)
    assert (row[: SIDE - OVERLAP] == 51).all()
    assert (row[SIDE:] == 204).all()
    assert np.abs(np.diff(row)).max() < 12


@pytest.mark.parametrize("size", [(1, 1), (100, 40), (511, 513), (512, 512), (600, 30)])
def test_an_image_may_be_smaller_than_a_patch(size: tuple[int, int]) -> None:
    result = result_of(channel(BLUE), Image.new("RGB", size, (0, 0, 200)), batch=4)
    assert (result.shape, result.min(), result.max()) == (size[::-1], 200, 200)


def test_batches_change_nothing() -> None:
    rgb = Image.fromarray(noise(700, 1500, 3))
    sizes: list[int] = []

    def network(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        sizes.append(len(tensor))
        return tensor[:, BLUE]

    one, several = (result_of(network, rgb, batch=batch) for batch in (1, 3))
    np.testing.assert_array_equal(one, several)
    assert sizes == [1] * 8 + [3, 3, 2]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.2, 0.7, (0, 255)), (0.2, 0.4, (51, 102)), (0.985, 1.0, (251, 255)), (0.6, 0.6, (153, 153))],
    ids=["skin", "none", "all skin", "constant"],
)
def test_a_patch_is_stretched_only_where_that_makes_sense(low: float, high: float, expected: tuple[int, int]) -> None:
    def network(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        values = np.full((len(tensor), SIDE, SIDE), low, np.float32)
        values[:, 100:200] = high
        return values

    result = result_of(network, Image.new("RGB", (SIDE, SIDE)), stretch="auto")
    assert (result.min(), result.max()) == expected


@pytest.mark.usefixtures("furnished")
def test_a_refined_session_refines_through_rembg_over_the_one_copy_of_its_base_network() -> None:
    session = new_session("u2netp_skin_refined")
    assert session.inner_session is new_session("u2netp_skin").inner_session
    image = Image.new("RGB", (700, 600), (255, 0, 0))  # the base network gives red, that of the patches blue
    image.paste((255, 0, 255), (0, 0, 350, 600))
    mask = remove(image, session=session, only_mask=True)
    assert mask.size == image.size
    assert (mask.getpixel((100, 300)), mask.getpixel((600, 300))) == (255, 0)
    assert np.unique(np.asarray(remove(image, session=session, only_mask=True, threshold=99))).tolist() == [0, 255]


def test_a_patch_network_without_the_fourth_channel_is_refused(home: Path) -> None:
    place(home, "u2netp_skin", red_network(512))
    place(home, "refiner", red_network(512, inputs=3))
    with pytest.raises(ModelError, match=r"refiner: .*\[1, 3, 512, 512\].*\[1, 4, 512, 512\]"):
        new_session("u2netp_skin_refined")
