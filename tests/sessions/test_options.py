"""Extras are checked in one place, with one clear error; an unknown one is a warning."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st
from PIL import Image
from rembg import new_session, remove

from rembg_skin.errors import OptionError
from rembg_skin.sessions import options
from rembg_skin.sessions.options import Choice, Integer, Option, Real, Switch, finishing, resolve
from tests.support.photos import SKIN

OPTIONS: dict[str, Option] = {
    "h_min": Integer(0, 0, 179),
    "h_max": Integer(20, 0, 179),
    "cb_min": Integer(85, 0, 255),
    "cb_max": Integer(135, 0, 255),
    "blur": Integer(3, 1, 31, step=2),
    "size": Integer(None, 64, 1024, step=32),
    "angle": Real(0.0, -360.0, 360.0),
    "stretch": Choice("auto", ("auto", "always", "never")),
    "smooth": Switch(True),
    **finishing(low=12, high=240),
}
PHOTO = Image.new("RGB", (8, 8), SKIN)


@pytest.fixture(autouse=True)
def _nothing_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_warned", set())


def test_defaults_fill_what_is_not_given_and_other_keys_are_left_alone() -> None:
    given = {"cb_min": np.int64(80), "h_min": 170, "alpha_matting": True, "model_path": "/etc/passwd"}
    values = resolve("m", OPTIONS, given)
    assert type(values["cb_min"]) is int
    # Hue may wrap through zero.
    expected = {name: option.default for name, option in OPTIONS.items()} | {"cb_min": 80, "h_min": 170}
    assert values == expected


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *(
            ("cb_min", value, "a whole number from 0 to 255")
            for value in (-1, 256, "80", 80.5, True, None, [80], float("nan"), "x" * 100_000)
        ),
        ("blur", 4, "an odd number from 1 to 31"),
        ("blur", 33, "an odd number from 1 to 31"),
        ("size", 65, "a whole number from 64 to 1024, a multiple of 32"),
        *(("angle", value, "a number from -360 to 360") for value in (float("inf"), "1", 10**400, True)),
        ("stretch", "sometimes", 'one of "auto", "always", "never"'),
        ("stretch", ["auto"], 'one of "auto", "always", "never"'),
        ("smooth", 1, "true or false"),
        ("cb_min", 140, "at most cb_max, which is 135"),
    ],
)
def test_a_bad_value_gets_one_short_line_that_names_it_and_what_is_allowed(
    name: str, value: object, allowed: str
) -> None:
    with pytest.raises(OptionError) as caught:
        resolve("ycbcr_skin", OPTIONS, {name: value})
    message = str(caught.value)
    assert message.startswith(f"ycbcr_skin: {name}=")
    assert message.endswith(f"{name} takes {allowed}.")
    assert len(message) < 200
    assert "\n" not in message


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
        resolve("m", OPTIONS, given)
    assert named in str(caught.value)
    assert silent not in str(caught.value)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "12", "skin"])


@given_by(given=st.dictionaries(st.sampled_from([*OPTIONS]), VALUES | st.lists(st.integers())))
def test_whatever_is_given_is_checked_or_an_error_that_names_one_given_key(given: dict[str, object]) -> None:
    blamed, values = "", dict[str, int]()
    try:
        values = resolve("m", OPTIONS, given)
    except OptionError as error:
        blamed = str(error).removeprefix("m: ").split("=")[0]
    if blamed:
        assert blamed in given
        return
    assert list(values) == list(OPTIONS)
    assert values["low"] < values["high"]
    assert values["cb_min"] <= values["cb_max"]


def test_errors_cross_process_borders() -> None:
    error = OptionError.about("m", "cb_min", -1, "a whole number from 0 to 255")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def told(**extras: object) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        new_session("ycbcr_skin", **extras).predict(PHOTO, **extras)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("misspelt", "rest"),
    [
        ("theshold", "did you mean threshold?"),
        ("cbmin", "did you mean cb_min?"),
        ("Low", "did you mean low?"),
        ("input_points", "it takes cb_min, cb_max"),  # of another session
    ],
)
def test_an_unknown_extra_is_told_once_with_what_was_meant(misspelt: str, rest: str) -> None:
    (line,) = told(**{misspelt: 100})
    assert line.startswith(f"ycbcr_skin: there is no extra '{misspelt}', so it was ignored; {rest}")
    assert told(**{misspelt: 100}) == []


def test_what_is_rembgs_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    of_rembg = {"putalpha": True, "decontaminate": True, "vitmatte": False, "alpha_matting_erode_size": 10}
    assert told(**of_rembg, providers=["CPUExecutionProvider"], cb_min=80) == []

    def remove(data: bytes, sharpen: int = 0) -> None: ...

    monkeypatch.setattr("rembg.bg.remove", remove)  # a later rembg's
    assert told(sharpen=3) == []


def test_remove_tells_it_too() -> None:
    session = new_session("ycbcr_skin")
    with pytest.warns(RuntimeWarning, match="did you mean invert"):
        remove(PHOTO, session=session, only_mask=True, invrt=True)


def test_no_client_fills_the_log() -> None:
    lines = [line for number in range(110) for line in told(**{f"{number}\n\x1b[31m{'x' * 5000}": 1})]
    assert len(lines) == 100
    assert all("\n" not in line and "\x1b" not in line and len(line) < 400 for line in lines)


@pytest.mark.e2e
def test_rembgs_own_command_warns_of_a_misspelt_extra_and_of_none_of_its_options(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "photo.png")
    start = [sys.executable, "-c", "import rembg_skin; from rembg.cli import main; rembg_skin.register(); main()", "i"]
    options = ["-m", "ycbcr_skin", "-om", "-dc", "-bgc", "1", "2", "3", "4", "-x", '{"gow": 1}']
    files = [str(tmp_path / "photo.png"), str(tmp_path / "out.png")]
    done = subprocess.run([*start, *options, *files], capture_output=True, text=True, check=True)
    assert done.stderr.count("Warning") == done.stderr.count("there is no extra 'gow'") == 1
