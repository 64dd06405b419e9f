"""The face detector against OpenCV's own, and the session that takes its thresholds from the face."""

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session, remove
from rembg.sessions.base import BaseSession

import rembg_skin
from rembg_skin.color.rules import HsvRange
from rembg_skin.color.spaces import rgb_to_hsv
from rembg_skin.errors import OptionError, WeightsError
from rembg_skin.networks import yunet as faces
from rembg_skin.networks.yunet import Face
from rembg_skin.sessions.face import merged, skin_range
from tests.support import reference
from tests.support.photos import MODES, SHARED, of_mode

rembg_skin.register()

YUNET = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def network() -> ort.InferenceSession:
    if not YUNET.exists():
        pytest.skip("the detector's weights are not in ../shared/weights")
    return ort.InferenceSession(str(YUNET), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a model folder that fills itself from a mirror folder with the real file, as a user's would."""
    if not YUNET.exists():
        pytest.skip("the detector's weights are not in ../shared/weights")
    mirror, folder = tmp_path_factory.mktemp("mirror"), tmp_path_factory.mktemp("home")
    place = mirror / "opencv/opencv_zoo/47534e27c9851bb1128ccc0102f1145e27f23f98"
    place.mkdir(parents=True)
    (place / YUNET.name).symlink_to(YUNET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMBG_SKIN_MIRROR", str(mirror))
        patch.setenv("U2NET_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def session(home: Path) -> BaseSession:  # noqa: ARG001
    return new_session("face_skin")


def detected(network: ort.InferenceSession, rgb: Image.Image, confidence: float) -> list[Face]:
    tensor, scale = faces.to_input(rgb)
    outputs = network.run(list(faces.OUTPUTS), {"input": tensor})
    return faces.find(dict(zip(faces.OUTPUTS, outputs, strict=True)), scale, confidence)


@pytest.mark.slow
def test_every_photo_has_the_faces_that_opencv_finds(network: ort.InferenceSession) -> None:
    """Both see the same 640 x 640 pixels; decoding, confidence and suppression are each one's own."""
    photos = sorted((SHARED / "data").glob("*/images/*"))
    if not photos:
        pytest.skip("the photographs of ../shared/data are not here")
    oracle = cv2.FaceDetectorYN.create(str(YUNET), "", (faces.SIDE, faces.SIDE), 0.7, 0.3, 5000)
    counts = {0.7: 0, 0.9: 0}
    for photo in photos:
        tensor, scale = faces.to_input(Image.open(photo).convert("RGB"))
        _, rows = oracle.detect(np.ascontiguousarray(tensor[0].transpose(1, 2, 0).astype(np.uint8)))
        outputs = dict(zip(faces.OUTPUTS, network.run(list(faces.OUTPUTS), {"input": tensor}), strict=True))
        for confidence in counts:
            # A surer face is never suppressed by a less sure one: at 0.9 OpenCV finds those of 0.7 that are as sure.
            expected = np.zeros((0, 15)) if rows is None else rows[rows[:, 14] >= confidence]
            found = faces.find(outputs, scale, confidence)
            boxes = np.array([(face.left, face.top, face.right, face.bottom, face.confidence) for face in found])
            assert len(boxes) == len(expected), photo.name
            if len(boxes):
                left, top, width, height = expected[:, :4].T / scale
                corners = np.stack([left, top, left + width, top + height], axis=1)
                assert np.abs(boxes[:, :4] - corners).max() < 2, photo
                assert np.abs(boxes[:, 4] - expected[:, 14]).max() < 1e-3, photo
                landmarks = np.array([face.landmarks for face in found]).reshape(-1, 10)
                assert np.abs(landmarks - expected[:, 4:14] / scale).max() < 2, photo
            counts[confidence] += len(boxes)
    assert min(counts.values()) > 100


def test_a_face_is_found_where_it_is_at_any_size(network: ort.InferenceSession, astronaut: Image.Image) -> None:
    # By eye her face spans about 175..265 x 65..185 of the 512 pixels.
    for scale in (0.5, 1, 4, 8):
        (face,) = detected(network, astronaut.resize((round(512 * scale),) * 2), 0.7)
        edges = np.array([face.left, face.top, face.right, face.bottom]) / scale
        assert np.abs(edges - (175, 65, 265, 185)).max() < 20


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (640, 640), (641, 640), (639, 3)])
def test_any_size_fits_the_input(size: tuple[int, int]) -> None:
    tensor, scale = faces.to_input(Image.new("RGB", size, (10, 20, 30)))
    assert tensor.shape == (1, 3, 640, 640)
    assert tensor[0, :, 0, 0].tolist() == [30, 20, 10]
    assert scale <= 1
    assert max(size) * scale <= 640


def test_of_overlapping_boxes_the_surest_stays_and_of_separate_ones_all() -> None:
    outputs = {name: np.zeros((1, (640 // int(name.split("_")[1])) ** 2, 1), np.float32) for name in faces.OUTPUTS}
    for stride in faces.STRIDES:
        outputs[f"bbox_{stride}"] = np.zeros((1, (640 // stride) ** 2, 4), np.float32)
    # Boxes of 64 pixels around the cells (2, 2), (3, 2) and (12, 2) of the coarsest map.
    for column, score in ((2, 0.8), (3, 0.9), (12, 0.85)):
        cell = 2 * 20 + column
        outputs["cls_32"][0, cell], outputs["obj_32"][0, cell] = score, score
        outputs["bbox_32"][0, cell, 2:] = np.log(2)
    found = faces.find(outputs, scale=0.5, confidence=0.5)
    # The first two share a third of what they cover together.
    assert [round(face.confidence, 3) for face in found] == [0.9, 0.85]
    assert (found[0].left, found[0].top, found[0].right, found[0].bottom) == pytest.approx((128, 64, 256, 192))
    assert found[0].area == pytest.approx(128 * 128)


def test_a_box_beyond_the_edges_is_cut_to_the_image() -> None:
    box = Face(-5.5, 10.9, 700.0, 20.2, 1.0).within((640, 15))
    assert (box.left, box.top, box.right, box.bottom) == (0, 10, 640, 15)
    outside = Face(700.0, 10.0, 800.0, 20.0, 1.0).within((640, 15))
    assert outside.left >= outside.right


@given(seed=st.integers(0, 1000), spread=st.floats(0, 120), base=st.tuples(*[st.integers(0, 255)] * 3))
def test_the_range_is_that_of_the_public_script(seed: int, spread: float, base: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(seed).normal(0, spread, (40, 3))
    pixels = (np.array(base) + noise).clip(0, 255).astype(np.uint8)
    mean, deviation = cv2.meanStdDev(cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV))
    low, high = (mean - 1.2 * deviation).ravel(), (mean + 1.2 * deviation).ravel()
    got = skin_range(pixels)
    h_low = int(low[0]) if 0 <= int(low[0]) < 10 else 0
    lows, highs = [h_low, max(int(low[1]), 20), max(int(low[2]), 60)], np.minimum(high.astype(int), [50, 255, 255])
    expected = np.ravel([lows, highs], order="F")
    # A mean that lies within rounding of a whole number may be cut to either side of it.
    edges = np.array([got.h_min, got.h_max, got.s_min, got.s_max, got.v_min, got.v_max])
    whole = np.abs([*low, *high] - np.rint([*low, *high])).min() < 1e-6
    assert np.abs(edges - expected).max() <= (1 if whole else 0)


def test_hsv_is_opencvs(color_cube: Pixels) -> None:
    assert np.array_equal(rgb_to_hsv(color_cube), cv2.cvtColor(color_cube, cv2.COLOR_RGB2HSV))


def test_merged_ranges_hold_each_of_them() -> None:
    assert merged([HsvRange(3, 20, 30, 90, 70, 200), HsvRange(0, 15, 50, 120, 60, 180)]) == HsvRange(
        0, 20, 30, 120, 60, 200
    )


def oracle_mask(rgb: Image.Image, box: tuple[int, int, int, int]) -> Pixels:
    pixels = np.asarray(rgb)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    left, top, right, bottom = box
    mean, deviation = cv2.meanStdDev(hsv[top:bottom, left:right])
    low, high = (mean - 1.2 * deviation).ravel().astype(int), (mean + 1.2 * deviation).ravel().astype(int)
    low = np.array([low[0] if 0 <= low[0] < 10 else 0, max(low[1], 20), max(low[2], 60)])
    high = np.minimum(high, [50, 255, 255])
    return reference.clean(cv2.inRange(hsv, tuple(low.tolist()), tuple(high.tolist())), 1, 5)


def test_the_mask_is_that_of_the_reference_procedure_in_the_same_box(
    session: BaseSession, network: ort.InferenceSession, photos: list[Path]
) -> None:
    compared = 0
    for photo in photos:
        rgb = Image.open(photo).convert("RGB")
        found = detected(network, rgb, 0.7)
        if not found:
            continue
        box = max(found, key=lambda face: face.area).within(rgb.size)
        oracle = oracle_mask(rgb, (box.left, box.top, box.right, box.bottom))
        # At a threshold, because a pixel on the bound, which the two may round differently, changes 25 by the blur.
        mask = np.asarray(session.predict(rgb)[0])
        assert ((mask > 127) == (oracle > 127)).mean() > 0.999, photo.name
        compared += 1
    assert compared > 10


@pytest.mark.slow
def test_frontal_faces_score_at_least_what_the_public_script_does(session: BaseSession) -> None:
    folder = SHARED / "data" / "fasseg_frontal"
    if not folder.exists():
        pytest.skip("the photographs of ../shared/data are not here")
    scores = []
    for photo in sorted((folder / "images").glob("*")):
        found = np.asarray(session.predict(Image.open(photo))[0]) > 127
        truth = np.asarray(Image.open(folder / "masks" / f"{photo.stem}.png")) > 127
        scores.append((found & truth).sum() / (found | truth).sum())
    assert len(scores) == 70
    assert np.mean(scores) >= 0.778


def test_the_astronauts_face_is_skin_and_the_flag_behind_her_is_not(
    session: BaseSession, astronaut: Image.Image
) -> None:
    mask = np.asarray(session.predict(astronaut)[0])
    assert (mask[90:160, 190:250] > 127).mean() > 0.8
    assert (mask[300:500, :120] > 127).mean() < 0.3


def two_faces(astronaut: Image.Image) -> Image.Image:
    """Return her head beside a smaller one of a darker, bluer tone."""
    head = astronaut.crop((140, 20, 300, 220))
    shades = zip(head.split(), (0.8, 0.72, 0.72), strict=True)
    darker = Image.merge("RGB", [band.point([round(level * shade) for level in range(256)]) for band, shade in shades])
    both = Image.new("RGB", (500, 240), (20, 40, 20))
    both.paste(head, (20, 20))
    both.paste(darker.resize((120, 150)), (300, 40))
    return both


def test_all_faces_give_a_wider_range_than_the_largest(session: BaseSession, astronaut: Image.Image) -> None:
    both = two_faces(astronaut)
    assert len(session._detector.faces(both, 0.7)) == 2
    largest, every = (np.asarray(session.predict(both, faces=which)[0]) for which in ("largest", "all"))
    assert (every >= largest).all()
    assert (every > largest).any()


def test_no_face_is_an_empty_mask_and_one_warning_that_says_so(session: BaseSession) -> None:
    image = Image.new("RGB", (80, 60), (224, 172, 140))
    with pytest.warns(RuntimeWarning, match="no face was found") as told:
        (mask,) = session.predict(image)
    assert len(told) == 1
    assert (mask.mode, mask.size, mask.getextrema()) == ("L", (80, 60), (0, 0))


def test_no_face_may_fall_back_to_the_colors_of_skin_without_a_warning(session: BaseSession) -> None:
    image = Image.new("RGB", (80, 60), (224, 172, 140))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (mask,) = session.predict(image, on_no_face="ycbcr_hsv")
    assert np.array_equal(np.asarray(mask), np.asarray(new_session("ycbcr_hsv_skin").predict(image)[0]))
    assert mask.getextrema() == (255, 255)


def test_what_is_transparent_is_neither_skin_nor_asked_for_its_color(
    session: BaseSession, astronaut: Image.Image
) -> None:
    image = astronaut.convert("RGBA")
    hidden = Image.new("L", image.size, 255)
    hidden.paste(0, (0, 0, 220, 512))
    image.putalpha(hidden)
    mask = np.asarray(session.predict(image)[0])
    assert (mask[:, :220] == 0).all()
    assert (mask[90:160, 225:250] > 127).mean() > 0.5
    image.putalpha(0)
    with pytest.warns(RuntimeWarning, match="no face"):
        assert session.predict(image)[0].getextrema() == (0, 0)


@pytest.mark.filterwarnings("ignore:face_skin. no face")
@settings(deadline=None, max_examples=30)
@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_any_mode_and_size_gives_a_mask_of_its_size(session: BaseSession, mode: str, size: tuple[int, int]) -> None:
    (mask,) = session.predict(of_mode(mode, size))
    assert (mask.mode, mask.size) == ("L", size)


def test_extras_work_in_the_session_and_in_predict(session: BaseSession, astronaut: Image.Image) -> None:
    opened = np.asarray(session.predict(astronaut, morph=5)[0])
    assert not np.array_equal(opened, np.asarray(session.predict(astronaut)[0]))
    own = new_session("face_skin", morph=5)
    assert np.array_equal(np.asarray(own.predict(astronaut)[0]), opened)
    assert np.array_equal(np.asarray(remove(astronaut, session=own, only_mask=True)), opened)
    with pytest.warns(RuntimeWarning, match="no face"):
        assert session.predict(astronaut, confidence=1.0)[0].getextrema() == (0, 0)


@pytest.mark.parametrize("bad", [{"faces": "first"}, {"on_no_face": True}, {"confidence": 0.0}, {"blur": 4}])
@pytest.mark.usefixtures("home")
def test_a_bad_extra_is_an_error_before_and_during_predict(session: BaseSession, bad: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=next(iter(bad))):
        new_session("face_skin", **bad)
    with pytest.raises(OptionError, match=next(iter(bad))):
        session.predict(Image.new("RGB", (2, 2)), **bad)


def test_one_session_serves_many_threads(session: BaseSession, astronaut: Image.Image) -> None:
    pictures = [astronaut, astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT), astronaut.resize((300, 300))]
    alone = [np.asarray(session.predict(picture)[0]) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda picture: np.asarray(session.predict(picture)[0]), pictures * 4))
    assert all(np.array_equal(mask, alone[i % 3]) for i, mask in enumerate(together))
    assert all(mask.any() for mask in alone)


def test_sessions_share_one_detector(home: Path, session: BaseSession) -> None:  # noqa: ARG001
    assert new_session("face_skin", blur=3)._detector is session._detector


def test_the_detector_is_fetched_once_into_its_own_folder(home: Path, session: BaseSession) -> None:
    path = Path(type(session).download_models())
    assert path.name == "yunet.onnx"
    assert path.is_relative_to(home)
    assert path.read_bytes() == YUNET.read_bytes()


def test_offline_without_the_detector_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.delenv("REMBG_SKIN_MIRROR", raising=False)
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    with pytest.raises(WeightsError, match="yunet"):
        new_session("face_skin")
