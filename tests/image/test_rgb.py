"""Any image that Pillow opens becomes 8-bit RGB."""

import io
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rembg_skin.image.rgb import to_rgb
from tests.support.photos import MODES, SKIN, of_mode


@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_every_mode_and_size_becomes_rgb(mode: str, size: tuple[int, int]) -> None:
    rgb, alpha = to_rgb(of_mode(mode, size))
    assert (rgb.mode, rgb.size) == ("RGB", size)
    assert alpha is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "P", "YCbCr", "HSV", "RGBa"])
def test_colors_survive(mode: str) -> None:
    rgb, _ = to_rgb(of_mode(mode, (4, 4)))
    assert np.abs(np.asarray(rgb).astype(int) - SKIN).max() <= 3


def test_lab_is_read_as_lab() -> None:
    rgb, _ = to_rgb(of_mode("LAB", (4, 4)))
    red, _, blue = np.asarray(rgb)[0, 0].tolist()
    assert red > blue  # a and b above their neutral 128: a warm color


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_16_bit_values_are_scaled_not_clipped(dtype: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=dtype)
    mode = "I;16" if dtype == "<u2" else "I;16B"
    rgb, _ = to_rgb(Image.frombytes(mode, (4, 1), values.tobytes()))
    assert np.asarray(rgb)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 32767.5, 65535.0], [0, 128, 255]),
        ([-5.0, 510_000.0, 1_000_000.0], [0, 130, 255]),
        ([float("nan"), float("inf"), 255.0], [0, 0, 255]),
    ],
)
def test_the_range_of_float_images_is_told_from_their_maximum(values: list[float], expected: list[int]) -> None:
    rgb, _ = to_rgb(Image.fromarray(np.array([values], dtype=np.float32)))
    assert np.asarray(rgb)[0, :, 0].tolist() == expected


@pytest.mark.parametrize(("top", "expected"), [(200, 200), (65535, 255), (10_000_000, 255)])
def test_the_range_of_integer_images_is_told_from_their_maximum(top: int, expected: int) -> None:
    rgb, _ = to_rgb(Image.fromarray(np.array([[0, top]], dtype=np.int32)))
    assert np.asarray(rgb)[0, :, 0].tolist() == [0, expected]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "PA"])
def test_alpha_is_returned_where_a_pixel_is_transparent(mode: str) -> None:
    image = Image.new("RGBA", (3, 1), (*SKIN, 255))
    image.putpixel((1, 0), (*SKIN, 0))
    _, alpha = to_rgb(image if mode == "RGBA" else _through(image, mode))
    assert alpha is not None
    assert [value == 0 for value in np.asarray(alpha)[0]] == [False, True, False]


def _through(image: Image.Image, mode: str) -> Image.Image:
    if mode == "PA":
        palette = image.convert("RGB").convert("P").convert("PA")
        palette.putalpha(image.getchannel("A"))
        return palette
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "value", "transparent"),
    [("P", 0, 0), ("L", 7, 7), ("RGB", (1, 2, 3), (1, 2, 3)), ("1", 0, 0), ("I;16", 900, 900)],
)
def test_a_transparent_color_of_a_png_is_alpha_too(mode: str, value: object, transparent: object) -> None:
    image = Image.new(mode, (2, 1), {"RGB": (9, 9, 9), "I;16": 30000}.get(mode, 1))  # type: ignore[arg-type]
    image.putpixel((1, 0), value)  # type: ignore[arg-type]
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=transparent)
    _, alpha = to_rgb(Image.open(buffer))
    assert alpha is not None
    assert np.asarray(alpha)[0].tolist() == [255, 0]


def test_an_animation_gives_its_first_frame() -> None:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (5, 4), color) for color in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    rgb, _ = to_rgb(Image.open(buffer))
    assert rgb.getpixel((0, 0)) in {(254, 0, 0), (255, 0, 0)}


@pytest.mark.parametrize(("mode", "size"), list(product(["RGB", "RGBA", "L", "F", "I;16"], [(0, 0), (0, 3)])))
def test_an_image_without_pixels_stays_without(mode: str, size: tuple[int, int]) -> None:
    rgb, _ = to_rgb(Image.new(mode, size))
    assert rgb.size == size
