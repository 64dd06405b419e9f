"""The sessions, one module a family."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rembg_skin.sessions.base import SkinSession


@cache
def session_classes() -> dict[str, type["SkinSession"]]:
    """Return every session class by its name; `skin` is another name of one of them."""
    from rembg_skin.sessions.classic import CLASSIC_SESSIONS
    from rembg_skin.sessions.face import FaceSession
    from rembg_skin.sessions.mediapipe import MediapipeSession
    from rembg_skin.sessions.neural import NEURAL_SESSIONS

    classes: tuple[type[SkinSession], ...] = (*NEURAL_SESSIONS, MediapipeSession, *CLASSIC_SESSIONS, FaceSession)
    return {cls.name(): cls for cls in classes}
