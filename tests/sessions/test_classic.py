"""The masks of the color methods are those of the public scripts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session

from tests.support import reference
from tests.support.photos import SKIN

each_method = pytest.mark.parametrize("name", reference.METHODS)
Pixels = NDArray[np.uint8]


def mask_of(name: str, rgb: Pixels, **extras: object) -> Pixels:
    return np.asarray(new_session(name).predict(Image.fromarray(rgb), **extras)[0])


def agreement(mask: Pixels, oracle: Pixels) -> float:
    return float((mask == oracle).mean())


@each_method
def test_masks_of_photographs_agree_with_the_reference_procedure(name: str, photos: list[Path]) -> None:
    for photo in photos[::3] if name == "icm_skin" else photos:
        rgb = np.asarray(Image.open(photo).convert("RGB"))
        least = 0.995 if name == "icm_skin" else 0.999
        assert agreement(mask_of(name, rgb), reference.METHODS[name](rgb)) >= least, photo.name


@each_method
@pytest.mark.parametrize("pixels", ["color_cube", "color_patches"])
def test_masks_of_random_images_agree_with_the_reference_procedure(
    name: str, pixels: str, request: pytest.FixtureRequest
) -> None:
    rgb: Pixels = request.getfixturevalue(pixels)
    mask = mask_of(name, rgb)
    assert agreement(mask, reference.METHODS[name](rgb)) >= (0.995 if name == "icm_skin" else 0.999)
    if pixels == "color_patches":
        assert 0.005 < (mask > 127).mean() < 0.5  # the agreement is not that of two empty masks


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
    assert agreement(mask_of(name, color_patches, **extras), oracle(color_patches)) >= 0.999


def test_the_fields_extras_change_its_mask(color_patches: Pixels) -> None:
    default = mask_of("icm_skin", color_patches)
    for extras in ({"prior": 0.6}, {"smoothness": 0.0}, {"sweeps": 0}):
        assert not np.array_equal(mask_of("icm_skin", color_patches, **extras), default), extras


@each_method
def test_sessions_need_no_file_and_no_network(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    session = new_session(name)
    assert type(session).download_models() is None
    session.predict(Image.new("RGB", (8, 8), SKIN))
    assert not (tmp_path / "home").exists()
