"""Warn once about each unknown extra; rembg ignores them silently."""

import inspect
import sys
import threading
import warnings
from collections.abc import Collection, Iterable

from rembg_skin.errors import did_you_mean

# Arguments of rembg's `new_session` and sessions, and of the versions whose `remove` does not name all of its own.
_OF_REMBG = frozenset(
    ("model_name", "sess_opts", "providers", "putalpha", "decontaminate", "vitmatte", "vitmatte_model")
)
_MOST = 100  # warnings of one process: an HTTP client chooses the names
_LONGEST = 40  # characters of a name that are shown
_warned: set[tuple[str, str]] = set()
_lock = threading.Lock()


def warn_unknown(model: str, options: Collection[str], given: Iterable[str], *, stacklevel: int) -> None:
    """Warn of each name in `given` that is neither an extra of the session nor rembg's, once in a process.

    Parameters
    ----------
    model
        The session's name.
    options
        The names of its extras.
    given
        The names of its arguments.
    stacklevel
        As for :func:`warnings.warn`, counted from the caller of this function.

    """
    remove = getattr(sys.modules.get("rembg.bg"), "remove", None)
    of_rembg = _OF_REMBG if remove is None else _OF_REMBG | inspect.signature(remove).parameters.keys()
    for name in given:
        if name in options or name in of_rembg or not _is_first(model, name):
            continue
        shown = repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
        meant = did_you_mean(name, options, most=1) or f"it takes {', '.join(options)}."
        text = f"{model}: there is no extra {shown}, so it was ignored; {meant}"
        warnings.warn(text, RuntimeWarning, stacklevel=stacklevel + 1)


def _is_first(model: str, name: str) -> bool:
    with _lock:
        if (model, name) in _warned or len(_warned) >= _MOST:
            return False
        _warned.add((model, name))
        return True
