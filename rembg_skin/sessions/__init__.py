"""The sessions, one module a family."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rembg_skin.sessions.base import SkinSession


def session_classes() -> tuple[type["SkinSession"], ...]:
    """Return every session class, in the order in which users see them."""
    return ()


# Last, because rembg's import registers the sessions: whichever module of this package is imported first, this one is
# complete by then.
import rembg.sessions  # noqa: E402, F401
