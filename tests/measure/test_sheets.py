"""Pictures of comparisons: what is drawn where."""

import numpy as np
from PIL import Image

from rembg_skin.measure.sheets import Cell, grid, shrunk


def gray(level: int, size: tuple[int, int] = (3, 1)) -> Image.Image:
    return Image.new("RGB", size, (level, level, level))


def test_large_pictures_shrink_within_the_side_and_small_ones_stay() -> None:
    assert shrunk(gray(0, (400, 100)), 200).size == (200, 50)
    assert shrunk(gray(0, (30, 20)), 200).size == (30, 20)


def test_a_grid_has_its_pictures_in_rows_and_columns_and_an_empty_cell_stays_white() -> None:
    red, blue = Image.new("RGB", (80, 40), "red"), Image.new("RGB", (60, 70), "blue")
    sheet = np.asarray(grid([[Cell(red, ["a"]), Cell(None)], [Cell(blue), Cell(red)]], ["left", "right"], 80))
    reds, blues = (np.argwhere((sheet == color).all(axis=2)) for color in ((255, 0, 0), (0, 0, 255)))
    assert len(reds) == 2 * 80 * 40
    assert len(blues) == 60 * 70
    left, right = reds[reds[:, 1] < 90], reds[reds[:, 1] >= 90]
    assert left[:, 0].max() < blues[:, 0].min() <= right[:, 0].min()


def test_texts_never_run_into_the_next_column() -> None:
    name = "a_file_name_that_is_far_too_long_for_its_column.png"
    sheet = np.asarray(grid([[Cell(None, [name, "several words that wrap"])]], [name], 100).convert("L"))
    ink = np.argwhere(sheet < 128)
    assert len(ink) > 100
    assert ink[:, 1].max() < 8 + 100
    assert ink[:, 0].max() < sheet.shape[0] - 1
