"""Pictures of comparisons: what is drawn where."""

import numpy as np
from PIL import Image

from rembg_skin.measure.sheets import cell, grid


def test_large_pictures_shrink_within_the_side_and_small_ones_stay() -> None:
    assert cell(Image.new("L", (400, 100)), 200).size == (200, 50)
    assert cell(Image.new("L", (30, 20)), 200).size == (30, 20)


def test_a_grid_has_its_pictures_in_rows_and_columns_and_an_empty_place_stays_white() -> None:
    red, blue = cell(Image.new("RGB", (80, 40), "red"), 80, "a"), cell(Image.new("RGB", (60, 70), "blue"), 80)
    sheet = np.asarray(grid([[cell(None, 80, "left"), cell(None, 80, "right")], [red, None], [blue, red]], 80))
    reds, blues = (np.argwhere((sheet == color).all(axis=2)) for color in ((255, 0, 0), (0, 0, 255)))
    assert len(reds) == 2 * 80 * 40
    assert len(blues) == 60 * 70
    left, right = reds[reds[:, 1] < 90], reds[reds[:, 1] >= 90]
    assert left[:, 0].max() < blues[:, 0].min() <= right[:, 0].min()


def test_texts_never_run_into_the_next_column() -> None:
    name = "a_file_name_that_is_far_too_long_for_its_column.png"
    texts = cell(None, 100, name, "several words that wrap", " ")
    assert 80 < texts.width <= 100
    ink = np.argwhere(np.asarray(grid([[texts]], 100).convert("L")) < 128)
    assert len(ink) > 300
    assert ink[:, 1].max() < 8 + 100
    assert ink[:, 0].max() < 8 + texts.height
    assert cell(None, 3, name).height == 0  # no letter fits
