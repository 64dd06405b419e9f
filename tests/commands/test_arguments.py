"""What is typed after an option: read as it is meant, or refused with what is wrong."""

import argparse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.commands.arguments import ModelChoice, extras, model_choice, natural, positive, seconds, sizes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "name", "given_extras"),
    [
        ("tiny_skin", "tiny_skin", {}),
        ("tiny_skin:size=1024", "tiny_skin", {"size": 1024}),
        ("tiny_skin:size=1024,parts=skin", "tiny_skin", {"size": 1024, "parts": "skin"}),
        ('tiny_skin: parts = "skin" , smooth = false', "tiny_skin", {"parts": "skin", "smooth": False}),
        ("icm_skin:prior=0.25,sweeps=2", "icm_skin", {"prior": 0.25, "sweeps": 2}),
        ('pan_skin:providers=["A", ["B", {"x": 1}]],size=512', "pan_skin", {"providers": ["A", ["B", {"x": 1}]],
                                                                            "size": 512}),
        ('u2net_skin:note="a,b=c:d"', "u2net_skin", {"note": "a,b=c:d"}),
    ],
)  # fmt: skip
def test_a_model_is_a_name_and_its_extras(text: str, name: str, given_extras: dict[str, object]) -> None:
    assert model_choice(text) == ModelChoice(name, given_extras)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_a_choice_prints_is_read_as_the_same_choice(given_extras: dict[str, object]) -> None:
    choice = ModelChoice("tiny_skin", given_extras)
    assert model_choice(str(choice)) == choice


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not NAME"),
        (":size=3", "is not NAME"),
        ("tiny_skin:", "is not NAME"),
        ("tiny_skin:size", "KEY=VALUE is expected"),
        ("tiny_skin:size=", "is not JSON"),
        ("tiny_skin:size=512,", "ends in a comma"),
        ("tiny_skin:size=512 512", "a comma is expected"),
        ("tiny_skin:size=512,size=256", "gives size twice"),
        ("tiny_skin:size=[1", "is not JSON"),
        ("tiny_skin:,size=1", "KEY=VALUE is expected"),
        ("tiny_skin:size=" + "[" * 100_000, "is not JSON"),
    ],
)
def test_a_choice_that_cannot_be_read_says_why(text: str, reason: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=reason):
        model_choice(text)


@given(st.text())
def test_any_text_is_a_choice_or_one_error(text: str) -> None:
    try:
        choice = model_choice(text)
    except argparse.ArgumentTypeError:
        return
    assert choice.name


@pytest.mark.parametrize(
    ("kind", "text", "value", "reason", "wrong"),
    [
        (positive, "1", 1, "a whole number from 1 on", ["0", "-1", "x", "1.5", "", "²"]),
        (natural, "0", 0, "a whole number from 0 on", ["-1", "x", ""]),
        (sizes, "64,128", [64, 128], "a whole number from 1 on", ["64,", "64;128", "0"]),
        (seconds, "0.5", 0.5, "a number above 0", ["0", "-1", "nan", "inf", "x"]),
        (extras, '{"size": 512}', {"size": 512}, "JSON", ["", "[1]", "{size: 1}", "[" * 100_000]),
    ],
)
def test_values_of_their_kind_and_nothing_else(
    kind: Callable[[str], object], text: str, value: object, reason: str, wrong: list[str]
) -> None:
    assert kind(text) == value
    for other in wrong:
        with pytest.raises(argparse.ArgumentTypeError, match=f"not .*{reason}"):
            kind(other)
