"""The errors a user can meet. Each message says what happened, for which model, and what to do."""

try:  # With click, the stock `rembg` command prints the message alone, without a traceback.
    from click import ClickException as _Base
except ImportError:
    _Base = Exception  # type: ignore[assignment,misc]


class SkinError(_Base):
    """Base of every error that rembg-skin raises on purpose; its one argument is the message."""


class OptionError(SkinError, ValueError):
    """An extra has the wrong type or lies outside its range."""

    @classmethod
    def about(cls, model: str, option: str, given: object, allowed: str) -> "OptionError":
        """Return the error for `option` of `model`: what was given, and in words what is allowed."""
        shown = repr(given)
        if len(shown) > 60:  # noqa: PLR2004 - values may come from an HTTP client
            shown = shown[:57] + "..."
        return cls(f"{model}: {option}={shown} is not possible; {option} takes {allowed}.")


class ModelError(SkinError):
    """A network is not what the catalogue says, or what it returned is not a mask."""


class WeightsError(SkinError):
    """The weights of a model cannot be had, or are not what they should be."""


class ImageError(SkinError):
    """An image file cannot be read, or a mask is not of its image's size."""


class DataError(SkinError):
    """A folder of images and masks is not what a tool needs."""


class ExtraError(SkinError):
    """A tool needs a package of an extra that is not installed."""

    @classmethod
    def about(cls, tool: str, package: str, extra: str) -> "ExtraError":
        """Return the error for `tool` without `package`."""
        return cls(f'{tool} needs {package}, which is not installed: pip install "rembg-skin[{extra}]"')
