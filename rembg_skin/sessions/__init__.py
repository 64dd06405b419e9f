"""The sessions, one module a family."""

from rembg_skin.sessions.base import SkinSession


def session_classes() -> tuple[type[SkinSession], ...]:
    """Return every session class, in the order in which users see them."""
    return ()
