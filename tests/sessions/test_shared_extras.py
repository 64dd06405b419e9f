"""The extras that every session shares: what they do to the mask, for any image."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from rembg import new_session

import rembg_skin
from rembg_skin.errors import OptionError
from rembg_skin.image.finish import grown
from rembg_skin.sessions import session_classes
from rembg_skin.sessions.options import finishing
from tests.support.networks import place, red_network
from tests.support.photos import MODES, SKIN, of_mode

rembg_skin.register()

NAMES = ["ycbcr_skin", "icm_skin", "tiny_skin"]
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


def levels(name: str, image: Image.Image, **extras: object) -> NDArray[np.uint8]:
    (mask,) = new_session(name).predict(image, **extras)
    assert (mask.mode, mask.size) == ("L", image.size)
    return np.asarray(mask)


def test_every_session_takes_them() -> None:
    for name, cls in session_classes().items():
        assert set(finishing()) <= set(cls.options), name
        assert list(cls.options)[-len(finishing()) :] == list(finishing()), name


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 60), st.integers(1, 60)), extras=EXTRAS)
def test_any_mode_size_and_extra_gives_a_mask_of_the_images_size(
    name: str, mode: str, size: tuple[int, int], extras: Mapping[str, object]
) -> None:
    image = of_mode(mode, size)
    found = levels(name, image, **extras)
    assert np.array_equal(255 - found, levels(name, image, **{**extras, "invert": not extras.get("invert", False)}))


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(extras=EXTRAS)
def test_a_fully_transparent_pixel_is_never_skin(name: str, extras: Mapping[str, object]) -> None:
    image = Image.new("RGBA", (60, 40), (*SKIN, 255))
    image.paste((*SKIN, 0), (30, 0, 60, 40))
    hidden = levels(name, image, **extras)[:, 30:]
    assert (hidden == (255 if extras.get("invert") else 0)).all()


@pytest.mark.filterwarnings("ignore:MODEL_CHECKSUM_DISABLED")
def test_the_networks_mask_is_finished_in_order(home: Path, astronaut: Image.Image) -> None:
    place(home, "u2net_skin", red_network(1024))
    small = astronaut.resize((90, 90))
    plain = Image.fromarray(levels("u2net_skin", small))
    binary = plain.point(lambda level: 255 * (level > 100))
    expected = np.asarray(grown(binary, -2).filter(ImageFilter.GaussianBlur(1.5)))
    assert np.array_equal(levels("u2net_skin", small, threshold=100, grow=-2, feather=1.5), expected)


@pytest.mark.parametrize(
    ("extras", "named"),
    [
        ({"grow": 201}, "grow"),
        ({"grow": 1.5}, "grow"),
        ({"feather": -1}, "feather"),
        ({"feather": float("nan")}, "feather"),
        ({"low": 200, "high": 100}, "low=200"),
        ({"invert": 1}, "invert"),
        ({"parts": "eyes"}, "parts"),
    ],
)
def test_a_bad_one_is_an_error_before_and_during_predict(extras: dict[str, object], named: str) -> None:
    with pytest.raises(OptionError, match=f"ycbcr_skin: {named}"):
        new_session("ycbcr_skin", **extras)
    with pytest.raises(OptionError, match=f"ycbcr_skin: {named}"):
        new_session("ycbcr_skin").predict(Image.new("RGB", (4, 4)), **extras)
