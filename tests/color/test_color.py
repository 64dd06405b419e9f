"""The color steps give what OpenCV's own operators give."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.color.cleanup import clean
from rembg_skin.color.lab import lab
from rembg_skin.color.planes import Planes
from rembg_skin.color.rules import ChromaBox, ChromaEllipse, HsvRange
from rembg_skin.image.tiles import Box, tiles
from tests.support import reference

Pixels = NDArray[np.uint8]
BYTE = st.integers(0, 255)


def planes(rgb: Pixels) -> Planes:
    return Planes(Image.fromarray(rgb))


def disagreement(mask: NDArray[np.bool_], oracle: Pixels) -> float:
    return float((mask != (oracle > 0)).mean())


@pytest.fixture(scope="module")
def sample() -> Pixels:
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (128, 512, 3), dtype=np.uint8)
    pixels[:8] = pixels[:8, :, :1]  # grays
    pixels[8:16] = np.minimum(pixels[8:16], 30)  # near black
    return pixels


@given(bounds=st.tuples(BYTE, BYTE, BYTE, BYTE))
def test_a_chroma_box_is_opencvs_in_range(sample: Pixels, bounds: tuple[int, int, int, int]) -> None:
    cb, cr = sorted(bounds[:2]), sorted(bounds[2:])
    mask = ChromaBox(cb[0], cb[1], cr[0], cr[1])(planes(sample))
    # Pillow's and OpenCV's luma round differently in one of some hundred pixels.
    assert disagreement(mask, reference.ycbcr_raw(sample, (cb[0], cb[1]), (cr[0], cr[1]))) < 1e-3


@given(hue=st.tuples(st.integers(0, 179), st.integers(0, 179)), rest=st.tuples(BYTE, BYTE, BYTE, BYTE))
def test_an_hsv_range_is_opencvs_in_range(
    sample: Pixels, hue: tuple[int, int], rest: tuple[int, int, int, int]
) -> None:
    h, s, v = sorted(hue), sorted(rest[:2]), sorted(rest[2:])
    mask = HsvRange(h[0], h[1], s[0], s[1], v[0], v[1])(planes(sample))
    assert disagreement(mask, reference.hsv_raw(sample, (h[0], s[0], v[0]), (h[1], s[1], v[1]))) < 1e-3


def test_a_saturation_half_way_between_two_levels_is_rounded_up() -> None:
    tie = np.full((2, 2, 3), (50, 8, 5), dtype=np.uint8)  # S = 229.5
    assert not HsvRange(0, 179, 0, 229, 0, 255)(planes(tie)).any()
    assert HsvRange(0, 179, 230, 255, 0, 255)(planes(tie)).all()


def test_a_hue_range_may_go_through_zero(sample: Pixels) -> None:
    mask = HsvRange(170, 10)(planes(sample))
    oracle = reference.hsv_raw(sample, (170, 48, 80), (179, 255, 255))
    oracle |= reference.hsv_raw(sample, (0, 48, 80), (10, 255, 255))
    assert oracle.any()
    assert disagreement(mask, oracle) < 1e-3


@given(
    center=st.tuples(st.floats(60, 200), st.floats(60, 200)),
    axes=st.tuples(st.floats(5, 80), st.floats(5, 80)),
    degrees=st.floats(-360, 360),
)
def test_an_ellipse_is_the_formula_on_opencvs_planes(
    sample: Pixels, center: tuple[float, float], axes: tuple[float, float], degrees: float
) -> None:
    mask = ChromaEllipse(*center, *axes, degrees)(planes(sample))
    assert disagreement(mask, reference.ellipse_raw(sample, center, axes, degrees)) < 1e-3


@pytest.mark.parametrize("morph", [1, 3, 5, 7, 15, 31])
@pytest.mark.parametrize("blur", [1, 3, 5, 7, 9, 15, 31])
def test_the_clean_up_is_opencvs(morph: int, blur: int) -> None:
    noise = np.random.default_rng(morph).integers(0, 256, (140, 230), dtype=np.uint8)
    raw = cv2.GaussianBlur(noise, (0, 0), 1 + morph) > 127
    assert np.array_equal(clean(raw, morph, blur), reference.clean(raw.astype(np.uint8) * 255, morph, blur))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (5, 5)])
@pytest.mark.parametrize("blur", [3, 9])
def test_the_clean_up_takes_images_smaller_than_its_kernels(shape: tuple[int, int], blur: int) -> None:
    raw = np.ones(shape, dtype=np.bool_)
    assert (clean(raw, 5, blur) == 255).all()


def test_lab_is_opencvs_within_one_level(color_cube: Pixels) -> None:
    ours = np.stack(lab(planes(color_cube)), axis=-1).astype(int)
    difference = np.abs(ours - cv2.cvtColor(color_cube, cv2.COLOR_RGB2LAB))
    assert difference.max() <= 1
    assert difference.mean() < 1e-3


@given(width=st.integers(0, 3000), height=st.integers(0, 900), halo=st.integers(0, 120))
def test_tiles_cover_every_pixel_once_and_see_their_surroundings(width: int, height: int, halo: int) -> None:
    covered = np.zeros((height, width), dtype=np.uint8)
    whole = Box(0, 0, width, height)
    for tile, surrounding in tiles((width, height), halo):
        covered[tile.slices()] += 1
        assert surrounding == tile.grown(halo, whole)
    assert (covered == 1).all()
