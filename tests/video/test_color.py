"""The table of colours: eroded skin, exact means."""

import io

import numpy as np
import pytest

from rembg_skin.video.color import Table, mean_color


def test_the_mean_is_that_of_the_selected_pixels() -> None:
    random = np.random.default_rng(2)
    rgb, selection = random.integers(0, 256, (30, 20, 3), dtype=np.uint8), random.random((30, 20)) < 0.3
    assert mean_color(rgb, selection) == pytest.approx(tuple(rgb[selection].mean(axis=0)))
    assert mean_color(rgb, np.zeros((30, 20), bool)) is None


def test_a_frame_without_skin_has_no_colour() -> None:
    file = io.StringIO()
    Table(file).add(0.5, np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 127, np.uint8))
    assert file.getvalue().splitlines() == ["time,skin,red,green,blue", "0.500000,0.000000,,,"]
