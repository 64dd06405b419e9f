"""What the page shows for each extra."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rembg_skin
from rembg_skin.sessions.options import Integer, Option, Real

rembg_skin.register()

from rembg_skin.tune.controls import choices_of, digits_of, help_of, range_of, step_of  # noqa: E402
from rembg_skin.tune.tuner import METHODS  # noqa: E402

EXTRAS = [(method, name, option) for method, cls in METHODS.items() for name, option in cls.options.items()]


def test_the_network_of_the_package_comes_first_and_the_classic_methods_after_it() -> None:
    assert list(METHODS) == [
        "tiny_skin",
        "hsv_skin",
        "ycbcr_skin",
        "ycbcr_hsv_skin",
        "ellipse_skin",
        "diagonal_skin",
        "icm_skin",
    ]


@pytest.mark.parametrize(("method", "name", "option"), EXTRAS)
def test_every_extra_has_a_short_line_of_its_own(method: str, name: str, option: Option) -> None:
    line = help_of(name, option)
    assert line.endswith(".")
    assert option.allowed not in line, f"{method}: {name} has no line"
    assert len(line) <= 60


def test_an_extra_without_a_line_says_its_range() -> None:
    assert help_of("new", Real(1.0, 0.0, 2.0)) == "Takes a number from 0 to 2."


@pytest.mark.parametrize(("method", "name", "option"), EXTRAS)
def test_a_slider_holds_its_default_and_only_allowed_numbers(method: str, name: str, option: Option) -> None:
    if not isinstance(option, Integer | Real):
        return
    low, high = range_of(name, option)
    assert option.low <= low < high <= option.high, method
    if option.default is None:
        choices = choices_of(name, option)
        assert 2 < len(choices) <= 41
        assert [option.parse(choice) for choice in choices] == choices
    else:
        assert low <= option.default <= high
        assert option.parse(low) == low
        assert (high - low) / step_of(name, option) >= 7  # some steps to try


@given(low=st.floats(-1e4, 1e4), width=st.floats(1e-3, 1e5))
def test_a_slider_has_a_thousand_steps_or_more_and_not_far_more(low: float, width: float) -> None:
    assert 999 <= width / step_of("new", Real(low, low, low + width)) <= 10_100


@pytest.mark.parametrize(("step", "digits"), [(1, 0), (2, 0), (0.1, 1), (0.01, 2), (10.0, 0)])
def test_a_number_shows_the_digits_of_its_step(step: float, digits: int) -> None:
    assert digits_of(step) == digits
