"""Extras are checked in one place, with one clear error."""

import pickle

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from rembg_skin.errors import OptionError
from rembg_skin.sessions.options import Choice, Integer, Option, Real, Switch, finishing, resolve

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


@pytest.mark.parametrize(
    ("given", "named", "silent"),
    [
        ({"cb_max": 80}, "cb_max=80 is not possible; cb_max takes at least 85", "cb_min"),
        ({"cb_min": 90, "cb_max": 80}, "cb_min=90 is not possible; cb_min takes at most cb_max, which is 80", "85"),
        ({"high": 10}, "high=10 is not possible; high takes more than 12", "low="),
        ({"low": 250}, "low=250 is not possible; low takes less than high, which is 240", "high="),
        ({"low": 90, "high": 90}, "low=90 is not possible; low takes less than high, which is 90", "high="),
    ],
)
def test_ends_of_a_range_in_the_wrong_order_are_an_error_about_what_was_given(
    given: dict[str, object], named: str, silent: str
) -> None:
    with pytest.raises(OptionError) as caught:
        resolve("m", {**OPTIONS, **finishing(low=12, high=240)}, given)
    assert named in str(caught.value)
    assert silent not in str(caught.value)


@given_by(
    given=st.dictionaries(
        st.sampled_from([*finishing(), "cb_min", "cb_max", "h_min", "h_max"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.sampled_from(["", "12", "skin"])
        | st.lists(st.integers()),
    )
)
def test_whatever_is_given_is_checked_or_an_error_that_names_one_given_key(given: dict[str, object]) -> None:
    options = {**OPTIONS, **finishing()}
    try:
        values = resolve("m", options, given)
    except OptionError as error:
        blamed = str(error).removeprefix("m: ").split("=")[0]
        assert blamed in given
    else:
        assert list(values) == list(options)
        assert values["low"] < values["high"]
        assert values["cb_min"] <= values["cb_max"]


def test_hue_may_wrap_through_zero() -> None:
    assert resolve("m", OPTIONS, {"h_min": 170})["h_min"] == 170


def test_a_huge_value_does_not_flood_the_message() -> None:
    with pytest.raises(OptionError) as caught:
        resolve("m", OPTIONS, {"cb_min": "x" * 100_000})
    assert len(str(caught.value)) < 200


def test_errors_cross_process_borders() -> None:
    error = OptionError.about("m", "cb_min", -1, "a whole number from 0 to 255")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
