"""What every session promises, whatever makes its mask."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from rembg import new_session, remove

from rembg_skin.errors import ImageError, OptionError, WeightsError
from rembg_skin.image.finish import grown
from rembg_skin.sessions import session_classes
from rembg_skin.sessions.options import finishing
from tests.support import reference
from tests.support.photos import MODES, SKIN, YUNET, of_mode

pytestmark = pytest.mark.filterwarnings("ignore:face_skin. no face")

NAMES = [*reference.METHODS, "face_skin", "dlmv_skin", "u2netp_skin_refined", "mediapipe_skin", "tiny_skin"]
EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "threshold": st.integers(0, 255),
        "low": st.integers(0, 100),
        "high": st.integers(101, 255),
        "grow": st.integers(-200, 200),
        "feather": st.floats(0, 200),
        "invert": st.booleans(),
    },
)


@pytest.fixture(scope="module", params=NAMES)
def session(request: pytest.FixtureRequest, furnished: Path) -> Any:  # noqa: ARG001
    if request.param == "face_skin" and not YUNET.exists():
        pytest.skip("the detector's weights are not in ../shared/weights")
    if request.param == "mediapipe_skin":
        pytest.importorskip("ai_edge_litert", reason="LiteRT, of the extra mediapipe")
    return new_session(request.param)


def levels(session: Any, image: Image.Image, **extras: object) -> NDArray[np.uint8]:
    (mask,) = session.predict(image, **extras)
    assert (mask.mode, mask.size) == ("L", image.size)
    return np.asarray(mask)


def half_hidden(size: tuple[int, int]) -> Image.Image:
    """Return skin whose right half is fully transparent."""
    image = Image.new("RGBA", size, (*SKIN, 255))
    image.paste((*SKIN, 0), (size[0] // 2, 0, *size))
    return image


@settings(max_examples=15)
@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 60), st.integers(1, 60)), extras=EXTRAS)
def test_any_mode_size_and_extra_gives_a_mask_of_the_images_size(
    session: Any, mode: str, size: tuple[int, int], extras: Mapping[str, object]
) -> None:
    image = of_mode(mode, size)
    found = levels(session, image, **extras)
    assert np.array_equal(255 - found, levels(session, image, **{**extras, "invert": not extras.get("invert", False)}))


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (513, 20)])
def test_an_image_may_be_all_length(session: Any, size: tuple[int, int]) -> None:
    levels(session, Image.new("RGB", size, SKIN))


@settings(max_examples=8)
@given(extras=EXTRAS)
def test_a_fully_transparent_pixel_is_never_skin(session: Any, extras: Mapping[str, object]) -> None:
    hidden = levels(session, half_hidden((60, 40)), **extras)[:, 30:]
    assert (hidden == (255 if extras.get("invert") else 0)).all()


def test_a_session_serves_many_threads_and_changes_no_image(
    session: Any, color_patches: NDArray[np.uint8], astronaut: Image.Image
) -> None:
    patches = [Image.fromarray(np.roll(color_patches, 99 * turn, axis=1)[:300, :400]) for turn in range(3)]
    images = [*patches, astronaut.resize((256, 256)), half_hidden((60, 40))]
    copies = [image.copy() for image in images]
    alone = [levels(session, image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: levels(session, image), images * 3))
    assert all(np.array_equal(mask, alone[i % len(images)]) for i, mask in enumerate(together))
    assert any(mask.any() for mask in alone)
    assert images == copies


def test_a_bad_extra_is_refused_at_each_mask(session: Any) -> None:
    with pytest.raises(OptionError, match="grow"):
        session.predict(Image.new("RGB", (8, 8)), grow=201)


def test_the_path_of_its_weights_is_that_of_the_first_file(session: Any) -> None:
    files = {**dict.fromkeys(reference.METHODS), "face_skin": "yunet", "u2netp_skin_refined": "u2netp_skin"}
    path, name = session.download_models(), session.name()
    assert (Path(path).stem if path else None) == files.get(name, name)


@pytest.mark.parametrize(("name", "missing"), [("face_skin", "yunet"), ("mediapipe_skin", "mediapipe_skin")])
def test_offline_the_missing_file_is_told(
    name: str, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    with pytest.raises(WeightsError, match=missing):
        new_session(name)


def test_extras_work_in_all_three_places_and_the_later_wins(color_patches: NDArray[np.uint8]) -> None:
    image = Image.fromarray(color_patches)
    session = new_session("ycbcr_skin", cb_min=60)
    wide, default = levels(session, image), levels(new_session("ycbcr_skin"), image)
    assert (wide > default).any()
    assert np.array_equal(levels(new_session("ycbcr_skin"), image, cb_min=60), wide)
    assert np.array_equal(levels(session, image, cb_min=85), default)
    assert np.array_equal(np.asarray(remove(image, session=session, only_mask=True, cb_min=85)), default)


def test_every_session_takes_the_extras_of_the_finish_as_its_last() -> None:
    for name, cls in session_classes().items():
        assert list(cls.options)[-len(finishing()) :] == list(finishing()), name


@pytest.mark.usefixtures("furnished")
def test_a_mask_is_finished_in_order(astronaut: Image.Image) -> None:
    small, session = astronaut.resize((90, 90)), new_session("dlmv_skin")
    binary = Image.fromarray(levels(session, small)).point(lambda level: 255 * (level > 100))
    expected = np.asarray(grown(binary, -2).filter(ImageFilter.GaussianBlur(1.5)))
    assert np.array_equal(levels(session, small, threshold=100, grow=-2, feather=1.5), expected)


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("ycbcr_skin", {"grow": 201}),
        ("ycbcr_skin", {"grow": 1.5}),
        ("ycbcr_skin", {"feather": -1}),
        ("ycbcr_skin", {"feather": float("nan")}),
        ("ycbcr_skin", {"low": 200, "high": 100}),
        ("ycbcr_skin", {"invert": 1}),
        ("ycbcr_skin", {"parts": "eyes"}),
        *((name, {"blur": 4}) for name in reference.METHODS),
        ("hsv_skin", {"h_max": 180}),
        ("face_skin", {"faces": "first"}),
        ("face_skin", {"on_no_face": True}),
        ("face_skin", {"confidence": 0.0}),
        ("mediapipe_skin", {"threshold": "high"}),
        ("tiny_skin", {"detail": "finest"}),
    ],
)
@pytest.mark.usefixtures("furnished")
def test_a_bad_extra_is_an_error_before_and_during_predict(name: str, extras: dict[str, object]) -> None:
    first = next(iter(extras))
    with pytest.raises(OptionError, match=f"{name}: {first}="):
        new_session(name, **extras)
    if name not in ("face_skin", "mediapipe_skin"):  # theirs need more than this machine may have
        with pytest.raises(OptionError, match=f"{name}: {first}="):
            new_session(name).predict(Image.new("RGB", (4, 4)), **extras)


def test_an_array_is_refused_with_the_way_to_an_image(color_patches: NDArray[np.uint8]) -> None:
    with pytest.raises(ImageError, match=r"hsv_skin takes a Pillow image, not ndarray; Image\.fromarray makes one"):
        new_session("hsv_skin").predict(color_patches)
