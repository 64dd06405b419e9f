"""The human correction effort, against counts made by hand and by PySODMetrics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from rembg_skin.measure.hce import human_correction_effort
from tests.support.hce_shapes import CASES, box

Mask = NDArray[np.uint8]


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


@given(
    st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(
        lambda shape: st.tuples(arrays(np.uint8, shape), arrays(np.uint8, shape))
    )
)
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
