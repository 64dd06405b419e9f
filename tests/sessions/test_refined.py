"""The refined sessions: patches of 512 pixels over the base mask, blended, on networks with known answers."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session, remove

from rembg_skin.errors import ModelError
from rembg_skin.image.patches import OVERLAP, SIDE, corners, refined
from tests.support.networks import place, red_network

pytestmark = pytest.mark.filterwarnings("ignore:.*unchecked", "ignore:.*MODEL_CHECKSUM_DISABLED")

BLUE, BASE = 2, 3  # input channels
Float = NDArray[np.float32]


def constant(value: float) -> Any:
    return lambda tensor: np.full((len(tensor), SIDE, SIDE), value, np.float32)


def channel(number: int) -> Any:
    return lambda tensor: tensor[:, number]


@given(size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)))
def test_the_patches_cover_the_image_and_the_last_is_flush_with_its_edge(size: tuple[int, int]) -> None:
    for axis in (0, 1):
        starts = sorted({corner[axis] for corner in corners(size)})
        assert starts[0] == 0
        assert starts[-1] == max(size[axis] - SIDE, 0)
        assert all(b - a <= SIDE - OVERLAP for a, b in pairwise(starts))


def test_what_the_network_says_replaces_the_base_mask() -> None:
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8))
    result = refined(rgb, Image.new("L", rgb.size, 255), channel(BLUE), batch=1, stretch="never")
    np.testing.assert_array_equal(np.asarray(result), np.asarray(rgb)[..., 2])


def test_the_fourth_channel_is_the_base_mask() -> None:
    base = Image.fromarray(np.random.default_rng(0).integers(1, 256, (600, 530), dtype=np.uint8))
    result = refined(Image.new("RGB", base.size), base, channel(BASE), batch=1, stretch="never")
    np.testing.assert_array_equal(np.asarray(result), np.asarray(base))


def test_outside_of_patches_with_something_the_mask_is_0() -> None:
    base = Image.new("L", (1400, 512), 0)
    base.paste(255, (0, 0, 60, 60))  # 1.4 % of the first patch, nothing of the others
    result = np.asarray(refined(Image.new("RGB", base.size), base, constant(0.8), batch=1, stretch="never"))
    assert (result[:, :SIDE] == 204).all()
    assert not result[:, SIDE:].any()


def test_a_patch_with_less_than_a_hundredth_does_not_count() -> None:
    base = Image.new("L", (512, 512), 0)
    base.paste(255, (0, 0, 51, 51))
    assert refined(Image.new("RGB", base.size), base, constant(0.8), batch=1, stretch="never").getextrema() == (0, 0)


def test_patches_blend_smoothly() -> None:
    values = iter([0.2, 0.8])
    result = np.asarray(
        refined(
            Image.new("RGB", (960, 512)),
            Image.new("L", (960, 512), 255),
            lambda tensor: np.full((len(tensor), SIDE, SIDE), next(values), np.float32),
            batch=1,
            stretch="never",
        )
    )[256].astype(int)
    assert (result[: SIDE - OVERLAP] == 51).all()
    assert (result[SIDE:] == 204).all()
    assert np.abs(np.diff(result)).max() < 12


@pytest.mark.parametrize("size", [(1, 1), (100, 40), (511, 513), (512, 512), (600, 30)])
def test_an_image_may_be_smaller_than_a_patch(size: tuple[int, int]) -> None:
    rgb = Image.new("RGB", size, (0, 0, 200))
    result = refined(rgb, Image.new("L", size, 255), channel(BLUE), batch=4, stretch="never")
    assert (result.size, result.getextrema()) == (size, (200, 200))


def test_batches_change_nothing() -> None:
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 1500, 3), dtype=np.uint8))
    base = Image.new("L", rgb.size, 255)
    sizes: list[int] = []

    def network(tensor: Float) -> Float:
        sizes.append(len(tensor))
        return tensor[:, BLUE]

    one = refined(rgb, base, network, batch=1, stretch="never")
    several = refined(rgb, base, network, batch=3, stretch="never")
    np.testing.assert_array_equal(np.asarray(one), np.asarray(several))
    assert sizes == [1] * 8 + [3, 3, 2]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.2, 0.7, (0, 255)), (0.2, 0.4, (51, 102)), (0.985, 1.0, (251, 255)), (0.6, 0.6, (153, 153))],
    ids=["skin", "none", "all skin", "constant"],
)
def test_a_patch_is_stretched_only_where_that_makes_sense(low: float, high: float, expected: tuple[int, int]) -> None:
    def network(tensor: Float) -> Float:
        values = np.full((len(tensor), SIDE, SIDE), low, np.float32)
        values[:, 100:200] = high
        return values

    image = Image.new("RGB", (SIDE, SIDE))
    assert refined(image, Image.new("L", image.size, 255), network, batch=1, stretch="auto").getextrema() == expected


@pytest.fixture
def refiner(home: Path) -> Path:
    """Place a base network that gives red and a patch network that gives blue."""
    place(home, "u2netp_skin", red_network(512))
    place(home, "refiner", red_network(512, inputs=4, source=BLUE, batch="batch"))
    return home


@pytest.mark.usefixtures("refiner")
def test_a_refined_session_refines_through_rembg() -> None:
    session = new_session("u2netp_skin_refined")
    image = Image.new("RGB", (700, 600), (255, 0, 0))
    image.paste((255, 0, 255), (0, 0, 350, 600))
    mask = remove(image, session=session, only_mask=True)
    assert mask.size == image.size
    assert (mask.getpixel((100, 300)), mask.getpixel((600, 300))) == (255, 0)
    assert np.unique(np.asarray(remove(image, session=session, only_mask=True, threshold=99))).tolist() == [0, 255]


@pytest.mark.usefixtures("refiner")
@pytest.mark.parametrize("size", [(1, 1), (30, 700), (513, 20)])
def test_a_refined_session_takes_any_size(size: tuple[int, int]) -> None:
    (mask,) = new_session("u2netp_skin_refined").predict(Image.new("RGBA", size, (255, 0, 255, 255)))
    assert (mask.size, mask.getextrema()) == (size, (255, 255))


def test_the_base_network_is_one_copy_with_the_plain_session(refiner: Path) -> None:
    plain, better = new_session("u2netp_skin"), new_session("u2netp_skin_refined")
    assert plain.inner_session is better.inner_session
    assert better.download_models() == str(refiner / "models/u2netp_skin/u2netp_skin.onnx")


def test_a_patch_network_without_the_fourth_channel_is_refused(refiner: Path) -> None:
    place(refiner, "refiner", red_network(512, inputs=3))
    with pytest.raises(ModelError, match=r"refiner: .*\[1, 3, 512, 512\].*\[1, 4, 512, 512\]"):
        new_session("u2netp_skin_refined")
