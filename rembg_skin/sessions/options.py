"""Extras (``rembg i -x '{...}'``, ``new_session(..., cb_min=80)``): what a session takes, checked in one place."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rembg_skin.errors import OptionError


class Option(Protocol):
    """One extra of a session: its default, and the check of a given value."""

    @property
    def default(self) -> object:
        """The value where none is given."""

    @property
    def allowed(self) -> str:
        """What is accepted, in words."""

    def parse(self, value: object) -> object:
        """Return `value` as a plain Python object; raise ValueError where it is not allowed."""


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`, both included; only odd ones, or multiples of `step`, where that is set."""

    default: int | None
    low: int
    high: int
    odd: bool = False
    step: int = 1

    @property
    def allowed(self) -> str:
        """What is accepted, in words."""
        multiple = f", a multiple of {self.step}" if self.step > 1 else ""
        return f"{'an odd' if self.odd else 'a whole'} number from {self.low} to {self.high}{multiple}"

    def parse(self, value: object) -> int:
        """Return `value` as an int; raise ValueError where it is not allowed."""
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise ValueError
        number = int(value)
        if not self.low <= number <= self.high or (self.odd and number % 2 == 0) or number % self.step:
            raise ValueError
        return number


@dataclass(frozen=True)
class Real:
    """A finite number from `low` to `high`, both included."""

    default: float
    low: float
    high: float

    @property
    def allowed(self) -> str:
        """What is accepted, in words."""
        return f"a number from {self.low:g} to {self.high:g}"

    def parse(self, value: object) -> float:
        """Return `value` as a float; raise ValueError where it is not allowed."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise ValueError
        number = float(value)
        if not (math.isfinite(number) and self.low <= number <= self.high):
            raise ValueError
        return number


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    default: str
    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """What is accepted, in words."""
        return "one of " + ", ".join(f'"{word}"' for word in self.words)

    def parse(self, value: object) -> str:
        """Return `value` where it is one of the words; raise ValueError otherwise."""
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return value


@dataclass(frozen=True)
class Switch:
    """True or False."""

    default: bool

    @property
    def allowed(self) -> str:
        """What is accepted, in words."""
        return "true or false"

    def parse(self, value: object) -> bool:
        """Return `value` where it is a boolean; raise ValueError otherwise."""
        if not isinstance(value, bool):
            raise ValueError
        return value


def resolve(model: str, options: Mapping[str, Option], given: Mapping[str, object]) -> dict[str, object]:
    """Return every option's value: the given one where there is one, its default otherwise.

    Parameters
    ----------
    model
        The session's name, for the error.
    options
        What the session takes.
    given
        What was passed to it. Keys that are not among `options` belong to rembg or to nobody and are left alone.

    Raises
    ------
    OptionError
        If a value has the wrong type or is out of range, or if ``x_min`` is above ``x_max``.

    """
    values: dict[str, object] = {}
    for name, option in options.items():
        try:
            values[name] = option.parse(given[name]) if name in given else option.default
        except (ValueError, OverflowError):
            raise OptionError.about(model, name, given[name], option.allowed) from None
    for name, low in values.items():
        # Hue is a circle: there a minimum above the maximum means the range through 0.
        if not name.endswith("_min") or name == "h_min":
            continue
        top = name.removesuffix("_min") + "_max"
        high = values[top]
        if isinstance(low, int) and isinstance(high, int) and low > high:
            raise OptionError.about(model, name, low, f"at most {top}, which is {high}")
    return values
