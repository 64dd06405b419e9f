"""The 26 variants: what each does to colors, and what the lattices do to a mask."""

import colorsys
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from rembg_skin.dataset import variants
from rembg_skin.dataset.variants import VARIANTS

Pixels = NDArray[np.uint8]
IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)))


def in_hsv(image: Pixels, change: Callable[[float, float, float], tuple[float, float, float]]) -> NDArray[np.float64]:
    def one(pixel: Pixels) -> NDArray[np.float64]:
        return 255 * np.array(colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel / 255.0))))

    return np.apply_along_axis(one, 2, image)


def test_there_are_26_of_the_kinds_that_the_original_names() -> None:
    kinds = Counter(re.match("[a-z]+", name)[0] for name in VARIANTS)  # type: ignore[index]
    assert kinds == {"hue": 6, "saturation": 5, "contrast": 5, "sepia": 8, "lattice": 1, "bands": 1}


def test_hues_are_evenly_spaced_around_the_circle_and_none_is_the_identity() -> None:
    steps = np.diff([0.0, *variants.HUES, 360.0])
    np.testing.assert_allclose(steps, 360 / 7)


def test_no_two_files_can_get_the_same_name() -> None:
    stems = ["a", "a_", "a__hue051", "hue051", "_", "a__", "lattice"]
    made = [f"{stem}__{name}" for stem in stems for name in VARIANTS]
    assert len(set(made)) == len(made)


# sepia: 0.393 * 100 + 0.769 * 150 + 0.189 * 200 = 192.45; 0.349, 0.686, 0.168: 171.4; 0.272, 0.534, 0.131: 133.5;
# half of it: (100 + 192.45) / 2, (150 + 171.4) / 2, (200 + 133.5) / 2
@pytest.mark.parametrize(
    ("change", "strength", "color", "expected"),
    [
        (variants.rotate_hue, (60,), (200, 0, 0), (200, 200, 0)),
        (variants.scale_saturation, (0.0,), (200, 100, 50), (200, 200, 200)),
        (variants.change_contrast, (1.5, 5), (0, 100, 200), (5, 155, 255)),
        (variants.change_contrast, (0.7, 0), (0, 100, 200), (0, 70, 140)),
        (variants.apply_sepia, (1.0,), (100, 150, 200), (192, 171, 134)),
        (variants.apply_sepia, (0.5,), (100, 150, 200), (146, 161, 167)),
        (variants.apply_sepia, (1.0,), (255, 255, 255), (255, 255, 239)),
    ],
)
def test_colors_worked_out_by_hand(
    change: Callable[..., Pixels], strength: tuple[float, ...], color: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert change(np.array([[color]], np.uint8), *strength).tolist() == [[list(expected)]]


@given(IMAGES, st.floats(0, 360))
def test_a_hue_rotation_is_that_of_hsv_to_half_a_level(image: Pixels, degrees: float) -> None:
    expected = in_hsv(image, lambda h, s, v: ((h + degrees / 360) % 1, s, v))
    assert np.abs(variants.rotate_hue(image, degrees) - expected).max() <= 0.51


@given(IMAGES, st.sampled_from(variants.SATURATIONS))
def test_a_saturation_is_scaled_in_hsv_and_stops_at_full(image: Pixels, factor: float) -> None:
    expected = in_hsv(image, lambda h, s, v: (h, min(1.0, s * factor), v))
    assert np.abs(variants.scale_saturation(image, factor) - expected).max() <= 0.51


@given(IMAGES)
def test_no_variant_changes_its_input(image: Pixels) -> None:
    before, mask = image.copy(), np.full(image.shape[:2], 255, np.uint8)
    for variant in VARIANTS.values():
        variant(image, mask, np.random.default_rng(0))
    np.testing.assert_array_equal(image, before)
    assert mask.min() == 255


@pytest.mark.parametrize(("spacing", "share"), [(20, 0.19), (40, 0.0975)])
def test_a_lattice_is_as_dense_as_its_lines(spacing: int, share: float) -> None:
    # Two sets of lines 2 wide: 1 - (1 - 2 / spacing) ** 2 of the area.
    drawn = [variants.lattice((600, 500), spacing, np.random.default_rng(seed)).mean() for seed in range(8)]
    assert np.mean(drawn) == pytest.approx(share, rel=0.05)


@pytest.fixture
def subject() -> tuple[Pixels, Pixels]:
    """Return a random picture and the mask of a box in it that spans rows 40 to 159."""
    mask = np.zeros((200, 150), np.uint8)
    mask[40:160, 30:120] = 255
    return np.random.default_rng(5).integers(0, 256, (200, 150, 3), dtype=np.uint8), mask


@pytest.mark.parametrize("name", ["lattice", "bands"])
def test_a_lattice_hides_the_subject_alone_and_the_mask_follows(subject: tuple[Pixels, Pixels], name: str) -> None:
    image, mask = subject
    hidden_image, hidden_mask = VARIANTS[name](image, mask, np.random.default_rng(3))
    cut = (mask == 255) & (hidden_mask == 0)
    assert cut.any()
    assert len(np.unique(hidden_image[cut], axis=0)) == 1
    np.testing.assert_array_equal(hidden_image[~cut], image[~cut])
    np.testing.assert_array_equal(hidden_mask[~cut], mask[~cut])
    rows = np.flatnonzero(cut.any(axis=1))
    assert rows.max() > 150
    assert rows.min() >= 100 if name == "bands" else rows.min() < 50


def test_without_a_subject_the_lattice_covers_the_picture_and_the_mask_stays_empty(
    subject: tuple[Pixels, Pixels],
) -> None:
    image, empty = subject[0], np.zeros((200, 150), np.uint8)
    hidden_image, hidden_mask = VARIANTS["lattice"](image, empty, np.random.default_rng(3))
    assert (hidden_image != image).any()
    assert not hidden_mask.any()
