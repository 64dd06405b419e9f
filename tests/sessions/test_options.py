"""Extras are checked in one place, with one clear error."""

import pickle

import numpy as np
import pytest

from rembg_skin.errors import OptionError
from rembg_skin.sessions.options import Choice, Integer, Option, Real, Switch, resolve

OPTIONS: dict[str, Option] = {
    "h_min": Integer(0, 0, 179),
    "h_max": Integer(20, 0, 179),
    "cb_min": Integer(85, 0, 255),
    "cb_max": Integer(135, 0, 255),
    "blur": Integer(3, 1, 31, odd=True),
    "angle": Real(0.0, -360.0, 360.0),
    "stretch": Choice("auto", ("auto", "always", "never")),
    "smooth": Switch(True),
}


def test_defaults_fill_what_is_not_given() -> None:
    values = resolve("m", OPTIONS, {"cb_min": 80})
    assert values["cb_min"] == 80
    assert values["cb_max"] == 135
    assert values["stretch"] == "auto"


def test_keys_of_rembg_and_of_nobody_are_left_alone() -> None:
    assert resolve("m", OPTIONS, {"alpha_matting": True, "model_path": "/etc/passwd"}) == resolve("m", OPTIONS, {})


def test_numpy_numbers_become_plain_ones() -> None:
    value = resolve("m", OPTIONS, {"cb_min": np.int64(80)})["cb_min"]
    assert type(value) is int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cb_min", -1),
        ("cb_min", 256),
        ("cb_min", "80"),
        ("cb_min", 80.5),
        ("cb_min", True),
        ("cb_min", None),
        ("cb_min", [80]),
        ("cb_min", float("nan")),
        ("blur", 4),
        ("blur", 33),
        ("angle", float("inf")),
        ("angle", "1"),
        ("angle", 10**400),
        ("stretch", "sometimes"),
        ("stretch", ["auto"]),
        ("smooth", 1),
    ],
)
def test_a_bad_value_gets_one_error_naming_it(name: str, value: object) -> None:
    with pytest.raises(OptionError) as caught:
        resolve("ycbcr_skin", OPTIONS, {name: value})
    message = str(caught.value)
    assert "ycbcr_skin" in message
    assert name in message
    assert OPTIONS[name].allowed in message
    assert "\n" not in message


def test_a_minimum_above_its_maximum_is_an_error() -> None:
    with pytest.raises(OptionError, match="cb_max, which is 135"):
        resolve("m", OPTIONS, {"cb_min": 140})


def test_hue_may_wrap_through_zero() -> None:
    assert resolve("m", OPTIONS, {"h_min": 170})["h_min"] == 170


def test_a_huge_value_does_not_flood_the_message() -> None:
    with pytest.raises(OptionError) as caught:
        resolve("m", OPTIONS, {"cb_min": "x" * 100_000})
    assert len(str(caught.value)) < 200


def test_errors_cross_process_borders() -> None:
    error = OptionError.about("m", "cb_min", -1, "a whole number from 0 to 255")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
