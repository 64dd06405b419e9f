"""Errors that a user can meet. Each message names the event, the model or file, and a remedy."""

import logging
import sys
from collections.abc import Collection, Iterable
from difflib import get_close_matches

_NAMES_SHOWN = 8
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four: the same in full width
_COMMANDS = {"rembg.cli", "rembg_skin.cli"}  # which print errors
NO_RUNTIME = "The color methods, such as ycbcr_hsv_skin, run without any network."

try:  # With click, the stock `rembg` command prints only the message, without a traceback.
    from click import ClickException as _Base
except ImportError:
    _Base = Exception  # type: ignore[assignment,misc]

try:  # With Starlette, so does rembg's server: an answer and one line in its log.
    from starlette.exceptions import HTTPException as _Answer
except ImportError:

    class _Answer(Exception):  # type: ignore[no-redef] # noqa: N818
        def __init__(self, _status: int, _detail: str) -> None: ...


def server_log() -> logging.Logger | None:
    """Return the log of rembg's server, None in a process that runs none."""
    log = logging.getLogger("uvicorn")
    return log if log.handlers else None


class _BadRequest(_Answer):
    """HTTP status 400 with the message, which concerns the client's request."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


class _Unavailable(_Answer):
    """HTTP status 503 without the message, which may name files of the server: only the log has it."""

    def __init__(self, message: str) -> None:
        super().__init__(503, "This model is not ready on this server, whose log says why.")
        log = server_log()
        if log is None and "starlette.applications" in sys.modules and not _COMMANDS & sys.modules.keys():
            log = logging.getLogger("rembg_skin")  # of another ASGI application
        if log is not None:
            log.error("%s", " ".join(message.split()))


class SkinError(_Base):
    """Base of every error that rembg-skin raises on purpose; its one argument is the message."""

    def __str__(self) -> str:
        return str(self.args[0])


class OptionError(SkinError, _BadRequest, ValueError):
    """An extra has the wrong type or lies outside its range."""

    @classmethod
    def about(cls, model: str, option: str, given: object, allowed: str) -> "OptionError":
        """Return the error for `option` of `model`: the given value, and a description of the allowed ones."""
        shown = repr(given)
        if len(shown) > 60:  # noqa: PLR2004 - values may come from an HTTP client
            shown = shown[:57] + "..."
        return cls(f"{model}: {option}={shown} is not possible; {option} takes {allowed}.")


class ModelError(SkinError, _Unavailable):
    """A network does not fit the catalog, or its result is not a mask."""


class SettingError(SkinError, _Unavailable):
    """An environment variable has a value that means nothing."""


class WeightsError(SkinError, _Unavailable):
    """A model's weights are unavailable or fail verification."""


class ImageError(SkinError, _BadRequest):
    """An image file cannot be read, or a mask is not of its image's size."""


class VideoError(SkinError):
    """A video cannot be read or written."""


class DataError(SkinError):
    """A folder of images and masks is not what a tool needs."""


class ExtraError(SkinError):
    """A tool needs a package of an extra that is not installed."""

    @classmethod
    def about(cls, tool: str, package: str, extra: str) -> "ExtraError":
        """Return the error for `tool` without `package`."""
        return cls(f'{tool} needs {package}, which is not installed: pip install "rembg-skin[{extra}]"')


def did_you_mean(name: str, known: Collection[str], otherwise: Collection[str] = (), *, most: int = 3) -> str:
    """Return "did you mean A or B?" with at most `most` of the known names that are near `name`.

    If none is near, the names are `otherwise`; an empty text if there are none.
    """
    near = get_close_matches(name, known, n=most) or list(otherwise)
    return f"did you mean {' or '.join(near)}?" if near else ""


def listed(names: Iterable[object]) -> str:
    """Return names as one readable list, cut short if there are many."""
    shown = [printable(name) for name in names]
    more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
    return ", ".join(shown[:_NAMES_SHOWN]) + more


def printable(text: object) -> str:
    r"""Return `text` on one line that a terminal shows as it is: names may hold newlines, escape sequences, odd bytes.

    Control, format and separator characters become Python's escapes, bytes that are not UTF-8 such as ``\xff``.
    """
    shown = str(text)
    return shown if shown.isprintable() else "".join(map(_shown, shown))


def csv_cell(text: object) -> str:
    """Return :func:`printable` text for a cell of a CSV file, with a quote before it if a spreadsheet would run it.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def _shown(character: str) -> str:
    from unicodedata import category

    # Joiners make the shapes of emoji and of several scripts.
    if character in "\u200c\u200d" or category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    if 0xDC80 <= (code := ord(character)) <= 0xDCFF:  # noqa: PLR2004 - how Python holds a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
