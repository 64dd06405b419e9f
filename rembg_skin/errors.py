"""The errors a user can meet. Each message says what happened, for which model, and what to do."""

from typing import Any

try:  # With click, the stock `rembg` command prints the message alone, without a traceback.
    from click import ClickException as _Base
except ImportError:
    _Base = Exception  # type: ignore[assignment,misc]


class SkinError(_Base):
    """Base of every error that rembg-skin raises on purpose."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)

    def __str__(self) -> str:
        return self.message


class OptionError(SkinError, ValueError):
    """An extra has the wrong type or lies outside its range.

    Parameters
    ----------
    model, option
        The session and the extra concerned.
    given
        The value that was passed.
    allowed
        What would have been accepted, in words.

    """

    def __init__(self, model: str, option: str, given: Any, allowed: str) -> None:  # noqa: ANN401
        shown = repr(given)
        if len(shown) > 60:  # noqa: PLR2004 - values may come from an HTTP client
            shown = shown[:57] + "..."
        super().__init__(f"{model}: {option}={shown} is not possible; {option} takes {allowed}.")


class ImageError(SkinError, ValueError):
    """An image cannot be turned into RGB."""


class ModelError(SkinError):
    """A network is not what the catalogue says, or what it returned is not a mask."""


class WeightsError(SkinError):
    """The weights of a model cannot be had, or are not what they should be."""
