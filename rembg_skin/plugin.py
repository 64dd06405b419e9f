"""Fill rembg's tables with the skin sessions, and open any session from them."""

import os
from typing import TYPE_CHECKING, Any

from rembg_skin.catalog import MODELS

if TYPE_CHECKING:
    from rembg_skin.sessions.base import SkinSession


def session_classes() -> tuple[type["SkinSession"], ...]:
    """Return every session class, in the order in which users see them."""
    from rembg_skin.sessions.auto import CHOICES, AutoSession

    return (AutoSession, *CHOICES)


def register() -> None:
    """Add every skin session to rembg's tables, in place; a name that rembg has already stays rembg's.

    The command, the server and ``new_session`` all read these very lists. Registering twice changes nothing.
    """
    from rembg import sessions as tables

    for cls in session_classes():
        name = cls.name()
        if name in tables.sessions:
            continue
        tables.sessions[name] = cls
        tables.sessions_names.append(name)
        tables.sessions_class.append(cls)
        # rembg 2.0.78 and later.
        if hasattr(tables, "sessions_names_no_credentials"):
            tables.sessions_names_no_credentials.append(name)
        if hasattr(tables, "sessions_names_downloadable") and (MODELS[name].sources or MODELS[name].extra_files):
            tables.sessions_names_downloadable.append(name)


def open_session(name: str, /, sess_opts: Any = None, **options: object) -> Any:  # noqa: ANN401 - rembg has no types
    """Return a new session, as rembg's ``new_session`` does, which fails if OMP_NUM_THREADS is empty or a list.

    Parameters
    ----------
    name
        A name in rembg's tables.
    sess_opts
        ONNX Runtime's settings; None for its own. As in rembg, OMP_NUM_THREADS says how many threads they have, if they
        do not say it themselves.
    **options
        Providers and extras.

    """
    import onnxruntime as ort

    settings = sess_opts or ort.SessionOptions()
    if threads := _openmp_threads():
        settings.inter_op_num_threads = settings.inter_op_num_threads or threads
        settings.intra_op_num_threads = settings.intra_op_num_threads or threads
    return session_class(name)(name, settings, **options)


def session_class(name: str) -> Any:  # noqa: ANN401
    """Return the class of a session in rembg's tables, into which the skin sessions are put before."""
    register()
    from rembg.sessions import sessions

    return sessions[name]


def _openmp_threads() -> int:
    """Return the number in OMP_NUM_THREADS, the first one of a list: the outermost level's; 0 if there is none."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isascii() and first.isdecimal() and len(first) < 5 else 0  # noqa: PLR2004 - no machine
