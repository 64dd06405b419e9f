"""The measures, against numbers worked out by hand, their own symmetries, and what PySODMetrics counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from rembg_skin.measure.hce import human_correction_effort
from rembg_skin.measure.metrics import Confusion, iou, mae
from tests.support.hce_shapes import CASES, box

Mask = NDArray[np.uint8]


def pairs(most: int) -> st.SearchStrategy[tuple[Mask, Mask]]:
    """Return a strategy for any two masks of one shape, each side of which has at most `most` pixels."""
    return arrays(np.uint8, st.tuples(st.just(2), st.integers(1, most), st.integers(1, most))).map(tuple)


def mask(*levels: int) -> Mask:
    return np.array([levels], dtype=np.uint8)


def test_iou_counts_gray_levels_by_their_bits() -> None:
    # 200 = 11001000 and 100 = 01100100: and 01000000 = 64, or 11101100 = 236.
    assert iou(mask(200, 0), mask(100, 0)) == pytest.approx(64 / 236)
    assert iou(mask(255, 255, 0, 0), mask(255, 0, 255, 0)) == pytest.approx(1 / 3)
    assert iou(mask(255, 0), mask(128, 0)) == pytest.approx(128 / 255)


def test_iou_of_a_large_image_does_not_overflow() -> None:
    white = np.full((5000, 4000), 255, dtype=np.uint8)  # the sum of its levels needs 33 bits
    half = white.copy()
    half[:2500] = 0
    assert iou(half, white) == 0.5


def test_mae_is_in_gray_levels_and_does_not_wrap() -> None:
    assert mae(mask(0, 255), mask(255, 250)) == 130.0


def test_a_level_of_127_is_not_skin_and_128_is() -> None:
    assert Confusion.of(mask(127, 128), mask(128, 128)) == Confusion(1, 0, 1)


def test_ratios_of_a_mask_worked_out_by_hand() -> None:
    pixels = Confusion.of(mask(255, 255, 255, 0, 0), mask(255, 255, 0, 255, 0))
    assert pixels == Confusion(true_positive=2, false_positive=1, false_negative=1)
    assert pixels.iou == 0.5
    assert [pixels.precision, pixels.recall, pixels.f1] == pytest.approx([2 / 3] * 3)


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        pytest.param(mask(0, 0), mask(0, 0), 1.0, id="both empty: they agree"),
        pytest.param(mask(255, 0), mask(0, 0), 0.0, id="skin found where there is none"),
        pytest.param(mask(0, 0), mask(0, 255), 0.0, id="nothing found"),
        pytest.param(mask(255, 0), mask(0, 255), 0.0, id="nothing in common"),
    ],
)
def test_empty_masks_are_right_or_wrong_and_never_undefined(prediction: Mask, truth: Mask, expected: float) -> None:
    pixels = Confusion.of(prediction, truth)
    assert [iou(prediction, truth), pixels.iou, pixels.f1, pixels.precision, pixels.recall] == [expected] * 5


@given(pairs(8))
def test_measures_keep_their_ranges_and_ties(pair: tuple[Mask, Mask]) -> None:
    one, other, gray = Confusion.of(*pair), Confusion.of(*pair[::-1]), iou(*pair)
    assert all(0.0 <= ratio <= 1.0 for ratio in (gray, one.iou, one.f1, one.precision, one.recall))
    assert 0.0 <= mae(*pair) <= 255.0
    # Masks that are swapped swap precision and recall, and nothing else.
    assert (one.precision, one.recall, one.iou, one.f1) == (other.recall, other.precision, other.iou, other.f1)
    assert (gray, mae(*pair)) == (iou(*pair[::-1]), mae(*pair[::-1]))
    # As Dice and Jaccard.
    assert one.f1 == pytest.approx(2 * one.iou / (1 + one.iou))
    same = pair[0]
    assert (iou(same, same), Confusion.of(same, same).iou, mae(same, same)) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("name", CASES)
def test_counts_of_simple_shapes_are_those_of_pysodmetrics(name: str) -> None:
    counted, *masks = CASES[name]
    # Corners of a polygon depend on where a boundary is first cut: one click either way is no disagreement.
    assert abs(human_correction_effort(*masks) - counted) <= (1 if "disk" in name else 0)


def test_each_island_and_each_hole_takes_one_click() -> None:
    _, prediction, truth = CASES["island"]
    prediction = (prediction | box(50, 62, 2, 14)) & ~box(26, 38, 26, 38)
    assert human_correction_effort(prediction, truth) == 3


def test_errors_as_thin_as_the_relaxation_are_forgiven() -> None:
    truth = box(20, 44, 20, 44)
    assert [human_correction_effort(box(20, 44, 20, right), truth) for right in (49, 50)] == [0, 2]


@given(pairs(24))
def test_any_two_masks_take_a_whole_number_of_clicks_and_equal_ones_none(pair: tuple[Mask, Mask]) -> None:
    assert human_correction_effort(*pair) >= 0
    assert human_correction_effort(pair[0], pair[0]) == 0


def test_an_empty_frame_around_the_subject_changes_nothing() -> None:
    for _, *masks in CASES.values():
        if not np.any([mask[0] for mask in masks]):
            wide = [np.pad(mask, 40) for mask in masks]
            assert human_correction_effort(*wide) == human_correction_effort(*masks)


def test_a_picture_of_one_pixel() -> None:
    skin, none = np.full((1, 1), 255, np.uint8), np.zeros((1, 1), np.uint8)
    assert human_correction_effort(skin, none) == 1
    assert human_correction_effort(none, skin) == 1
