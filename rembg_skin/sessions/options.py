"""Declare and check the extras of a session (``rembg i -x '{...}'``, ``new_session(..., cb_min=80)``)."""

import inspect
import numbers
import sys
import threading
import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rembg_skin.errors import OptionError, did_you_mean

# Arguments of rembg's `new_session` and sessions, and of the versions whose `remove` does not name all of its own.
_OF_REMBG = frozenset(
    ("model_name", "sess_opts", "providers", "putalpha", "decontaminate", "vitmatte", "vitmatte_model")
)
_MOST = 100  # warnings of one process: an HTTP client chooses the names
_LONGEST = 40  # characters of a name that are shown


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`, both included, by a `step` that divides `low`; odd ones by 2 from an odd."""

    default: int | None
    low: int
    high: int
    step: int = 1

    @property
    def allowed(self) -> str:
        """The accepted values, for messages."""
        odd = self.low % self.step > 0
        multiple = f", a multiple of {self.step}" if self.step > 1 and not odd else ""
        return f"{'an odd' if odd else 'a whole'} number from {self.low} to {self.high}{multiple}"

    def parse(self, value: object) -> int:
        """Return `value` as an int; raise ValueError if it is not allowed."""
        if isinstance(value, numbers.Integral) and not isinstance(value, bool):
            number = int(value)
            if number in range(self.low, self.high + 1, self.step):
                return number
        raise ValueError


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
        """Return `value` as a float; raise ValueError or OverflowError if it is not allowed."""
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            number = float(value)
            if self.low <= number <= self.high:
                return number
        raise ValueError


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
        if isinstance(value, str) and value in self.words:
            return value
        raise ValueError


@dataclass(frozen=True)
class Switch:
    """True or False."""

    default: bool
    allowed = "true or false"

    def parse(self, value: object) -> bool:
        """Return `value` if it is a boolean; raise ValueError otherwise."""
        if isinstance(value, bool):
            return value
        raise ValueError


Option = Integer | Real | Choice | Switch
DETAIL = Choice("fast", ("fast", "fine"))


def finishing(low: int = 0, high: int = 255) -> dict[str, Option]:
    """Return the extras of every session, in the order in which they change its mask; the arguments are defaults."""
    return {
        "parts": Choice("region", ("region", "skin")),
        "threshold": Integer(None, 0, 255),
        "low": Integer(low, 0, 254),
        "high": Integer(high, 1, 255),
        "grow": Integer(0, -200, 200),
        "feather": Real(0.0, 0.0, 200.0),
        "invert": Switch(default=False),
    }


def resolve(model: str, options: Mapping[str, Option], given: Mapping[str, object]) -> dict[str, Any]:
    """Return the value of every option of the session `model`: the given one, otherwise its default.

    Other keys of `given` are ignored: they belong to rembg or to no one. Raise OptionError if a value has the wrong
    type or is out of range, or if the two ends of a range are in the wrong order.
    """
    values: dict[str, Any] = {}
    for name, option in options.items():
        try:
            values[name] = option.parse(given[name]) if name in given else option.default
        except (ValueError, OverflowError):
            raise OptionError.about(model, name, given[name], option.allowed) from None
    # Hue is a circle: there a minimum above the maximum means the range through 0.
    lowest = [name for name in options if name.endswith("_min") and name != "h_min"]
    ranges = [(name, f"{name.removesuffix('_min')}_max", 0) for name in lowest]
    for lower, upper, apart in [*ranges, ("low", "high", 1)]:
        low, high = values.get(lower, 0), values.get(upper, 1)
        if high - low >= apart:
            continue
        if lower in given:
            limit = f"{'less than' if apart else 'at most'} {upper}, which is {high}"
            raise OptionError.about(model, lower, low, limit)
        limit = f"{'more than' if apart else 'at least'} {low} unless the range's lower end is given, too"
        raise OptionError.about(model, upper, high, limit)
    return values


_warned: set[tuple[str, str]] = set()
_lock = threading.Lock()


def warn_unknown(model: str, options: Collection[str], given: Iterable[str], *, stacklevel: int) -> None:
    """Warn of each name in `given` that is neither of the `options` of the session `model` nor rembg's, once a process.

    `stacklevel` is that of :func:`warnings.warn`, counted from the caller of this function.
    """
    remove = getattr(sys.modules.get("rembg.bg"), "remove", None)
    of_rembg = _OF_REMBG if remove is None else _OF_REMBG | inspect.signature(remove).parameters.keys()
    for name in given:
        if name in options or name in of_rembg:
            continue
        with _lock:
            if (model, name) in _warned or len(_warned) >= _MOST:
                continue
            _warned.add((model, name))
        shown = repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
        meant = did_you_mean(name, options, most=1) or f"it takes {', '.join(options)}."
        text = f"{model}: there is no extra {shown}, so it was ignored; {meant}"
        warnings.warn(text, RuntimeWarning, stacklevel=stacklevel + 1)
