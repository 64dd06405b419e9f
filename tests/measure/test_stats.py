"""Colour statistics: counts against OpenCV and numpy, and figures that are really drawn."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.errors import DataError
from rembg_skin.measure import plots
from rembg_skin.measure.stats import HEAT_SIDE, ColourStatistics


def picture(seed: int, height: int = 300, width: int = 90) -> tuple[Image.Image, NDArray[np.uint8]]:
    """Return random colours and a mask of their upper left part; 300 rows are more than one block of rows."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    mask[: height // 3, : width // 2] = 255
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)), mask


def test_histograms_are_those_of_opencv_and_numpy() -> None:
    statistics = ColourStatistics()
    pixels, skin = [], []
    for seed in (1, 2):
        image, mask = picture(seed)
        statistics.add(image, mask)
        pixels.append(np.asarray(image))
        skin.append(mask > 127)
    rgb, where = np.concatenate(pixels), np.concatenate(skin)
    hsv, ycrcb = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    planes = {"H": hsv[..., 0], "S": hsv[..., 1], "V": hsv[..., 2]}
    planes |= {"Y": ycrcb[..., 0], "Cb": ycrcb[..., 2], "Cr": ycrcb[..., 1]}
    assert list(statistics.histograms) == list(planes)
    for name, plane in planes.items():
        for kind, selected in enumerate((~where, where)):
            expected, _ = np.histogram(plane[selected], bins=256, range=(0, 256))
            np.testing.assert_array_equal(statistics.histograms[name][kind], expected)


def test_the_chroma_plane_is_a_joint_count_of_cb_and_cr() -> None:
    statistics = ColourStatistics()
    image, mask = picture(3)
    statistics.add(image, mask)
    ycrcb = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2YCrCb)[mask > 127]
    expected, _, _ = np.histogram2d(ycrcb[:, 2], ycrcb[:, 1], bins=256, range=((0, 256), (0, 256)))
    np.testing.assert_array_equal(statistics.plane[1], expected)
    assert statistics.plane.sum() == mask.size


def test_the_heat_map_is_the_share_of_images_with_skin_at_a_place() -> None:
    statistics = ColourStatistics()
    for height, width in ((64, 64), (128, 192)):
        mask = np.zeros((height, width), np.uint8)
        mask[:, : width // 2] = 255
        statistics.add(Image.new("RGB", (width, height)), mask)
    statistics.add(Image.new("RGB", (64, 64)), np.zeros((64, 64), np.uint8))
    share = np.array(statistics.as_json()["heat_map"])
    assert share.shape == (HEAT_SIDE, HEAT_SIDE)
    np.testing.assert_allclose(share[:, : HEAT_SIDE // 2], 2 / 3, atol=1e-4)
    np.testing.assert_allclose(share[:, HEAT_SIDE // 2 :], 0.0)


def test_numbers_as_json_name_only_colours_that_occur() -> None:
    statistics = ColourStatistics()
    statistics.add(Image.new("RGB", (2, 2), (255, 0, 0)), np.array([[255, 0], [0, 0]], dtype=np.uint8))
    numbers = json.loads(json.dumps(statistics.as_json()))
    assert numbers["pixels"] == {"skin": 1, "not_skin": 3}
    assert numbers["cb_cr_plane"]["rows"] == [[85, 255, 3, 1]]  # red: Y 76, Cb 128 - 0.564 * 76, Cr clipped


def test_its_size_does_not_depend_on_how_many_images_there_were() -> None:
    statistics = ColourStatistics()
    held = []
    for seed in range(3):
        statistics.add(*picture(seed))
        arrays = [*statistics.histograms.values(), statistics.plane, statistics.heat]
        held.append(sum(array.nbytes for array in arrays))
    assert len(set(held)) == 1


@pytest.fixture
def counted() -> ColourStatistics:
    """Return the statistics of a grey picture with a skin-coloured part: its hue 0 is a spike."""
    rng = np.random.default_rng(5)
    pixels = np.full((60, 80, 3), 128, np.uint8) + rng.integers(0, 2, (60, 80, 1), dtype=np.uint8)
    pixels[:, :30] = np.array([200, 150, 120]) + rng.integers(-30, 30, (60, 30, 3))
    pixels[:10, 40:] = rng.integers(0, 256, (10, 40, 3))
    mask = np.zeros((60, 80), np.uint8)
    mask[:, :30] = 255
    statistics = ColourStatistics()
    statistics.add(Image.fromarray(pixels), mask)
    return statistics


def test_all_figures_are_drawn_in_the_format_asked_for(tmp_path: Path, counted: ColourStatistics) -> None:
    paths = plots.write_all(counted, tmp_path / "new", "pdf")
    names = {"histograms_hsv.pdf", "histograms_ycbcr.pdf", "cb_cr_plane.pdf", "heat_map.pdf"}
    assert {path.name for path in paths} == names == {path.name for path in (tmp_path / "new").iterdir()}
    assert all(path.read_bytes().startswith(b"%PDF") for path in paths)


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


def test_histograms_show_percent_units_and_bounds_and_write_a_spike_instead_of_flattening_the_rest(
    counted: ColourStatistics,
) -> None:
    figure = plots.new_figure("stats", 10, 4)
    plots.histograms(figure, counted, plots.HSV, "hsv_skin")
    hue, saturation, value = figure.axes
    assert hue.get_ylabel() == "share of the pixels of its kind, %"
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "hue H, half degrees",
        "saturation S, levels",
        "value V, levels",
    ]
    shares = 100 * counted.histograms["H"] / counted.histograms["H"].sum(axis=1, keepdims=True)
    top = hue.get_ylim()[1]
    assert shares[0, 0] > 3 * top
    assert shares[1].max() < top
    (spike,) = hue.texts
    assert spike.get_text() == f"{shares[0, 0]:.1f} % of not skin at 0"
    for axes, bounds in ((hue, [0, 20]), (saturation, [48, 255]), (value, [80, 255])):
        assert [line.get_xdata()[0] for line in axes.lines] == bounds  # type: ignore[index]
    drawn = [patch.get_data().values for patch in hue.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(drawn, shares[:, :180])


def test_the_chroma_plane_shows_every_colour_on_one_scale(counted: ColourStatistics) -> None:
    figure = plots.new_figure("stats", 9, 5)
    plots.chroma_plane(figure, counted)
    other, skin = figure.axes[:2]
    assert other.images[0].norm is skin.images[0].norm
    places = np.argwhere(counted.plane.any(axis=0))
    for axes in (other, skin):
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert left < places[:, 0].min() <= places[:, 0].max() < right
        assert bottom < places[:, 1].min() <= places[:, 1].max() < top
        assert [patch.get_label() for patch in axes.patches] == ["ycbcr_skin", "ellipse_skin", "diagonal_skin"]
    shown = skin.images[0].get_array()
    assert shown is not None
    assert shown.sum() == pytest.approx(100)
    assert (~np.ma.getmaskarray(shown)).sum() == (counted.plane[1] > 0).sum()


def test_the_heat_map_is_in_percent_and_says_how_many_images(counted: ColourStatistics) -> None:
    figure = plots.new_figure("stats", 5, 4)
    plots.heat_map(figure, counted)
    assert figure.axes[0].get_title() == "Where skin is, n = 1"
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert (shown.min(), shown.max()) == (0, 100)


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
