"""Fitting thresholds: what is found on photographs whose answer is known."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.color.planes import Planes
from rembg_skin.color.rules import ChromaBox, ChromaEllipse, HsvRange, Rule
from rembg_skin.dataset.pairs import find_pairs
from rembg_skin.errors import DataError
from rembg_skin.measure.evaluate import Score, evaluate, summarize
from rembg_skin.measure.fit import METHODS, add_pair, fit_all, part_of
from rembg_skin.measure.thresholds import Histograms, Table, fit_ellipse, fit_ranges
from rembg_skin.sessions.opening import open_session

# What counts as skin in the synthetic photographs, far from every default.
TRUE_RULES: dict[str, Rule] = {
    "hsv_skin": HsvRange(95, 130, 60, 200, 40, 210),
    "ycbcr_skin": ChromaBox(140, 175, 95, 125),
    "ycbcr_hsv_skin": ChromaBox(140, 175, 95, 125),
    "ellipse_skin": ChromaEllipse(150.0, 110.0, 22.0, 12.0),
    "diagonal_skin": ChromaEllipse(150.0, 110.0, 25.0, 9.0, 30.0),
}


def patches(seed: int) -> NDArray[np.uint8]:
    """Return smooth random patches of many colours, uint8 [120, 160, 3]."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC))


@pytest.fixture(params=TRUE_RULES)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folders(method: str, tmp_path: Path) -> tuple[Path, Path]:
    images, masks = tmp_path / "photos", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for number in range(10):
        photo = Image.fromarray(patches(number))
        photo.save(images / f"{number}.png")
        skin = TRUE_RULES[method](Planes(photo))
        Image.fromarray(skin.astype(np.uint8) * np.uint8(255)).save(masks / f"{number}.png")
    return images, masks


def mean_iou(name: str, extras: dict[str, int | float], folders: tuple[Path, Path]) -> float:
    # Without the clean-up, which would leave little of such small patches.
    session = open_session(name, {**extras, "morph": 1, "blur": 1})
    outcomes = list(evaluate(name, session, find_pairs(*folders).pairs, hce=False))
    (summary,) = summarize(outcome for outcome in outcomes if isinstance(outcome, Score))
    return summary.mean.iou_05


def test_fitted_thresholds_beat_the_defaults_and_are_valid_extras(method: str, folders: tuple[Path, Path]) -> None:
    pairs = find_pairs(*folders).pairs
    histograms = Histograms(len(pairs))
    for number, pair in enumerate(pairs):
        add_pair(histograms, number, pair, resize=False)
    fitted, of_parts = fit_all(METHODS[method], histograms, 5)
    assert fitted.keys() == METHODS[method].defaults.keys() <= open_session(method).options.keys()
    after, before = mean_iou(method, fitted, folders), mean_iou(method, {}, folders)
    assert before < 0.2
    assert after > 0.95
    # Each part was fitted without its own photographs, and does nearly as well.
    assert len(of_parts) == 5
    assert min(mean_iou(method, part, folders) for part in of_parts) > 0.9


def test_ranges_are_exact_where_colours_tell_skin_apart() -> None:
    cells = np.array([[100, 120, 140, 160], [150, 150, 150, 90]])  # Cb and Cr of four colours
    table = Table(("cb", "cr"), [(cells, np.array([[0.4, 0.0, 0.1, 0.1], [0.0, 0.2, 0.2, 0.0]]))], np.array([1]))
    start = {"cb_min": 85, "cb_max": 135, "cr_min": 137, "cr_max": 180}
    fitted = fit_ranges(table, [start])
    assert fitted["cb_min"] <= 120
    assert fitted["cb_max"] >= 140
    assert fitted["cb_min"] > 100  # the colour at Cb 100 is all other things
    inside = (cells[1] >= fitted["cr_min"]) & (cells[1] <= fitted["cr_max"]) & (cells[0] <= fitted["cb_max"])
    assert inside.tolist() == [True, True, True, False]


def test_a_range_of_hues_may_pass_through_0() -> None:
    cells = np.array([[5, 90, 175]])
    table = Table(("h",), [(cells, np.array([[0.0, 0.6, 0.0], [0.2, 0.0, 0.2]]))], np.array([1]))
    fitted = fit_ranges(table, [{"h_min": 0, "h_max": 20}])
    assert fitted["h_min"] > fitted["h_max"]
    assert 90 < fitted["h_min"] <= 175
    assert 5 <= fitted["h_max"] < 90


def test_photographs_count_the_same_whatever_their_size() -> None:
    small, large = Histograms(1), Histograms(1)
    photo, mask = Image.fromarray(patches(1)), np.zeros((120, 160), np.uint8)
    mask[:40] = 255
    small.add(0, photo, mask)
    twice = photo.resize((320, 240), Image.Resampling.NEAREST)
    large.add(0, twice, mask.repeat(2, 0).repeat(2, 1))
    tables = [histograms.table(("cb", "cr")) for histograms in (small, large)]
    np.testing.assert_allclose(tables[0].weights, tables[1].weights, rtol=1e-5)
    assert tables[0].weights.sum() == pytest.approx(1)


def test_an_upright_ellipse_stays_upright() -> None:
    histograms = Histograms(1)
    photo = Image.fromarray(patches(3))
    mask = (np.asarray(photo)[..., 0] > 150).astype(np.uint8) * np.uint8(255)
    histograms.add(0, photo, mask)
    fitted = fit_ellipse(histograms.table(("cb", "cr")), [METHODS["ellipse_skin"].defaults], turned=False)
    assert fitted["angle"] == 0.0


@pytest.mark.parametrize(("level", "reason"), [(0, "no skin"), (255, "nothing but skin")])
def test_masks_without_skin_or_with_nothing_else_are_refused(level: int, reason: str) -> None:
    histograms = Histograms(1)
    histograms.add(0, Image.fromarray(patches(1)), np.full((120, 160), level, np.uint8))
    with pytest.raises(DataError, match=f"There is {reason} in these masks"):
        fit_all(METHODS["ycbcr_skin"], histograms, 1)


def test_every_group_belongs_to_one_part() -> None:
    parts = {number: part_of(number, 5, 60) for number in range(130)}
    assert {parts[number] == parts[number + 60] for number in range(70)} == {True}
    assert set(parts.values()) == set(range(5))


def test_every_method_that_is_fitted_is_tried_here() -> None:
    assert TRUE_RULES.keys() == METHODS.keys()
