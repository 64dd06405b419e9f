"""Colour statistics: counts against OpenCV and numpy, and figures that are really drawn."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

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


def test_all_figures_are_drawn(tmp_path: Path) -> None:
    statistics = ColourStatistics()
    statistics.add(*picture(1))
    paths = plots.write_all(statistics, tmp_path / "new")
    names = {"histograms_hsv.png", "histograms_ycbcr.png", "cb_cr_plane.png", "heat_map.png"}
    assert {path.name for path in paths} == names == {path.name for path in (tmp_path / "new").iterdir()}
    for path in paths:
        with Image.open(path) as figure:
            assert len(figure.convert("RGB").getcolors(1 << 24) or []) > 20


def test_the_distribution_has_a_row_for_each_model() -> None:
    figure = plots.new_figure("eval --plot", 8, 3)
    plots.distribution(figure, {"one": [0.1, 0.5, 0.9], "two": [1.0]})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    dots = [line for line in axes.lines if line.get_marker() == "."]
    assert sorted(len(line.get_xdata()) for line in dots) == [1, 3]  # type: ignore[arg-type]
