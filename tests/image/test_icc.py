"""A picture has the same mask in whatever color profile it is stored."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from rembg import new_session

import rembg_skin
from rembg_skin.image.icc import rgb_to_srgb
from rembg_skin.image.rgb import to_rgb
from rembg_skin.image.tiles import LARGE
from tests.support import profiles

rembg_skin.register()
WIDE = {"Display P3": profiles.DISPLAY_P3, "Adobe RGB": profiles.ADOBE_RGB}


def iou(first: Image.Image, second: Image.Image) -> float:
    one, other = (np.asarray(mask) > 127 for mask in (first, second))
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("size", [(512, 512), (1300, 900)])
def test_colors_are_those_of_little_cms_within_a_few_levels(
    astronaut: Image.Image, name: str, size: tuple[int, int]
) -> None:
    stored = profiles.converted(astronaut.resize(size), WIDE[name])
    source = ImageCms.ImageCmsProfile(io.BytesIO(WIDE[name]))
    expected = ImageCms.profileToProfile(stored, source, ImageCms.createProfile("sRGB"), ImageCms.Intent(1))
    difference = np.abs(np.asarray(to_rgb(stored)[0]).astype(int) - np.asarray(expected))
    assert difference.max() <= (6 if stored.width * stored.height >= LARGE else 0)
    assert difference.mean() < 0.3


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize(
    ("session", "least"),
    [
        ("tiny_skin", 0.97),
        ("ycbcr_skin", 0.95),
        ("hsv_skin", 0.95),
        ("ellipse_skin", 0.95),
        ("icm_skin", 0.9),
    ],  # icm_skin: eight bits an RGB profile lose as much
)
def test_the_mask_is_the_same_in_every_profile(astronaut: Image.Image, name: str, session: str, least: float) -> None:
    model = new_session(session)
    (plain,), (wide,) = model.predict(astronaut), model.predict(profiles.converted(astronaut, WIDE[name]))
    assert iou(plain, wide) >= least


@pytest.mark.parametrize(
    "profile",
    [None, b"", b"no profile", profiles.DISPLAY_P3[:200], profiles.GRAY, profiles.press(), profiles.SRGB, "text", 7],
    ids=["none", "empty", "text", "cut short", "gray", "CMYK", "sRGB", "a string", "a number"],
)
def test_without_a_profile_of_other_colors_nothing_changes(astronaut: Image.Image, profile: object) -> None:
    picture = astronaut.copy()
    picture.info["icc_profile"] = profile
    assert to_rgb(picture)[0].tobytes() == astronaut.tobytes()


@given(data=st.binary(max_size=300), at=st.integers(0, 500))
def test_a_damaged_profile_is_no_error(data: bytes, at: int) -> None:
    damaged = profiles.ADOBE_RGB[:at] + data + profiles.ADOBE_RGB[at + len(data) :]
    assert rgb_to_srgb(Image.new("RGB", (3, 2), (200, 150, 120)), damaged).size == (3, 2)


@pytest.mark.parametrize("mode", ["RGBA", "P", "RGBX", "YCbCr", "RGBa"])
def test_other_modes_of_color_honour_it_too(astronaut: Image.Image, mode: str) -> None:
    small = profiles.converted(astronaut.resize((64, 64)), profiles.ADOBE_RGB)
    picture = small.quantize(256) if mode == "P" else small.convert("RGBA" if mode == "RGBa" else mode).convert(mode)
    profile = picture.info.pop("icc_profile")
    before = to_rgb(picture)[0]
    picture.info["icc_profile"] = profile
    assert np.abs(np.asarray(to_rgb(picture)[0]).astype(int) - np.asarray(before)).mean() > 1


@pytest.mark.parametrize("mode", ["L", "1", "I", "F"])
def test_a_gray_picture_stays_gray(mode: str) -> None:
    picture = Image.linear_gradient("L").convert(mode)
    plain = to_rgb(picture)[0].tobytes()
    picture.info["icc_profile"] = profiles.ADOBE_RGB
    assert to_rgb(picture)[0].tobytes() == plain


def test_black_and_white_stay_what_they_are() -> None:
    picture = Image.fromarray(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    picture.info["icc_profile"] = profiles.ADOBE_RGB
    assert np.asarray(to_rgb(picture)[0]).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_cmyk_is_read_with_its_press_profile() -> None:
    picture = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    assert np.asarray(to_rgb(picture)[0])[0, 0].tolist() == [0, 255, 255]
    picture.info["icc_profile"] = profiles.press()
    red, green, blue = np.asarray(to_rgb(picture)[0])[0, 0].tolist()
    assert red < 60
    assert 90 < green < 170
    assert blue > 160
    picture.info["icc_profile"] = profiles.DISPLAY_P3  # not of CMYK
    assert np.asarray(to_rgb(picture)[0])[0, 0].tolist() == [0, 255, 255]
