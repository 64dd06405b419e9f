"""A mask laid over its photograph: which pixel has which color."""

import numpy as np
from PIL import Image

from rembg_skin.image.overlay import FALSE, MISSED, SKIN, error_overlay, overlay


def gray(level: int, size: tuple[int, int] = (3, 1)) -> Image.Image:
    return Image.new("RGB", size, (level, level, level))


def tint(level: int, color: tuple[int, int, int]) -> list[int]:
    return [round(0.45 * level + 0.55 * part) for part in color]


def test_a_mask_is_laid_over_as_strongly_as_its_level() -> None:
    pixels = np.asarray(overlay(gray(100), np.array([[0, 255, 51]], dtype=np.uint8)))[0].tolist()
    assert pixels[0] == [100, 100, 100]
    assert pixels[1] == tint(100, SKIN)
    assert pixels[2] == [round(100 + 0.2 * 0.55 * (part - 100)) for part in SKIN]


def test_errors_are_told_apart_by_color() -> None:
    predicted, true = np.array([[255, 255, 0, 0]], dtype=np.uint8), np.array([[255, 0, 255, 0]], dtype=np.uint8)
    pixels = np.asarray(error_overlay(gray(60, (4, 1)), predicted, true))[0].tolist()
    assert pixels == [tint(60, SKIN), tint(60, FALSE), tint(60, MISSED), [60, 60, 60]]


def test_a_tall_picture_is_tinted_to_its_last_row() -> None:
    mask = np.zeros((1000, 2), np.uint8)
    mask[-1] = 255
    pixels = np.asarray(overlay(Image.new("RGB", (2, 1000), (200, 30, 90)), mask))
    lightness = Image.new("RGB", (1, 1), (200, 30, 90)).convert("L").getpixel((0, 0))
    assert isinstance(lightness, int)
    assert (pixels[:-1] == lightness).all()
    assert (pixels[-1] == tint(lightness, SKIN)).all()
