"""Evaluation: the figures of real photographs against a second computation, and what happens to bad files."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from rembg import new_session, remove
from scipy.spatial.distance import dice, jaccard
from scipy.stats import bootstrap

import rembg_skin
from rembg_skin.catalog import MODELS
from rembg_skin.dataset.pairs import Pair, find_pairs
from rembg_skin.errors import ModelError
from rembg_skin.measure import evaluate
from rembg_skin.measure.metrics import bounds
from rembg_skin.measure.provenance import Provenance, provenance, versions
from rembg_skin.measure.tables import latex, markdown
from rembg_skin.photos import Problem
from rembg_skin.session import open_session, predict_mask
from tests.support.photos import SHARED

rembg_skin.register()

# ../shared/design/classic.md: the public scripts, mean IoU per image, threshold 127, OpenCV 4.
PUBLIC_SCRIPTS = {"hsv_skin": 0.848, "ycbcr_skin": 0.846, "ycbcr_hsv_skin": 0.850}
PUBLIC_SCRIPTS |= {"ellipse_skin": 0.830, "diagonal_skin": 0.768, "icm_skin": 0.703}


class Fixed:
    """A session that always makes the same masks."""

    def __init__(self, *masks: np.ndarray) -> None:
        self.masks = [Image.fromarray(mask) for mask in masks]

    def name(self) -> str:
        return "fixed"

    def predict(self, _image: Image.Image) -> list[Image.Image]:
        return self.masks


def pairs_of(name: str, count: int | None = None) -> list[Pair]:
    folder = SHARED / "data" / name
    if not folder.exists():
        pytest.skip("the photographs of ../shared/data are not here")
    return find_pairs(folder / "images", folder / "masks").pairs[:count]


def scored(model: str, masks: Any, pairs: list[Pair], **options: Any) -> list[evaluate.Score]:
    """Return the scores of a session, or of a model that always gives the row of levels `masks`."""
    session = Fixed(np.array([masks], np.uint8)) if isinstance(masks, list) else masks
    outcomes = list(evaluate.evaluate(model, evaluate.from_session(session), pairs, **options))
    scores = [outcome for outcome in outcomes if isinstance(outcome, evaluate.Score)]
    assert len(scores) == len(outcomes)
    return scores


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Return a picture of 4 x 1 pixels whose mask is 255, 255, 0, 0."""
    Image.new("RGB", (4, 1)).save(tmp_path / "a.png")
    Image.fromarray(np.array([[255, 255, 0, 0]], dtype=np.uint8)).save(tmp_path / "a_mask.png")
    return Pair("a", tmp_path / "a.png", tmp_path / "a_mask.png")


def test_measures_of_a_tiny_mask_worked_out_by_hand(pair: Pair) -> None:
    (score,) = scored("fixed", [255, 128, 127, 0], [pair])
    of = score.measures
    assert of.iou == pytest.approx((255 + 128) / (255 + 255 + 127))
    assert (of.iou_05, of.f1, of.precision, of.recall) == (1.0, 1.0, 1.0, 1.0)
    assert of.mae == (127 + 127) / 4
    assert of.hce == 0
    assert of.seconds > 0


def test_means_are_over_images_and_models_stay_apart(pair: Pair) -> None:
    right, wrong = [255, 255, 0, 0], [0, 0, 0, 255]
    scores = scored("one", right, [pair]) + scored("one", wrong, [pair]) + scored("two", wrong, [pair], hce=False)
    one, two = evaluate.summarize(scores)
    assert (one.model, one.images, one.mean.iou, one.mean.mae) == ("one", 2, 0.5, (0 + 255 * 3 / 4) / 2)
    assert (two.model, two.images, two.mean.iou, two.mean.hce) == ("two", 1, 0.0, None)


def test_several_masks_count_as_their_maximum_and_a_wrong_size_is_an_error() -> None:
    image = Image.new("RGB", (2, 1))
    both = Fixed(np.array([[0, 200]], np.uint8), np.array([[100, 50]], np.uint8))
    assert predict_mask(both, image).tolist() == [[100, 200]]
    with pytest.raises(ModelError, match="fixed made no mask of the image's size, 3x1"):
        predict_mask(both, Image.new("RGB", (3, 1)))


def test_a_figure_says_what_made_it_and_with_which_weights() -> None:
    taken = provenance("skin", open_session("skin"))
    assert taken.session in MODELS
    assert (taken.label, taken.taken) == (f"skin={taken.session}", taken.session)
    own = provenance("tiny_skin:size=256", open_session("tiny_skin", {"size": 256}))
    file = Path(rembg_skin.__file__).parent / "data" / "tiny_skin.onnx"
    assert own.weights == {"tiny_skin.onnx": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert (own.label, own.taken) == ("tiny_skin:size=256", None)
    assert provenance("hsv_skin", open_session("hsv_skin")).weights == {}
    assert {"python", "rembg", "rembg-skin", "onnxruntime"} <= versions().keys()


def test_files_that_cannot_be_read_are_problems_and_the_others_are_scored(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    Image.new("L", (9, 9)).save(tmp_path / "large.png")
    bad = {
        "broken.png cannot be read": replace(pair, image=tmp_path / "broken.png"),
        "large.png is 9x9, its image 4x1": replace(pair, mask=tmp_path / "large.png"),
        "a.png has no mask of this tool": replace(pair, stem="b"),
    }
    masks = evaluate.from_folder({"a": pair.mask}, resize=False)
    *problems, score = evaluate.evaluate("a tool", masks, [*bad.values(), pair])
    for problem, reason in zip(problems, bad, strict=True):
        assert isinstance(problem, Problem)
        assert reason in problem.reason
    assert isinstance(score, evaluate.Score)
    assert score.measures.iou_05 == 1.0


@pytest.mark.parametrize("name", PUBLIC_SCRIPTS)
def test_the_figures_on_fasseg_are_those_of_the_public_scripts(name: str) -> None:
    (summary,) = evaluate.summarize(scored(name, new_session(name), pairs_of("fasseg_frontal"), hce=False))
    assert summary.images == 70
    assert summary.mean.iou_05 == pytest.approx(PUBLIC_SCRIPTS[name], abs=0.005)


@pytest.mark.parametrize("name", ["hsv_skin", "icm_skin"])
def test_measures_of_photographs_agree_with_a_second_computation(name: str) -> None:
    pairs = pairs_of("mixed_web", 12) + pairs_of("hands_and_necks")
    session = new_session(name)
    for score in scored(name, session, pairs, hce=False):
        # The user's own way to a mask, read back with OpenCV; distances by SciPy.
        answer = remove(score.pair.image.read_bytes(), session=session, only_mask=True)
        mask = cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_GRAYSCALE)
        truth = cv2.imread(str(score.pair.mask), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        assert truth is not None
        predicted, actual = (mask > 127).ravel(), (truth > 127).ravel()
        of = score.measures
        assert of.iou == pytest.approx(cv2.bitwise_and(mask, truth).sum() / cv2.bitwise_or(mask, truth).sum())
        assert of.mae == pytest.approx(cv2.absdiff(mask, truth).mean())
        assert of.iou_05 == pytest.approx(1 - jaccard(predicted, actual))
        assert of.f1 == pytest.approx(1 - dice(predicted, actual))
        assert of.recall == pytest.approx(predicted[actual].mean() if actual.any() else 0.0)
        assert of.precision == pytest.approx(actual[predicted].mean())


def test_the_worst_images_come_first(pair: Pair) -> None:
    masks = [[255, 255, 0, 0], [0, 0, 0, 0], [255, 0, 0, 0]]
    scores = [score for levels in masks for score in scored("m", levels, [pair])]
    assert [score.measures.iou_05 for score in evaluate.worst(scores, "m", 2)] == [0.0, 0.5]
    assert evaluate.worst(scores, "other", 2) == []


def test_groups_by_folder_and_by_tone_have_their_own_means(pair: Pair) -> None:
    pairs = [replace(pair, stem=stem) for stem in ("day/a", "day/b", "night/a")]
    scores = scored("m", [255, 0, 0, 0], pairs, by="folder")
    assert [(row.group, row.images) for row in evaluate.summarize(scores)] == [("", 3), ("day", 2), ("night", 1)]
    empty = replace(pair, mask=pair.mask.with_name("empty.png"))
    Image.new("L", (4, 1)).save(empty.mask)
    groups = [score.group for score in scored("m", [0, 0, 0, 0], [pair, empty], by="tone")]
    assert groups == ["dark", "no skin"]  # the picture is black


def test_a_difference_is_paired_and_its_interval_holds_it(pair: Pair) -> None:
    pairs = [replace(pair, stem=str(number)) for number in range(8)]
    scores = scored("half", [255, 0, 0, 0], pairs) + scored("right", [255, 255, 0, 0], [*pairs, pair])
    (found,) = evaluate.differences(scores)
    assert (found.model, found.first, found.images, found.mean) == ("right", "half", 8, 0.5)
    assert found.interval == (0.5, 0.5)
    assert evaluate.summarize(scores)[0].interval == (0.5, 0.5)


def test_bounds_are_those_of_scipy() -> None:
    values = np.random.default_rng(3).beta(5, 2, 200)
    expected = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(1)).confidence_interval
    assert bounds(values.tolist()) == pytest.approx((expected.low, expected.high), abs=0.003)


def test_tables_for_papers_escape_what_their_language_takes_for_commands() -> None:
    rows = [["model", "mIoU"], ["tiny_skin|a", "95 %"]]
    assert markdown(rows).splitlines() == ["| model | mIoU |", "| --- | ---: |", "| tiny_skin\\|a | 95 % |"]
    assert latex(rows).splitlines()[4] == r"tiny\_skin|a & 95 \% \\"


def test_csv_and_json_hold_every_image(pair: Pair, tmp_path: Path) -> None:
    scores = scored("m", [0, 0, 0, 0], [pair])
    out = io.StringIO()
    origins = {"m": Provenance("m", "tiny_skin", {"tiny_skin.onnx": "ab12"})}
    evaluate.write_csv(scores, origins, out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    pixels = "true_positive,false_positive,false_negative"
    measures = "iou,iou_05,f1,precision,recall,mae,hce,seconds"
    assert ",".join(row) == f"model,image,group,{measures},{pixels},session,weights_sha256,versions"
    assert [int(row[name]) for name in pixels.split(",")] == [0, 0, 2]
    assert (row["model"], row["image"], float(row["recall"])) == ("m", "a.png", 0.0)
    assert (row["session"], row["weights_sha256"]) == ("tiny_skin", "tiny_skin.onnx ab12")
    assert "numpy " in row["versions"]

    problem, unpaired = Problem(tmp_path / "x", "why"), tmp_path / "y"
    result = json.loads(json.dumps(evaluate.as_json(scores, [problem], [unpaired], origins)))
    (model,), (image,) = result["models"], result["images"]
    assert (model["session"], model["weights"], model["miou"]) == ("tiny_skin", {"tiny_skin.onnx": "ab12"}, 0.0)
    assert "numpy" in result["versions"]
    assert image["image"] == str(pair.image)
    assert result["unreadable"] == [{"file": str(tmp_path / "x"), "reason": "why"}]
    assert result["unpaired"] == [str(tmp_path / "y")]
