"""The face detector against OpenCV's own, and the session that takes its thresholds from the face."""

import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session, remove

from rembg_skin.color.rules import HsvRange
from rembg_skin.networks import yunet as faces
from rembg_skin.networks.yunet import Detector, Face
from rembg_skin.sessions.face import merged, skin_range
from tests.support import reference
from tests.support.photos import SHARED, SKIN, YUNET

Pixels = NDArray[np.uint8]
has_weights = pytest.mark.skipif(not YUNET.exists(), reason="the detector's weights are not in ../shared/weights")


@pytest.fixture(scope="module")
def session(furnished: Path) -> Any:  # noqa: ARG001
    return new_session("face_skin")


def mask_of(session: Any, image: Image.Image, **extras: object) -> Pixels:
    return np.asarray(session.predict(image, **extras)[0])


@has_weights
@pytest.mark.slow
def test_every_photo_has_the_faces_that_opencv_finds() -> None:
    """Both see the same 640 x 640 pixels; decoding, confidence and suppression are each one's own."""
    photos = sorted((SHARED / "data").glob("*/images/*"))
    if not photos:
        pytest.skip("the photographs of ../shared/data are not here")
    oracle = cv2.FaceDetectorYN.create(str(YUNET), "", (faces.SIDE, faces.SIDE), 0.7, 0.3, 5000)
    detector, counts = Detector(YUNET, 0), {0.7: 0, 0.9: 0}
    for photo in photos:
        rgb = Image.open(photo).convert("RGB")
        tensor, scale = faces.to_input(rgb)
        _, rows = oracle.detect(np.ascontiguousarray(tensor[0].transpose(1, 2, 0).astype(np.uint8)))
        for confidence in counts:
            # A surer face is never suppressed by a less sure one: at 0.9 OpenCV finds those of 0.7 that are as sure.
            expected = np.zeros((0, 15)) if rows is None else rows[rows[:, 14] >= confidence]
            found = detector.faces(rgb, confidence)
            assert len(found) == len(expected), photo.name
            for face, (left, top, width, height, *landmarks, sure) in zip(found, expected, strict=True):
                edges = np.array([left, top, left + width, top + height, *landmarks]) / scale
                points = [face.left, face.top, face.right, face.bottom, *np.ravel(face.landmarks)]
                assert np.abs(points - edges).max() < 2, photo
                assert abs(face.confidence - sure) < 1e-3, photo
            counts[confidence] += len(found)
    assert min(counts.values()) > 100


@has_weights
def test_a_face_is_found_where_it_is_at_any_size(astronaut: Image.Image) -> None:
    # By eye her face spans about 175..265 x 65..185 of the 512 pixels.
    for scale in (0.5, 1, 8):
        (face,) = Detector(YUNET, 0).faces(astronaut.resize((round(512 * scale),) * 2), 0.7)
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
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    outputs = {
        f"{kind}_{stride}": np.zeros((1, (640 // stride) ** 2, width), np.float32)
        for kind, width in widths.items()
        for stride in faces.STRIDES
    }
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


def script_range(hsv: Pixels) -> tuple[Pixels, Pixels, NDArray[np.float64]]:
    """Return the public script's lower and upper bounds of HSV pixels, and the bounds before it cuts and clips them."""
    mean, deviation = cv2.meanStdDev(hsv)
    exact = np.array([mean - 1.2 * deviation, mean + 1.2 * deviation]).reshape(2, 3)
    low, high = exact.astype(int)
    low = np.array([low[0] if 0 <= low[0] < 10 else 0, max(low[1], 20), max(low[2], 60)])
    return low, np.minimum(high, [50, 255, 255]), exact


@given(seed=st.integers(0, 1000), spread=st.floats(0, 120), base=st.tuples(*[st.integers(0, 255)] * 3))
def test_the_range_is_that_of_the_public_script(seed: int, spread: float, base: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(seed).normal(0, spread, (40, 3))
    pixels = (np.array(base) + noise).clip(0, 255).astype(np.uint8)
    low, high, exact = script_range(cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV))
    got = skin_range(pixels)
    edges = np.array([(got.h_min, got.s_min, got.v_min), (got.h_max, got.s_max, got.v_max)])
    # A mean that lies within rounding of a whole number may be cut to either side of it.
    assert np.abs(edges - (low, high)).max() <= (np.abs(exact - np.rint(exact)).min() < 1e-6)


def test_merged_ranges_hold_each_of_them() -> None:
    one, other = HsvRange(3, 20, 30, 90, 70, 200), HsvRange(0, 15, 50, 120, 60, 180)
    assert merged([one, other]) == HsvRange(0, 20, 30, 120, 60, 200)


@has_weights
def test_the_mask_is_that_of_the_reference_procedure_in_the_same_box(session: Any, photos: list[Path]) -> None:
    compared = 0
    for photo in photos:
        rgb = Image.open(photo).convert("RGB")
        found = session._detector.faces(rgb, 0.7)
        if not found:
            continue
        box = max(found, key=lambda face: face.area).within(rgb.size)
        hsv = cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2HSV)
        low, high, _ = script_range(hsv[box.slices()])
        oracle = reference.clean(cv2.inRange(hsv, low, high), 1, 5)
        # At a threshold, because a pixel on the bound, which the two may round differently, changes 25 by the blur.
        assert ((mask_of(session, rgb) > 127) == (oracle > 127)).mean() > 0.999, photo.name
        compared += 1
    assert compared > 10


def two_faces(astronaut: Image.Image) -> Image.Image:
    """Return her head beside a smaller one of a darker, bluer tone."""
    head = astronaut.crop((140, 20, 300, 220))
    shades = zip(head.split(), (0.8, 0.72, 0.72), strict=True)
    darker = Image.merge("RGB", [band.point([round(level * shade) for level in range(256)]) for band, shade in shades])
    both = Image.new("RGB", (500, 240), (20, 40, 20))
    both.paste(head, (20, 20))
    both.paste(darker.resize((120, 150)), (300, 40))
    return both


@has_weights
def test_all_faces_give_a_wider_range_than_the_largest(session: Any, astronaut: Image.Image) -> None:
    both = two_faces(astronaut)
    assert len(session._detector.faces(both, 0.7)) == 2
    largest, every = (mask_of(session, both, faces=which) for which in ("largest", "all"))
    assert (every >= largest).all()
    assert (every > largest).any()


@has_weights
def test_no_face_is_an_empty_mask_with_one_warning_or_the_colors_of_skin(session: Any) -> None:
    image = Image.new("RGB", (80, 60), SKIN)
    with pytest.warns(RuntimeWarning, match="no face was found") as told:
        assert not mask_of(session, image).any()
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mask = mask_of(session, image, on_no_face="ycbcr_hsv")
    assert np.array_equal(mask, mask_of(new_session("ycbcr_hsv_skin"), image))
    assert mask.min() == 255


@has_weights
def test_what_is_transparent_is_neither_skin_nor_asked_for_its_color(session: Any, astronaut: Image.Image) -> None:
    image = astronaut.convert("RGBA")
    hidden = Image.new("L", image.size, 255)
    hidden.paste(0, (0, 0, 220, 512))
    image.putalpha(hidden)
    mask = mask_of(session, image)
    assert (mask[:, :220] == 0).all()
    assert (mask[90:160, 225:250] > 127).mean() > 0.5
    image.putalpha(0)
    with pytest.warns(RuntimeWarning, match="no face"):
        assert not mask_of(session, image).any()


@has_weights
def test_sessions_share_one_detector_and_have_extras_of_their_own(session: Any, astronaut: Image.Image) -> None:
    own = new_session("face_skin", morph=5)
    assert own._detector is session._detector
    opened = mask_of(session, astronaut, morph=5)
    assert (opened[90:160, 190:250] > 127).mean() > 0.8
    assert not np.array_equal(opened, mask_of(session, astronaut))
    assert np.array_equal(np.asarray(remove(astronaut, session=own, only_mask=True)), opened)
    with pytest.warns(RuntimeWarning, match="no face"):
        assert not mask_of(session, astronaut, confidence=1.0).any()
