"""`parts`: the skin region with eyes, brows and mouth, or the skin without them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rembg import new_session

import rembg_skin
from rembg_skin.catalog import MODELS
from rembg_skin.errors import ModelError, WeightsError
from rembg_skin.sessions.neural import NeuralSession, network_options
from tests.support.networks import parts_network, place, red_network
from tests.support.photos import SHARED

rembg_skin.register()

pytestmark = pytest.mark.filterwarnings("ignore:.*unchecked", "ignore:.*MODEL_CHECKSUM_DISABLED")

YUNET = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"
DLMV = MODELS["dlmv_skin"]
assert DLMV.network is not None
NETWORK = replace(DLMV.network, stretch="never", skin_output="skin")
WithParts = NeuralSession.of(DLMV, network=NETWORK, options=network_options(NETWORK), knows_parts=True)
EYES, FOREHEAD, CHEEK = ((200, 102), (247, 102)), (222, 92), (205, 122)  # x, y of the astronaut's


@pytest.fixture
def detector(home: Path) -> None:
    if not YUNET.exists():
        pytest.skip("the detector's weights are not in ../shared/weights")
    place(home, "yunet", YUNET.read_bytes())


def test_a_network_with_an_output_for_skin_is_asked_for_it(home: Path) -> None:
    place(home, "dlmv_skin", parts_network(256))
    image = Image.new("RGB", (60, 40), (250, 100, 0))
    session = WithParts("dlmv_skin", None)
    (region,), (skin,) = session.predict(image, smooth=False), session.predict(image, smooth=False, parts="skin")
    assert np.asarray(region).mean() == pytest.approx(250, abs=1)
    assert np.asarray(skin).mean() == pytest.approx(100, abs=1)


def test_a_graph_without_that_output_is_another_network(home: Path) -> None:
    place(home, "dlmv_skin", red_network(256, outputs=2))
    with pytest.raises(ModelError, match=r'another network.*one of them "skin"'):
        WithParts("dlmv_skin", None)


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize("name", ["dlmv_skin", "ycbcr_hsv_skin", "face_skin"])
def test_other_sessions_leave_out_what_the_detector_sees(name: str, home: Path, astronaut: Image.Image) -> None:
    place(home, "dlmv_skin", red_network(256, gain=0.0, offset=1.0))
    session = new_session(name)
    region, skin = (np.asarray(session.predict(astronaut, parts=parts)[0]) for parts in ("region", "skin"))
    for x, y in EYES:
        assert skin[y, x] == 0
    for x, y in (FOREHEAD, CHEEK):
        assert skin[y, x] == region[y, x] > 50
    assert (skin <= region).all()
    assert 100 < np.count_nonzero(skin < region) < 4000
    own = new_session(name, parts="skin")
    assert np.array_equal(np.asarray(own.predict(astronaut)[0]), skin)


@pytest.mark.usefixtures("detector")
def test_a_photo_without_a_face_is_as_it_was() -> None:
    image = Image.new("RGB", (80, 60), (224, 172, 142))
    session = new_session("ycbcr_skin", parts="skin")
    assert np.array_equal(np.asarray(session.predict(image)[0]), np.asarray(session.predict(image, parts="region")[0]))


@pytest.mark.usefixtures("detector")
def test_growing_comes_after_the_parts_are_out(astronaut: Image.Image) -> None:
    session = new_session("ycbcr_hsv_skin", parts="skin")
    holes, filled = (np.asarray(session.predict(astronaut, grow=grow)[0]) for grow in (0, 12))
    assert all(filled[y, x] > holes[y, x] for x, y in EYES)


def test_a_network_that_knows_the_parts_leaves_more_out_where_the_detector_is(
    home: Path, astronaut: Image.Image
) -> None:
    place(home, "dlmv_skin", parts_network(256))
    white = Image.new("RGB", astronaut.size, (255, 255, 255))
    white.paste(astronaut.crop((150, 20, 300, 180)), (150, 20))
    session = WithParts("dlmv_skin", None, parts="skin")
    before = np.asarray(session.predict(white)[0])
    place(home, "yunet", YUNET.read_bytes() if YUNET.exists() else pytest.skip("no detector in ../shared/weights"))
    after = np.asarray(session.predict(white)[0])
    for x, y in EYES:
        assert after[y, x] == 0
    assert (after <= before).all()
    assert np.array_equal(np.asarray(session.predict(white, parts="region")[0])[:15], after[:15])


def test_without_the_detector_the_error_says_what_can_be_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    with pytest.raises(
        WeightsError,
        match=r'ycbcr_skin: parts="skin" needs the face detector.*tiny_skin can do it without the detector',
    ):
        new_session("ycbcr_skin", parts="skin")
    session = new_session("ycbcr_skin")
    assert session.predict(Image.new("RGB", (8, 8)))
    with pytest.raises(WeightsError, match="yunet"):
        session.predict(Image.new("RGB", (8, 8)), parts="skin")


@pytest.mark.slow
def test_tiny_skins_own_parts_on_frontal_faces() -> None:
    folder = SHARED / "data" / "fasseg_frontal"  # its masks leave eyes, brows and mouth out
    if not folder.exists():
        pytest.skip("the photographs of ../shared/data are not here")
    session, ious = new_session("tiny_skin", parts="skin"), []
    for photo in sorted((folder / "images").iterdir()):
        found = np.asarray(session.predict(Image.open(photo))[0]) > 127
        truth = np.asarray(Image.open(folder / "masks" / f"{photo.stem}.png")) > 127
        ious.append((found & truth).sum() / (found | truth).sum())
    assert len(ious) == 70
    assert np.mean(ious) >= 0.93
