"""One mask in every dress that tools give it: the same levels, or a refusal that says why."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from rembg_skin.errors import ImageError
from rembg_skin.image.mask_encodings import mask_levels
from rembg_skin.image.rgb import to_rgb
from tests.support import profiles
from tests.support.photos import encoded

SKIN = np.zeros((40, 60), np.bool_)
SKIN[5:30, 10:50] = True
WANTED = SKIN.astype(np.uint8) * 255
PHOTO = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
NUMBERS = np.arange(2400).reshape(40, 60)
SOFT = np.arange(256, dtype=np.uint8).reshape(16, 16)


def whole(values: Any, kind: Any = np.uint8) -> Image.Image:
    return Image.fromarray(np.asarray(values).astype(kind))


def stacked(*channels: Any) -> Image.Image:
    return whole(np.dstack(channels))


def palette(indices: Any, *colors: tuple[int, int, int]) -> Image.Image:
    image = whole(indices)
    image.putpalette([level for color in colors for level in color])
    return image


VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
DRESSES = {
    "0 and 255": whole(WANTED),
    "0 and 1": whole(SKIN),
    "0 and 128": whole(SKIN * 100),
    "a bitmap": Image.fromarray(SKIN),
    "16 bits, 0 and 1": whole(SKIN, np.uint16),
    "16 bits, 0 and 255": whole(SKIN * 255, np.uint16),
    "16 bits, 0 and 65535": whole(SKIN * 65535, np.uint16),
    "32 bits, 0 and 1": whole(SKIN, np.int32),
    "32 bits, 0 and the highest": whole(SKIN * (2**31 - 1), np.int32),
    "fractions": whole(SKIN, np.float32),
    "floats up to 255": whole(SKIN * 255.0, np.float32),
    "gray in RGB": stacked(WANTED, WANTED, WANTED),
    "0 and 1 in RGB": stacked(SKIN, SKIN, SKIN),
    "class 1 in the red channel": stacked(SKIN, SKIN * 0, SKIN * 0),
    "red on black": stacked(WANTED, SKIN * 0, SKIN * 0),
    "a palette of grays": palette(SKIN, (0, 0, 0), (255, 255, 255)),
    "a palette of grays, turned round": palette(~SKIN, (255, 255, 255), (0, 0, 0)),
    "class 1 of a palette of classes": palette(SKIN, *VOC),
    "one color in a palette": palette(SKIN, (0, 0, 0), (0, 0, 200)),
    "a ground that is not black": palette(SKIN, (0, 0, 200), (200, 0, 0)),
    "a cutout": stacked(PHOTO * SKIN[..., None], WANTED),
    "a cutout of one color": stacked(PHOTO * 0 + 255, WANTED),
    "a gray cutout": stacked(PHOTO[..., 0], WANTED).convert("LA"),
    "a mask in RGBA": stacked(WANTED, WANTED, WANTED, WANTED * 0 + 255),
    "CMYK": stacked(WANTED, WANTED, WANTED).convert("CMYK"),
}
REFUSED = {
    "class numbers": (whole(NUMBERS % 19), "its values end at 18: class numbers"),
    "one class that is not the first": (whole(SKIN * 3), "its values end at 3"),
    "classes 1 and 2": (whole(SKIN + 1), "its values end at 2"),
    "class numbers with a border": (whole(np.where(SKIN, NUMBERS % 3, 255)), "class numbers beside 255"),
    "class numbers of 16 bits": (whole(NUMBERS % 7, np.uint16), "its values end at 6"),
    "numbers of things": (whole(NUMBERS % 5 * 1000 + 24000, np.uint16), "its values end at 28000"),
    "dim levels": (whole(NUMBERS % 100), "its values end at 99"),
    "a palette of classes": (palette(NUMBERS % 3, *VOC), "its palette shows 3 of its classes"),
    "one class of a palette of classes": (palette(SKIN * 2, *VOC), "its palette shows 2 of its classes"),
    "a photograph": (whole(PHOTO), "a color picture"),
    "distances": (whole(NUMBERS * 1000, np.int32), "beyond those of 16 bits"),
    "values below zero": (whole(NUMBERS - 5.0, np.float32), "below 0"),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_mask_in_any_dress_gives_the_same_levels(dress: str) -> None:
    np.testing.assert_array_equal(mask_levels(DRESSES[dress]), WANTED)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize(
    "dress", ["0 and 255", "a bitmap", "0 and 1", "red on black", "class 1 of a palette of classes"]
)
def test_a_dress_survives_its_file(dress: str, kind: str) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    file = encoded(DRESSES[dress], kind, **options)
    np.testing.assert_array_equal(mask_levels(Image.open(io.BytesIO(file))), WANTED)


def test_a_mask_as_jpeg_keeps_its_levels_within_those_of_jpeg() -> None:
    file = encoded(DRESSES["gray in RGB"], "JPEG", quality=90)
    assert np.abs(mask_levels(Image.open(io.BytesIO(file))).astype(int) - WANTED).max() < 40


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32], ids=["16 bits", "32 bits", "fractions of 1"])
def test_soft_levels_stay_levels_whatever_their_color_space(kind: Any) -> None:
    scaled = SOFT / 255 if kind is np.float32 else SOFT.astype(np.int64) * 257
    profiled, linear = (stacked(SOFT, SOFT, SOFT) for _ in range(2))
    profiled.info["icc_profile"] = profiles.ADOBE_RGB
    linear.info["gamma"] = 1.0  # as of a PNG file
    assert to_rgb(linear)[0].tobytes() != linear.tobytes()
    for image in (whole(SOFT), profiled, linear, stacked(PHOTO[:16, :16], SOFT), whole(scaled, kind)):
        np.testing.assert_array_equal(mask_levels(image), SOFT)


@pytest.mark.parametrize("value", [0, 1, 255])
def test_a_photograph_may_hold_no_skin_or_nothing_else(value: int) -> None:
    assert (mask_levels(whole(np.full((4, 5), value))) == (255 if value else 0)).all()
    assert not mask_levels(stacked(PHOTO, WANTED * 0)).any()


@pytest.mark.parametrize("kind", REFUSED)
def test_what_could_mean_two_things_is_refused_with_the_reason(kind: str) -> None:
    image, reason = REFUSED[kind]
    with pytest.raises(ImageError, match=reason):
        mask_levels(image)


@given(
    arrays(np.uint8, (5, 6)), st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "I", "F", "I;16", "HSV", "YCbCr"])
)
def test_any_image_is_read_or_refused(values: Any, mode: str) -> None:
    try:
        levels = mask_levels(whole(values, np.uint16) if mode == "I;16" else whole(values).convert(mode))
    except ImageError:
        return
    assert levels.dtype == np.uint8
    assert levels.shape == (5, 6)
