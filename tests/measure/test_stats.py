"""Color statistics: counts against OpenCV and numpy, and figures that are really drawn."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.errors import DataError
from rembg_skin.measure import plots
from rembg_skin.measure.stats import ColorStatistics


def picture(seed: int, height: int = 300, width: int = 90) -> tuple[Image.Image, NDArray[np.uint8]]:
    """Return random colors and a mask of their upper left part; 300 rows are more than one block of rows."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    mask[: height // 3, : width // 2] = 255
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)), mask


def test_histograms_are_those_of_opencv_and_numpy() -> None:
    statistics = ColorStatistics()
    pixels, skin = [], []
    for seed in (1, 2):
        image, mask = picture(seed)
        statistics.add(image, mask)
        pixels.append(np.asarray(image))
        skin.append(mask > 127)
    rgb, where = np.concatenate(pixels), np.concatenate(skin)
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    planes = {"H": hsv[..., 0], "S": hsv[..., 1], "V": hsv[..., 2]}
    assert statistics.as_json()["pixels"] == {"skin": int(where.sum()), "not_skin": int((~where).sum())}
    assert list(statistics.histograms) == list(planes)
    for name, plane in planes.items():
        for kind, selected in enumerate((~where, where)):
            expected, _ = np.histogram(plane[selected], bins=256, range=(0, 256))
            np.testing.assert_array_equal(statistics.histograms[name][kind], expected)


@pytest.fixture
def counted() -> ColorStatistics:
    """Return the statistics of a gray picture with a skin-colored part: its hue 0 is a spike."""
    rng = np.random.default_rng(5)
    pixels = np.full((60, 80, 3), 128, np.uint8) + rng.integers(0, 2, (60, 80, 1), dtype=np.uint8)
    pixels[:, :30] = np.array([200, 150, 120]) + rng.integers(-30, 30, (60, 30, 3))
    pixels[:10, 40:] = rng.integers(0, 256, (10, 40, 3))
    mask = np.zeros((60, 80), np.uint8)
    mask[:, :30] = 255
    statistics = ColorStatistics()
    statistics.add(Image.fromarray(pixels), mask)
    return statistics


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
        plots.save(plots.new_figure("stats", 1, 1), tmp_path / "x.gif")


def test_histograms_show_percent_units_and_bounds_and_a_spike_does_not_flatten_the_rest(
    counted: ColorStatistics,
) -> None:
    figure = plots.new_figure("stats", 10, 4)
    plots.histograms(figure, counted)
    hue, saturation, value = figure.axes
    assert hue.get_ylabel() == "share of the pixels of its kind, %"
    assert hue.get_xlabel() == "hue H, half degrees"
    shares = 100 * counted.histograms["H"] / counted.histograms["H"].sum(axis=1, keepdims=True)
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
