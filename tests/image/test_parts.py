"""Eyes, brows and mouth from a face's landmarks, and masks without them."""

from math import cos, inf, nan, pi, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rembg_skin.image.arrays import Mask
from rembg_skin.image.parts import Ellipse, Point, cores, features, without

# Both eyes, the nose and the mouth's corners of a frontal face.
FACE = [(100.0, 100.0), (200.0, 100.0), (150.0, 160.0), (110.0, 208.0), (190.0, 208.0)]
COORDINATE = st.floats(-1e6, 1e6) | st.sampled_from([0.0, inf, -inf, nan])
POINTS = st.tuples(COORDINATE, COORDINATE)


def white(width: int = 300, height: int = 300) -> Image.Image:
    return Image.new("L", (width, height), 255)


def levels(points: list[Point], size: tuple[int, int] = (300, 300)) -> Mask:
    return np.asarray(without(white(*size), features(points)))


def test_eyes_brows_and_mouth_are_out_and_nose_cheeks_and_forehead_are_in() -> None:
    given_mask = white()
    mask = np.asarray(without(given_mask, features(FACE)))
    assert given_mask.getextrema() == (255, 255)  # it is not changed
    for x, y in [FACE[0], FACE[1], (95, 75), (205, 75), (150, 212)]:
        assert mask[round(y), round(x)] == 0, (x, y)
    for x, y in [FACE[2], (100, 150), (200, 150), (150, 100), (150, 60), (150, 245), (40, 100)]:
        assert mask[round(y), round(x)] == 255, (x, y)
    assert 0.02 < (mask == 0).mean() < 0.12


@pytest.mark.parametrize("turn", [0.3, 1.2, pi, -2.0])
def test_a_turned_face_has_them_turned(turn: float) -> None:
    def turned(x: float, y: float) -> tuple[float, float]:
        x, y = x - 150, y - 150
        return 150 + x * cos(turn) - y * sin(turn), 150 + x * sin(turn) + y * cos(turn)

    straight = without(white(), features(FACE)).rotate(np.degrees(-turn), Image.Resampling.BILINEAR, fillcolor=255)
    difference = np.asarray(straight).astype(int) - levels([turned(*point) for point in FACE])
    assert (np.abs(difference) > 128).mean() < 0.002


def test_a_larger_face_has_larger_ones() -> None:
    large = levels([(3 * x, 3 * y) for x, y in FACE], (900, 900))
    assert abs((large < 128).mean() - (levels(FACE) < 128).mean()) < 0.002


def test_a_face_in_profile_or_without_extent_has_none() -> None:
    assert features([(100, 100), (120, 100), (90, 160), (95, 208), (105, 208)]) == []
    assert features([(5.0, 5.0)] * 5) == []
    assert features([]) == []


@given(size=st.tuples(st.integers(1, 60), st.integers(1, 60)), points=st.lists(POINTS, min_size=5, max_size=5))
def test_whatever_a_detector_returns_the_mask_keeps_its_size(size: tuple[int, int], points: list[Point]) -> None:
    mask = without(white(*size), features(points))
    assert (mask.mode, mask.size) == ("L", size)


@given(values=st.tuples(*[COORDINATE] * 5))
def test_no_ellipse_raises_a_level(values: tuple[float, float, float, float, float]) -> None:
    mask = np.asarray(without(Image.new("L", (40, 30), 100), [Ellipse(*values)]))
    assert mask.max() <= 100


def test_cores_are_inside_eyes_and_mouth_and_leave_the_brows() -> None:
    mask, complete = np.asarray(without(white(), cores(FACE), 0.5)), levels(FACE)
    for x, y in [FACE[0], FACE[1], (150, 212)]:
        assert mask[round(y), round(x)] == 0
    for x, y in [(95, 75), (205, 75)]:
        assert mask[y, x] == 255
    assert (mask < 128).sum() < 0.6 * (complete < 128).sum()
    assert len(np.unique(mask)) > 50  # soft edges
