"""What the page shows for each extra."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.sessions import session_classes
from rembg_skin.sessions.options import Option, Real
from rembg_skin.tune.controls import widget

EXTRAS = {(name, str(option)): option for cls in session_classes().values() for name, option in cls.options.items()}


@pytest.mark.parametrize(("name", "option"), [(name, option) for (name, _), option in EXTRAS.items()])
def test_an_extra_has_a_short_line_of_its_own_and_a_widget_of_allowed_values(name: str, option: Option) -> None:
    shown = widget(name, option)
    line = str(shown["help"])
    assert line.endswith(".")
    assert option.allowed not in line, f"{name} has no line"
    assert len(line) <= 60
    match shown:
        case {"kind": "slider", "low": float() | int() as low, "high": float() | int() as high, "step": step}:
            assert low <= float(str(shown["value"])) <= high
            assert [option.parse(end) for end in (low, high)] == [low, high]
            assert (high - low) / float(str(step)) >= 7  # some steps to try
        case {"kind": "list", "choices": list(choices)}:
            assert 2 < len(choices) <= 41
            assert [option.parse(choice) for choice in choices] == choices
        case _:
            assert shown["value"] == option.default


def test_an_extra_without_a_line_states_its_range() -> None:
    assert widget("new", Real(1.0, 0.0, 2.0))["help"] == "Takes a number from 0 to 2."


@given(low=st.floats(-1e4, 1e4), width=st.floats(1e-3, 1e5))
def test_the_slider_of_a_real_number_has_some_hundred_steps(low: float, width: float) -> None:
    assert 94 <= width / float(str(widget("new", Real(low, low, low + width))["step"])) <= 950
