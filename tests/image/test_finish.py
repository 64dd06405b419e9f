"""The steps after the mask: levels, grow, feather, invert, overlays; and the erosions and dilations of all steps."""

from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from scipy.ndimage import maximum_filter, minimum_filter

from rembg_skin.image.finish import Finish, grown, levelled
from rembg_skin.image.morphology import Shape, dilated, disk, eroded, square
from rembg_skin.image.overlay import FALSE, MISSED, SKIN, error_overlay, overlay

SIZES, SEEDS = st.tuples(st.integers(1, 40), st.integers(1, 40)), st.integers(0, 99)
SETTINGS = st.builds(
    Finish,
    threshold=st.none() | st.integers(0, 255),
    low=st.integers(0, 120),
    high=st.integers(121, 255),
    grow=st.integers(-40, 40),
    feather=st.floats(0, 40),
    invert=st.booleans(),
)
RAMP = Image.fromarray(np.arange(256, dtype=np.uint8)[None])


def random_mask(size: tuple[int, int], seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, size[::-1], dtype=np.uint8))


PLANES = {
    "levels": np.asarray(random_mask((40, 25))),
    "fractions": np.random.default_rng(1).random((25, 40), np.float32),
    "selection": np.random.default_rng(1).random((25, 40)) < 0.97,
    "smaller than the shape": np.ones((1, 3), np.uint8),
}


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("shape", [disk(0), disk(1), disk(2), disk(7), square(1), square(3), square(30)])
def test_erosions_and_dilations_are_scipys_with_the_border_repeated(plane: str, shape: Shape) -> None:
    radius = shape[-1][0]
    around = np.array([[abs(column) <= half for column in range(-radius, radius + 1)] for _, half in shape])
    values = PLANES[plane]
    assert np.array_equal(dilated(values, shape), maximum_filter(values, footprint=around, mode="nearest"))
    assert np.array_equal(eroded(values, shape), minimum_filter(values, footprint=around, mode="nearest"))


def assert_grown_as_by_opencv(mask: Image.Image, radius: int, threads: int = 2) -> None:
    across = np.arange(-abs(radius), abs(radius) + 1)
    disk_of_ones = (across**2 + across[:, None] ** 2 <= radius**2).astype(np.uint8)
    expected = (cv2.dilate if radius > 0 else cv2.erode)(np.asarray(mask), disk_of_ones)
    assert np.array_equal(np.asarray(grown(mask, radius, threads=threads)), expected)


def test_the_defaults_change_nothing_and_take_no_copy() -> None:
    mask = random_mask((40, 30))
    assert Finish().apply(mask, None) is mask


def test_levels_are_cut_below_and_above_and_stretched_between() -> None:
    levels = np.asarray(levelled(RAMP, 20, 220))[0]
    assert not levels[:21].any()
    assert (levels[220:] == 255).all()
    assert levels[120] == 128
    assert (np.diff(levels.astype(int)) >= 0).all()


@pytest.mark.parametrize("threshold", [0, 1, 127, 254, 255])
def test_a_threshold_makes_a_binary_mask(threshold: int) -> None:
    levels = np.asarray(Finish(threshold=threshold).apply(RAMP.copy(), None))[0]
    assert np.array_equal(levels, 255 * (np.arange(256) > threshold))


@pytest.mark.parametrize(("radius", "threads"), list(product([1, 2, 5, 33], [1, 2])))
def test_soft_masks_of_several_tiles_grow_and_shrink_as_opencv_does_it(radius: int, threads: int) -> None:
    mask = random_mask((60, 40)).resize((1400, 900), Image.Resampling.BICUBIC)
    for signed in (radius, -radius):
        assert_grown_as_by_opencv(mask, signed, threads)


@settings(deadline=None)
@given(size=SIZES, radius=st.integers(-45, 45), seed=SEEDS)
def test_small_masks_grow_and_shrink_as_opencv_does_it(size: tuple[int, int], radius: int, seed: int) -> None:
    assert_grown_as_by_opencv(random_mask(size, seed), radius)


def test_the_steps_come_in_their_order() -> None:
    mask = Image.new("L", (60, 60), 90)
    mask.paste(200, (20, 20, 40, 40))
    binary = mask.point(lambda level: 255 * (level > 100))
    step_by_step = grown(levelled(binary, 10, 240), 4).filter(ImageFilter.GaussianBlur(2))
    finish = Finish(threshold=100, low=10, high=240, grow=4, feather=2)
    assert finish.apply(mask, None).tobytes() == step_by_step.tobytes()


def test_what_is_transparent_is_not_skin_whatever_grows_or_blurs_into_it() -> None:
    alpha = Image.new("L", (40, 40), 200)
    alpha.paste(0, (20, 0, 40, 40))
    for finish in (Finish(), Finish(grow=9), Finish(feather=5), Finish(grow=-2, feather=1, threshold=10)):
        levels = np.asarray(finish.apply(Image.new("L", (40, 40), 255), alpha))
        assert (levels[:, 20:] == 0).all()
        assert levels[20, 5] == 255
    hidden_skin_does_not_spread = Finish(grow=10).apply(Image.new("L", (40, 40), 255), Image.new("L", (40, 40)))
    assert hidden_skin_does_not_spread.getextrema() == (0, 0)


@settings(deadline=None)
@given(size=SIZES, finish=SETTINGS, seed=SEEDS, transparent=st.booleans())
def test_every_setting_gives_a_mask_of_the_images_size_and_its_inverse_is_the_exact_complement(
    size: tuple[int, int], finish: Finish, seed: int, transparent: bool
) -> None:
    alpha = random_mask(size, seed + 1).point(lambda level: level // 100) if transparent else None
    plain, inverse = (replace(finish, invert=invert).apply(random_mask(size, seed), alpha) for invert in (False, True))
    assert (plain.mode, plain.size) == ("L", size)
    assert np.array_equal(255 - np.asarray(plain), np.asarray(inverse))
    if alpha is not None:
        assert not np.asarray(plain)[np.asarray(alpha) == 0].any()


def tint(level: int, color: tuple[int, int, int], share: float = 0.55) -> list[int]:
    return [round(level + share * (part - level)) for part in color]


@pytest.mark.parametrize("height", [1, 1000])
def test_a_mask_is_laid_over_as_strongly_as_its_level(height: int) -> None:
    mask = np.zeros((height, 3), np.uint8)
    mask[-1] = (0, 255, 51)
    photo = Image.new("RGB", (3, height), (200, 30, 90))
    level = int(np.asarray(photo.convert("L"))[0, 0])
    pixels = np.asarray(overlay(photo, mask))
    assert (pixels[:-1] == level).all()
    assert pixels[-1].tolist() == [[level] * 3, tint(level, SKIN), tint(level, SKIN, 0.2 * 0.55)]


def test_errors_are_told_apart_by_color() -> None:
    predicted, true = np.array([[255, 255, 0, 0]], dtype=np.uint8), np.array([[255, 0, 255, 0]], dtype=np.uint8)
    pixels = np.asarray(error_overlay(Image.new("RGB", (4, 1), (60, 60, 60)), predicted, true))[0].tolist()
    assert pixels == [tint(60, SKIN), tint(60, FALSE), tint(60, MISSED), [60, 60, 60]]
