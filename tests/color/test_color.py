"""The color steps give what OpenCV's own operators give."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.color.cleanup import clean
from rembg_skin.color.method import Planes
from rembg_skin.color.rules import ChromaBox, ChromaEllipse, HsvRange
from rembg_skin.color.spaces import lab, rgb_to_hsv
from rembg_skin.image.tiles import Box
from tests.support import reference

Pixels = NDArray[np.uint8]
BYTES = st.tuples(st.integers(0, 255), st.integers(0, 255)).map(sorted)


def disagreement(rule: Callable[[Planes], NDArray[np.bool_]], rgb: Pixels, oracle: Pixels) -> float:
    image = Image.fromarray(rgb)
    return float((rule(Planes(image, Box(0, 0, *image.size))) != (oracle > 0)).mean())


@pytest.fixture(scope="module")
def sample() -> Pixels:
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (128, 512, 3), dtype=np.uint8)
    pixels[:8] = pixels[:8, :, :1]  # grays
    pixels[8:16] = np.minimum(pixels[8:16], 30)  # near black
    return pixels


@given(cb=BYTES, cr=BYTES)
def test_a_chroma_box_is_opencvs_in_range(sample: Pixels, cb: list[int], cr: list[int]) -> None:
    # Pillow's and OpenCV's luma round differently in one of some hundred pixels.
    oracle = reference.ycbcr_raw(sample, (cb[0], cb[1]), (cr[0], cr[1]))
    assert disagreement(ChromaBox(*cb, *cr), sample, oracle) < 1e-3


@given(h=st.tuples(st.integers(0, 179), st.integers(0, 179)), s=BYTES, v=BYTES)
def test_an_hsv_range_is_opencvs_in_range_also_through_zero(
    sample: Pixels, h: tuple[int, int], s: list[int], v: list[int]
) -> None:
    oracle = np.zeros(sample.shape[:2], np.uint8)
    for low, high in (h,) if h[0] <= h[1] else ((h[0], 179), (0, h[1])):
        oracle |= reference.hsv_raw(sample, (low, s[0], v[0]), (high, s[1], v[1]))
    assert disagreement(HsvRange(*h, *s, *v), sample, oracle) < 1e-3


def test_a_saturation_half_way_between_two_levels_is_rounded_up() -> None:
    tie = np.full((2, 2, 3), (50, 8, 5), dtype=np.uint8)  # S = 229.5
    for low, high, inside in ((0, 229, 0), (230, 255, 1)):
        assert disagreement(HsvRange(0, 179, low, high, 0, 255), tie, np.full((2, 2), inside, np.uint8)) == 0


@given(
    center=st.tuples(st.floats(60, 200), st.floats(60, 200)),
    axes=st.tuples(st.floats(5, 80), st.floats(5, 80)),
    degrees=st.floats(-360, 360),
)
def test_an_ellipse_is_the_formula_on_opencvs_planes(
    sample: Pixels, center: tuple[float, float], axes: tuple[float, float], degrees: float
) -> None:
    oracle = reference.ellipse_raw(sample, center, axes, degrees)
    assert disagreement(ChromaEllipse(*center, *axes, degrees), sample, oracle) < 1e-3


@pytest.mark.parametrize("morph", [1, 3, 5, 7, 15, 31])
@pytest.mark.parametrize("blur", [1, 3, 5, 7, 9, 15, 31])
def test_the_clean_up_is_opencvs(morph: int, blur: int) -> None:
    noise = np.random.default_rng(morph).integers(0, 256, (140, 230), dtype=np.uint8)
    raw = cv2.GaussianBlur(noise, (0, 0), 1 + morph) > 127
    assert np.array_equal(clean(raw, morph, blur), reference.clean(raw.astype(np.uint8) * 255, morph, blur))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (5, 5)])
@pytest.mark.parametrize("blur", [3, 9])
def test_the_clean_up_takes_images_smaller_than_its_kernels(shape: tuple[int, int], blur: int) -> None:
    assert (clean(np.ones(shape, dtype=np.bool_), 5, blur) == 255).all()


def test_lab_is_opencvs_within_one_level(color_cube: Pixels) -> None:
    ours = np.stack(lab(*np.moveaxis(color_cube, 2, 0)), axis=-1).astype(int)
    difference = np.abs(ours - cv2.cvtColor(color_cube, cv2.COLOR_RGB2LAB))
    assert difference.max() <= 1
    assert difference.mean() < 1e-3


def test_hsv_is_opencvs_for_every_green_and_blue() -> None:
    colors = np.moveaxis(np.mgrid[:256:5, :256, :256], 0, -1).astype(np.uint8).reshape(-1, 256, 3)
    np.testing.assert_array_equal(rgb_to_hsv(colors), cv2.cvtColor(colors, cv2.COLOR_RGB2HSV))
