"""Fill rembg's tables with the skin sessions."""

from typing import TYPE_CHECKING

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
