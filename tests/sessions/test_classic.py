"""The classic sessions: what rembg's own `new_session` and `remove` give."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session, remove

import rembg_skin
from rembg_skin.errors import ImageError, OptionError
from tests.support import reference
from tests.support.photos import MODES, SKIN, of_mode

rembg_skin.register()

NAMES = list(reference.METHODS)
Pixels = NDArray[np.uint8]


def mask_of(name: str, image: Image.Image, **extras: object) -> Pixels:
    (mask,) = new_session(name).predict(image, **extras)
    assert (mask.mode, mask.size) == ("L", image.size)
    return np.asarray(mask)


def agreement(mask: Pixels, oracle: Pixels) -> float:
    return float((mask == oracle).mean())


@pytest.mark.parametrize("name", NAMES)
def test_masks_of_photographs_agree_with_the_reference_procedure(name: str, photos: list[Path]) -> None:
    for photo in photos:
        image = Image.open(photo).convert("RGB")
        mask, oracle = mask_of(name, image), reference.METHODS[name](np.asarray(image))
        assert agreement(mask, oracle) >= (0.995 if name == "icm_skin" else 0.999), photo.name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pixels", ["color_cube", "color_patches"])
def test_masks_of_random_images_agree_with_the_reference_procedure(
    name: str, pixels: str, request: pytest.FixtureRequest
) -> None:
    rgb: Pixels = request.getfixturevalue(pixels)
    mask, oracle = mask_of(name, Image.fromarray(rgb)), reference.METHODS[name](rgb)
    assert agreement(mask, oracle) >= (0.995 if name == "icm_skin" else 0.999)
    if pixels == "color_patches":
        assert 0.005 < (mask > 127).mean() < 0.5  # the agreement is not that of two empty masks


@pytest.mark.parametrize("name", NAMES)
@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_any_mode_and_size_gives_a_mask_of_its_size(name: str, mode: str, size: tuple[int, int]) -> None:
    mask_of(name, of_mode(mode, size))


@pytest.mark.parametrize("name", NAMES)
def test_a_patch_of_skin_is_skin_and_a_patch_of_sky_is_not(name: str) -> None:
    image = Image.new("RGB", (80, 40), (90, 140, 220))
    image.paste(SKIN, (0, 0, 40, 40))
    mask = mask_of(name, image)
    assert (mask[10:30, 10:30] == 255).all()
    assert (mask[10:30, 50:70] == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_fully_transparent_pixel_is_never_skin(name: str) -> None:
    image = Image.new("RGBA", (60, 40), (*SKIN, 255))
    image.paste((*SKIN, 0), (30, 0, 60, 40))
    mask = mask_of(name, image)
    assert (mask[:, 30:] == 0).all()
    assert (mask[10:30, 5:25] == 255).all()


@pytest.mark.parametrize("name", NAMES)
def test_sixteen_bit_gray_is_scaled_so_white_is_not_skin_by_saturation(name: str) -> None:
    gray = Image.fromarray(np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16))
    eight = Image.fromarray(np.rint(np.asarray(gray) / 257).astype(np.uint8))
    assert np.array_equal(mask_of(name, gray), mask_of(name, eight))


def test_extras_work_in_all_three_places_and_the_later_wins(color_patches: Pixels) -> None:
    image = Image.fromarray(color_patches)
    default, wide = mask_of("ycbcr_skin", image), mask_of("ycbcr_skin", image, cb_min=60)
    assert (wide > default).any()
    session = new_session("ycbcr_skin", cb_min=60)
    assert np.array_equal(np.asarray(session.predict(image)[0]), wide)
    assert np.array_equal(np.asarray(session.predict(image, cb_min=85)[0]), default)
    assert np.array_equal(np.asarray(remove(image, session=session, only_mask=True, cb_min=85)), default)


@pytest.mark.parametrize(
    ("name", "extras", "oracle"),
    [
        ("ycbcr_skin", {"cr_max": 160}, lambda rgb: reference.clean(reference.ycbcr_raw(rgb, cr=(137, 160)), 3, 3)),
        ("ycbcr_skin", {"morph": 5, "blur": 7}, lambda rgb: reference.clean(reference.ycbcr_raw(rgb), 5, 7)),
        ("hsv_skin", {"h_max": 40}, lambda rgb: reference.clean(reference.hsv_raw(rgb, high=(40, 255, 255)), 1, 3)),
        (
            "ycbcr_hsv_skin",
            {"morph": 5, "s_min": 20},
            lambda rgb: (
                reference.clean(reference.ycbcr_raw(rgb), 5, 3)
                & reference.clean(reference.hsv_raw(rgb, low=(0, 20, 80)), 5, 3)
            ),
        ),
        (
            "diagonal_skin",
            {"angle": 10, "first_axis": 20, "second_axis": 10.5, "cb_center": 110, "cr_center": 150.5},
            lambda rgb: reference.clean(reference.ellipse_raw(rgb, (110, 150.5), (20, 10.5), 10), 3, 3),
        ),
    ],
)
def test_extras_reach_the_procedure(
    name: str, extras: dict[str, object], oracle: Callable[[Pixels], Pixels], color_patches: Pixels
) -> None:
    assert agreement(mask_of(name, Image.fromarray(color_patches), **extras), oracle(color_patches)) >= 0.999


def test_the_fields_extras_change_its_mask(color_patches: Pixels) -> None:
    image = Image.fromarray(color_patches)
    default = mask_of("icm_skin", image)
    for extras in ({"prior": 0.6}, {"smoothness": 0.0}, {"sweeps": 0}):
        assert not np.array_equal(mask_of("icm_skin", image, **extras), default), extras


@pytest.mark.parametrize(("name", "bad"), [(name, {"blur": 4}) for name in NAMES] + [("hsv_skin", {"h_max": 180})])
def test_a_bad_extra_is_an_error_before_and_during_predict(name: str, bad: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=next(iter(bad))):
        new_session(name, **bad)
    with pytest.raises(OptionError, match=next(iter(bad))):
        new_session(name).predict(Image.new("RGB", (2, 2)), **bad)


def test_sessions_need_no_file_and_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    for name in NAMES:
        session = new_session(name)
        assert type(session).download_models() is None
        session.predict(Image.new("RGB", (8, 8), SKIN))
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", NAMES)
def test_one_session_serves_many_threads(name: str, color_patches: Pixels) -> None:
    images = [Image.fromarray(np.roll(color_patches, 100 * turn, axis=1)[:300, :400]) for turn in range(8)]
    session = new_session(name)
    alone = [np.asarray(session.predict(image)[0]) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: np.asarray(session.predict(image)[0]), images * 3))
    assert all(np.array_equal(mask, alone[i % 8]) for i, mask in enumerate(together))


def test_an_array_is_refused_with_the_way_to_an_image(color_patches: Pixels) -> None:
    with pytest.raises(ImageError, match=r"hsv_skin takes a Pillow image, not ndarray; Image\.fromarray makes one"):
        new_session("hsv_skin").predict(color_patches)


def test_the_image_given_is_not_changed(color_patches: Pixels) -> None:
    for name in NAMES:
        image = Image.fromarray(color_patches)
        mask_of(name, image)
        assert np.array_equal(np.asarray(image), color_patches)
