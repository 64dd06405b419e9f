"""Any image that Pillow opens becomes 8-bit RGB, in whatever color profile it is stored."""

import io
from itertools import product

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
from tests.support.photos import MODES, SKIN, encoded, of_mode

rembg_skin.register()
WIDE = [profiles.DISPLAY_P3, profiles.ADOBE_RGB]


def row(image: Image.Image) -> list[list[int]]:
    """Return the RGB values of the first row."""
    return np.asarray(to_rgb(image)[0])[0].tolist()


@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_every_mode_and_size_becomes_rgb(mode: str, size: tuple[int, int]) -> None:
    rgb, alpha = to_rgb(of_mode(mode, size))
    assert (rgb.mode, rgb.size) == ("RGB", size)
    assert alpha is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "P", "YCbCr", "HSV", "RGBa"])
def test_colors_survive(mode: str) -> None:
    assert np.abs(np.array(row(of_mode(mode, (4, 4)))) - SKIN).max() <= 3


def test_lab_is_read_as_lab() -> None:
    red, _, blue = row(of_mode("LAB", (4, 4)))[0]
    assert red > blue  # a and b above their neutral 128: a warm color


@pytest.mark.parametrize(("mode", "dtype"), [("I;16", "<u2"), ("I;16B", ">u2")])
def test_16_bit_values_are_scaled_not_clipped(mode: str, dtype: str) -> None:
    values = np.array([0, 257, 32896, 65535], dtype=dtype)
    assert row(Image.frombytes(mode, (4, 1), values.tobytes())) == [[level] * 3 for level in (0, 1, 128, 255)]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0.0, 0.5, 1.0], np.float32, [0, 128, 255]),
        ([0.0, 100.0, 255.0], np.float32, [0, 100, 255]),
        ([0.0, 32767.5, 65535.0], np.float32, [0, 128, 255]),
        ([-5.0, 510_000.0, 1_000_000.0], np.float32, [0, 130, 255]),
        ([float("nan"), float("inf"), 255.0], np.float32, [0, 0, 255]),
        ([0, 200], np.int32, [0, 200]),
        ([0, 65535], np.int32, [0, 255]),
        ([0, 10_000_000], np.int32, [0, 255]),
    ],
)
def test_the_range_of_fractions_and_integers_follows_from_their_maximum(
    values: list[float], dtype: type, expected: list[int]
) -> None:
    assert row(Image.fromarray(np.array([values], dtype))) == [[level] * 3 for level in expected]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "PA"])
def test_alpha_is_returned_if_a_pixel_is_transparent(mode: str) -> None:
    image = Image.new("RGBA", (3, 1), (*SKIN, 255))
    image.putpixel((1, 0), (*SKIN, 0))
    converted = image.convert("RGB").convert("P").convert("PA") if mode == "PA" else image.convert(mode)
    if mode == "PA":
        converted.putalpha(image.getchannel("A"))
    _, alpha = to_rgb(converted)
    assert alpha is not None
    assert [value == 0 for value in np.asarray(alpha)[0]] == [False, True, False]


@pytest.mark.parametrize(
    ("mode", "color", "hidden"),
    [("P", 1, 0), ("L", 1, 7), ("RGB", (9, 9, 9), (1, 2, 3)), ("1", 1, 0), ("I;16", 30000, 900)],
)
def test_a_transparent_color_of_a_png_is_alpha_too(
    mode: str, color: int | tuple[int, int, int], hidden: int | tuple[int, int, int]
) -> None:
    image = Image.new(mode, (2, 1), color)
    image.putpixel((1, 0), hidden)
    _, alpha = to_rgb(Image.open(io.BytesIO(encoded(image, transparency=hidden))))
    assert alpha is not None
    assert np.asarray(alpha)[0].tolist() == [255, 0]


@pytest.mark.parametrize(("mode", "size"), list(product(["RGB", "RGBA", "L", "F", "I;16"], [(0, 0), (0, 3)])))
def test_an_image_without_pixels_stays_without(mode: str, size: tuple[int, int]) -> None:
    assert to_rgb(Image.new(mode, size))[0].size == size


@pytest.mark.parametrize(("profile", "size"), list(product(WIDE, [(512, 512), (1300, 900)])))
def test_colors_are_those_of_little_cms_within_a_few_levels(
    astronaut: Image.Image, profile: bytes, size: tuple[int, int]
) -> None:
    stored = profiles.converted(astronaut.resize(size), profile)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    expected = ImageCms.profileToProfile(stored, source, ImageCms.createProfile("sRGB"), ImageCms.Intent(1))
    difference = np.abs(np.asarray(to_rgb(stored)[0]).astype(int) - np.asarray(expected))
    assert difference.max() <= (6 if stored.width * stored.height >= LARGE else 0)
    assert difference.mean() < 0.3


@pytest.mark.parametrize(
    ("session", "least", "profile"),
    [(*row, profile) for row in (("tiny_skin", 0.97), ("ycbcr_skin", 0.95), ("icm_skin", 0.9)) for profile in WIDE],
)
def test_the_mask_is_the_same_in_every_profile(
    astronaut: Image.Image, session: str, least: float, profile: bytes
) -> None:
    pictures = (astronaut, profiles.converted(astronaut, profile))
    plain, wide = (np.asarray(new_session(session).predict(picture)[0]) > 127 for picture in pictures)
    assert (plain & wide).sum() / (plain | wide).sum() >= least


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


@pytest.mark.parametrize("mode", ["RGBA", "P", "RGBX", "YCbCr", "RGBa", "L", "1", "I", "F"])
def test_a_profile_changes_the_colors_of_every_mode_and_no_gray(astronaut: Image.Image, mode: str) -> None:
    small = astronaut.resize((64, 64))
    picture = small.quantize(256) if mode == "P" else small.convert("RGBA" if mode == "RGBa" else mode).convert(mode)
    before = to_rgb(picture)[0]
    picture.info["icc_profile"] = profiles.ADOBE_RGB
    change = np.abs(np.asarray(to_rgb(picture)[0]).astype(int) - np.asarray(before)).mean()
    assert change == 0 if mode in "L1IF" else change > 1


def test_black_and_white_stay_what_they_are() -> None:
    picture = Image.fromarray(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    picture.info["icc_profile"] = profiles.ADOBE_RGB
    assert row(picture) == [[0, 0, 0], [255, 255, 255]]


def test_cmyk_is_read_with_its_press_profile() -> None:
    picture = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    assert row(picture)[0] == [0, 255, 255]
    picture.info["icc_profile"] = profiles.press()
    red, green, blue = row(picture)[0]
    assert red < 60
    assert 90 < green < 170
    assert blue > 160
    picture.info["icc_profile"] = profiles.DISPLAY_P3  # not of CMYK
    assert row(picture)[0] == [0, 255, 255]
