"""Any rembg session by its name, and the one mask that it makes of an image."""

from typing import Any

import numpy as np
from PIL.Image import Image as PILImage

from rembg_skin.errors import ModelError, SkinError, did_you_mean
from rembg_skin.image.arrays import Mask


def session_names() -> list[str]:
    """Return the names of all sessions that rembg knows, the skin ones among them."""
    import rembg_skin

    rembg_skin.register()  # PYTHONPATH and frozen applications have no start-up hook
    from rembg.sessions import sessions

    return list(sessions)


def distinct(names: list[str]) -> list[str]:
    """Return the names, each once; raise ModelError, with names that are near, for one that rembg does not know."""
    known = session_names()
    for name in names:
        if name not in known:
            skin = [other for other in known if other.endswith("_skin")]
            raise ModelError(f'rembg has no model "{name}"; {did_you_mean(name, known, skin)}')
    return list(dict.fromkeys(names))


def open_session(name: str, /, **options: object) -> Any:  # noqa: ANN401 - rembg ships no types
    """Return a new session; its weights are downloaded if they are not on disk.

    Raises
    ------
    ModelError
        If rembg has no such model, or it cannot be started.

    """
    distinct([name])
    from rembg import new_session

    try:
        return new_session(name, **options)
    except SkinError:
        raise
    except Exception as error:
        raise ModelError(f"{name} cannot be started: {type(error).__name__}: {error}") from error


def predict_mask(session: Any, image: PILImage) -> Mask:  # noqa: ANN401
    """Return the session's mask of `image`: uint8, height x width; where it makes several, their maximum.

    Raises
    ------
    ModelError
        If the session makes no mask, or one of another size.

    """
    masks = [np.asarray(mask.convert("L")) for mask in session.predict(image)]
    shape = (image.height, image.width)
    if not masks or any(mask.shape != shape for mask in masks):
        raise ModelError(f"{session.name()} made no mask of the image's size, {image.width}x{image.height}.")
    return masks[0] if len(masks) == 1 else np.maximum.reduce(masks)
