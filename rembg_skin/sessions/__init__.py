"""The sessions, one module a family."""

from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.classic import CLASSIC_SESSIONS


def session_classes() -> tuple[type[SkinSession], ...]:
    """Return every session class, in the order in which users see them."""
    return CLASSIC_SESSIONS
