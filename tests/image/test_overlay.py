"""A mask laid over its photograph: which pixel has which color."""

import numpy as np
import pytest
from PIL import Image

from rembg_skin.image.overlay import FALSE, MISSED, SKIN, error_overlay, overlay


def tint(level: int, color: tuple[int, int, int], share: float = 0.55) -> list[int]:
    return [round(level + share * (part - level)) for part in color]


@pytest.mark.parametrize("height", [1, 1000])
def test_a_mask_is_laid_over_as_strongly_as_its_level(height: int) -> None:
    mask = np.zeros((height, 3), np.uint8)
    mask[-1] = (0, 255, 51)
    photo = Image.new("RGB", (3, height), (200, 30, 90))
    level = int(np.asarray(photo.convert("L"))[0, 0])
    pixels = np.asarray(overlay(photo, mask))
    assert (pixels[:-1] == level).all()
    assert pixels[-1].tolist() == [[level] * 3, tint(level, SKIN), tint(level, SKIN, 0.2 * 0.55)]


def test_errors_are_told_apart_by_color() -> None:
    predicted, true = np.array([[255, 255, 0, 0]], dtype=np.uint8), np.array([[255, 0, 255, 0]], dtype=np.uint8)
    pixels = np.asarray(error_overlay(Image.new("RGB", (4, 1), (60, 60, 60)), predicted, true))[0].tolist()
    assert pixels == [tint(60, SKIN), tint(60, FALSE), tint(60, MISSED), [60, 60, 60]]
