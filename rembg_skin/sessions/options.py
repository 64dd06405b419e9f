"""Declare and check the extras of a session (``rembg i -x '{...}'``, ``new_session(..., cb_min=80)``)."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rembg_skin.errors import OptionError


@dataclass(frozen=True)
class Integer:
    """An integer from `low` to `high`, both included; only odd ones, or multiples of `step`, if that is set."""

    default: int | None
    low: int
    high: int
    odd: bool = False
    step: int = 1

    @property
    def allowed(self) -> str:
        """The accepted values, for messages."""
        multiple = f", a multiple of {self.step}" if self.step > 1 else ""
        return f"{'an odd' if self.odd else 'a whole'} number from {self.low} to {self.high}{multiple}"

    def parse(self, value: object) -> int:
        """Return `value` as an int; raise ValueError if it is not allowed."""
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
        """The accepted values, for messages."""
        return f"a number from {self.low:g} to {self.high:g}"

    def parse(self, value: object) -> float:
        """Return `value` as a float; raise ValueError if it is not allowed."""
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
        """The accepted values, for messages."""
        return "one of " + ", ".join(f'"{word}"' for word in self.words)

    def parse(self, value: object) -> str:
        """Return `value` if it is one of the words; raise ValueError otherwise."""
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return value


@dataclass(frozen=True)
class Switch:
    """True or False."""

    default: bool

    @property
    def allowed(self) -> str:
        """The accepted values, for messages."""
        return "true or false"

    def parse(self, value: object) -> bool:
        """Return `value` if it is a boolean; raise ValueError otherwise."""
        if not isinstance(value, bool):
            raise ValueError
        return value


Option = Integer | Real | Choice | Switch
PARTS = Choice("region", ("region", "skin"))
DETAIL = Choice("fast", ("fast", "fine"))


def finishing(low: int = 0, high: int = 255) -> dict[str, Option]:
    """Return the extras of every session, in the order in which they change its mask.

    Parameters
    ----------
    low, high
        The session's default levels.

    """
    return {
        "parts": PARTS,
        "threshold": Integer(None, 0, 255),
        "low": Integer(low, 0, 254),
        "high": Integer(high, 1, 255),
        "grow": Integer(0, -200, 200),
        "feather": Real(0.0, 0.0, 200.0),
        "invert": Switch(default=False),
    }


def resolve(model: str, options: Mapping[str, Option], given: Mapping[str, object]) -> dict[str, Any]:
    """Return the value of every option: the given one, otherwise its default.

    Parameters
    ----------
    model
        The session's name, for the error.
    options
        The session's extras.
    given
        The arguments of the session. Other keys are ignored: they belong to rembg or to no one.

    Raises
    ------
    OptionError
        If a value has the wrong type or is out of range, or if the two ends of a range are in the wrong order.

    """
    values: dict[str, Any] = {}
    for name, option in options.items():
        try:
            values[name] = option.parse(given[name]) if name in given else option.default
        except (ValueError, OverflowError):
            raise OptionError.about(model, name, given[name], option.allowed) from None
    for name in values:
        if name == "low":
            _check_range(model, values, given, ("low", "high"), apart=1)
        # Hue is a circle: there a minimum above the maximum means the range through 0.
        elif name.endswith("_min") and name != "h_min":
            _check_range(model, values, given, (name, f"{name.removesuffix('_min')}_max"), apart=0)
    return values


def _check_range(
    model: str, values: Mapping[str, object], given: Mapping[str, object], ends: tuple[str, str], *, apart: int
) -> None:
    """Raise OptionError, about an end that was given, unless the upper end is at least `apart` above the lower one."""
    lower, upper = ends
    low, high = values[lower], values[upper]
    if not isinstance(low, int) or not isinstance(high, int) or low + apart <= high:
        return
    if lower in given:
        limit = f"at most {upper}" if apart == 0 else f"less than {upper}"
        raise OptionError.about(model, lower, low, f"{limit}, which is {high}")
    limit = f"at least {low}" if apart == 0 else f"more than {low}"
    raise OptionError.about(model, upper, high, f"{limit} unless the range's lower end is given, too")
