"""Color statistics against OpenCV and numpy; what figures and contact sheets show, and where."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from rembg_skin.errors import DataError
from rembg_skin.measure import plots
from rembg_skin.measure.sheets import cell, grid
from rembg_skin.measure.stats import as_json, color_counts


def test_histograms_are_those_of_opencv_and_numpy() -> None:
    # Random colors and a mask of their upper left part; 300 rows are more than one block of rows.
    rgb = np.random.default_rng(1).integers(0, 256, (300, 90, 3), dtype=np.uint8)
    where = np.zeros((300, 90), np.bool_)
    where[:100, :45] = True
    result = as_json(1, color_counts(Image.fromarray(rgb), where * np.uint8(255)))
    assert (result["images"], result["pixels"]) == (1, {"skin": 4500, "not_skin": 22500})
    for channel, plane in zip("HSV", np.moveaxis(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), 2, 0), strict=True):
        for kind, selected in (("not_skin", ~where), ("skin", where)):
            expected, _ = np.histogram(plane[selected], bins=256, range=(0, 256))
            assert result["histograms"][channel][kind] == expected.tolist()


@pytest.mark.parametrize(("suffix", "first"), [(".png", b"\x89PNG"), (".PDF", b"%PDF"), (".svg", b"<?xml")])
def test_the_suffix_is_the_format_and_png_has_300_dots_an_inch(suffix: str, first: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"figure{suffix}"
    plots.save(plots.new_figure("stats", 1, 1), path)
    assert path.read_bytes().startswith(first)
    if suffix == ".png":
        with Image.open(path) as figure:
            assert figure.size == (300, 300)
            assert figure.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x.gif: a figure's name ends in .png, .pdf, .svg"):
        plots.check_format(tmp_path / "x.gif")


def test_histograms_show_percent_units_and_bounds_and_a_spike_does_not_flatten_the_rest() -> None:
    # A gray picture with a part in skin's colors: its hue 0 is a spike.
    rng = np.random.default_rng(5)
    pixels = np.full((60, 80, 3), 128, np.uint8) + rng.integers(0, 2, (60, 80, 1), dtype=np.uint8)
    pixels[:, :30] = np.array([200, 150, 120]) + rng.integers(-30, 30, (60, 30, 3))
    pixels[:10, 40:] = rng.integers(0, 256, (10, 40, 3))
    mask = np.zeros((60, 80), np.uint8)
    mask[:, :30] = 255
    counts = color_counts(Image.fromarray(pixels), mask)
    figure = plots.new_figure("stats", 10, 4)
    plots.histograms(figure, counts)
    hue, saturation, value = figure.axes
    assert hue.get_ylabel() == "share of the pixels of its kind, %"
    assert hue.get_xlabel() == "hue H, half degrees"
    shares = 100 * counts[0] / counts[0].sum(axis=1, keepdims=True)
    top = hue.get_ylim()[1]
    assert shares[0, 0] > 3 * top
    assert shares[1].max() < 3 * top
    for axes, bounds in ((hue, [0, 20]), (saturation, [48, 255]), (value, [80, 255])):
        assert [line.get_xdata()[0] for line in axes.lines] == bounds  # type: ignore[index]
    drawn = [patch.get_data().values for patch in hue.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(drawn, shares[:, :180])


def test_the_distribution_has_density_quartiles_dots_and_n_of_each_model() -> None:
    figure = plots.new_figure("eval --plot", 8, 3)
    many = np.random.default_rng(0).beta(5, 2, 60).tolist()
    plots.distribution(figure, {"one": many, "two": [1.0], "three": [0.5] * 9})
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"one\nn = 60, mean {np.mean(many):.3f}", "two\nn = 1, mean 1.000", "three\nn = 9, mean 0.500"]
    dots = [line for line in axes.lines if line.get_marker() == "."]
    assert sorted(len(line.get_xdata()) for line in dots) == [1, 9, 60]  # type: ignore[arg-type]
    assert len(axes.collections) == 1  # one value, and equal ones, have no density
    outline = np.asarray(axes.collections[0].get_paths()[0].vertices)
    peak = outline[np.argmax(outline[:, 1]), 0]
    assert abs(peak - np.median(many)) < 0.1


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
