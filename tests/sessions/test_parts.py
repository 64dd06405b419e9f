"""`parts`: the skin region with eyes, brows and mouth, or the skin without them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session

from rembg_skin.catalog import MODELS
from rembg_skin.errors import ModelError, WeightsError
from rembg_skin.sessions.neural import NeuralSession, network_options
from tests.support.networks import parts_network, place, red_network
from tests.support.photos import SKIN, YUNET

DLMV = MODELS["dlmv_skin"]
assert DLMV.network is not None
NETWORK = replace(DLMV.network, stretch="never", skin_output="skin")
WithParts = NeuralSession.of(DLMV, network=NETWORK, options=network_options(NETWORK), knows_parts=True)
EYES, FOREHEAD, CHEEK = ((200, 102), (247, 102)), (222, 92), (205, 122)  # x, y of the astronaut's


def mask_of(session: Any, image: Image.Image, **extras: object) -> NDArray[np.uint8]:
    return np.asarray(session.predict(image, **extras)[0])


@pytest.fixture
def detector(home: Path) -> None:
    if not YUNET.exists():
        pytest.skip("the detector's weights are not in ../shared/weights")
    place(home, "yunet", YUNET.read_bytes())


def test_a_network_with_an_output_for_skin_is_asked_for_it(home: Path) -> None:
    place(home, "dlmv_skin", parts_network(256))
    image = Image.new("RGB", (60, 40), (250, 100, 0))
    session = WithParts("dlmv_skin", None)
    for extras, level in ({}, 250), ({"parts": "skin"}, 100):
        assert mask_of(session, image, smooth=False, **extras).mean() == pytest.approx(level, abs=1)


def test_a_graph_without_that_output_is_another_network(home: Path) -> None:
    place(home, "dlmv_skin", red_network(256, outputs=2))
    with pytest.raises(ModelError, match=r'another network.*one of them "skin"'):
        WithParts("dlmv_skin", None)


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize("name", ["dlmv_skin", "ycbcr_hsv_skin", "face_skin"])
def test_other_sessions_leave_out_what_the_detector_sees(name: str, home: Path, astronaut: Image.Image) -> None:
    place(home, "dlmv_skin", red_network(256, gain=0.0, offset=1.0))
    session = new_session(name)
    region, skin = (mask_of(session, astronaut, parts=parts) for parts in ("region", "skin"))
    for x, y in EYES:
        assert skin[y, x] == 0
    for x, y in (FOREHEAD, CHEEK):
        assert skin[y, x] == region[y, x] > 50
    assert (skin <= region).all()
    assert 100 < np.count_nonzero(skin < region) < 4000
    own = new_session(name, parts="skin")
    assert np.array_equal(mask_of(own, astronaut), skin)
    # Growing comes after the parts are out.
    filled = mask_of(own, astronaut, grow=12)
    assert all(filled[y, x] > skin[y, x] for x, y in EYES)


@pytest.mark.usefixtures("detector")
def test_a_photo_without_a_face_is_as_it_was() -> None:
    image, session = Image.new("RGB", (80, 60), SKIN), new_session("ycbcr_skin", parts="skin")
    assert np.array_equal(mask_of(session, image), mask_of(session, image, parts="region"))


def test_a_network_that_knows_the_parts_leaves_more_out_where_the_detector_is(
    home: Path, astronaut: Image.Image
) -> None:
    place(home, "dlmv_skin", parts_network(256))
    white = Image.new("RGB", astronaut.size, (255, 255, 255))
    white.paste(astronaut.crop((150, 20, 300, 180)), (150, 20))
    session = WithParts("dlmv_skin", None, parts="skin")
    before = mask_of(session, white)
    place(home, "yunet", YUNET.read_bytes() if YUNET.exists() else pytest.skip("no detector in ../shared/weights"))
    after = mask_of(session, white)
    for x, y in EYES:
        assert after[y, x] == 0
    assert (after <= before).all()
    assert np.array_equal(mask_of(session, white, parts="region")[:15], after[:15])


def test_without_the_detector_the_error_says_what_can_be_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    able = "tiny_skin can do it without the detector"
    with pytest.raises(WeightsError, match=f'ycbcr_skin: parts="skin" needs the face detector.*{able}'):
        new_session("ycbcr_skin", parts="skin")
    session, image = new_session("ycbcr_skin"), Image.new("RGB", (8, 8))
    assert session.predict(image)
    with pytest.raises(WeightsError, match="yunet"):
        session.predict(image, parts="skin")
