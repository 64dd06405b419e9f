"""The human correction effort, against counts made by hand and by PySODMetrics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from rembg_skin.measure.hce import human_correction_effort
from tests.support.hce_shapes import COUNTED, shapes

Mask = NDArray[np.uint8]
SHAPES = shapes()


@pytest.mark.parametrize("name", SHAPES)
def test_counts_of_simple_shapes_are_those_of_pysodmetrics(name: str) -> None:
    # Corners of a polygon depend on where a boundary is first cut: one click either way is no disagreement.
    tolerance = 1 if "disk" in name else 0
    assert abs(human_correction_effort(*SHAPES[name]) - COUNTED[name]) <= tolerance


def test_a_false_bar_takes_two_clicks_along_the_side_it_shares_with_the_truth() -> None:
    assert human_correction_effort(*SHAPES["bar_too_many"]) == 2


def test_each_island_and_each_hole_takes_one_click() -> None:
    prediction, truth = (mask.copy() for mask in SHAPES["island"])
    prediction[50:62, 2:14] = 255
    prediction[26:38, 26:38] = 0
    assert human_correction_effort(prediction, truth) == 3


def test_errors_thinner_than_twice_the_relaxation_are_forgiven() -> None:
    truth = np.zeros((64, 64), np.uint8)
    truth[20:44, 20:44] = 255
    prediction = truth.copy()
    prediction[20:44, 44:48] = 255
    assert human_correction_effort(prediction, truth) == 0
    assert human_correction_effort(prediction, truth, relax=0) == 2


def test_a_thin_part_of_the_truth_is_not_forgiven_where_its_skeleton_breaks() -> None:
    assert human_correction_effort(*SHAPES["line_missing"]) == 2


def test_a_coarser_polygon_takes_no_more_clicks() -> None:
    prediction, truth = SHAPES["disk_too_large"]
    clicks = [human_correction_effort(prediction, truth, epsilon=epsilon) for epsilon in (0.5, 1.0, 2.0, 4.0)]
    assert clicks == sorted(clicks, reverse=True)
    assert clicks[0] > clicks[-1]


@given(
    st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(
        lambda shape: st.tuples(arrays(np.uint8, shape), arrays(np.uint8, shape))
    )
)
def test_any_two_masks_take_a_whole_number_of_clicks_and_equal_ones_none(pair: tuple[Mask, Mask]) -> None:
    assert human_correction_effort(*pair) >= 0
    assert human_correction_effort(pair[0], pair[0]) == 0


def test_an_empty_frame_around_the_subject_changes_nothing() -> None:
    for prediction, truth in SHAPES.values():
        if not truth[0].any() and not prediction[0].any():
            wide = [np.pad(mask, 40) for mask in (prediction, truth)]
            assert human_correction_effort(*wide) == human_correction_effort(prediction, truth)


def test_a_picture_of_one_pixel() -> None:
    skin, none = np.full((1, 1), 255, np.uint8), np.zeros((1, 1), np.uint8)
    assert human_correction_effort(skin, none) == 1
    assert human_correction_effort(none, skin) == 1
