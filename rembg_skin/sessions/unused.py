"""Extras that a session does not take: a warning, once each, as rembg itself ignores them without a word."""

import inspect
import sys
import threading
import warnings
from collections.abc import Collection, Iterable

from rembg_skin.errors import did_you_mean

# What rembg's commands, server and functions pass on; `remove` names most of it, and what a later rembg adds.
_REMBGS = frozenset(
    {
        "alpha_matting",
        "alpha_matting_background_threshold",
        "alpha_matting_erode_size",
        "alpha_matting_foreground_threshold",
        "bgcolor",
        "decontaminate",
        "force_return_bytes",
        "model_name",
        "only_mask",
        "post_process_mask",
        "providers",
        "putalpha",
        "sess_opts",
        "session",
        "vitmatte",
        "vitmatte_model",
    }
)
_MOST = 100  # warnings of one process: an HTTP client chooses the names
_LONGEST = 40  # characters of a name that are shown
_told: set[tuple[str, str]] = set()
_telling = threading.Lock()


def warn_unused(model: str, options: Collection[str], given: Iterable[str], *, stacklevel: int) -> None:
    """Warn of each given extra that is neither among `options` nor rembg's own, once in a process.

    Parameters
    ----------
    model
        The session's name.
    options
        What it takes.
    given
        The names that were passed to it.
    stacklevel
        As for :func:`warnings.warn`, seen from the caller of this function.

    """
    for name in given:
        if name in options or name in _rembgs() or not _is_news(model, name):
            continue
        shown = repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
        meant = did_you_mean(name, options, most=1) or f"it takes {', '.join(options)}."
        warnings.warn(
            f"{model}: there is no extra {shown}, so it was ignored; {meant}", RuntimeWarning, stacklevel=stacklevel + 1
        )


def _rembgs() -> Collection[str]:
    remove = getattr(sys.modules.get("rembg.bg"), "remove", None)
    return _REMBGS if remove is None else _REMBGS | inspect.signature(remove).parameters.keys()


def _is_news(model: str, name: str) -> bool:
    with _telling:
        if (model, name) in _told or len(_told) >= _MOST:
            return False
        _told.add((model, name))
        return True
