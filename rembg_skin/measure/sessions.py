"""Any rembg session by its name, and the one mask that it makes of an image."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL.Image import Image as PILImage

from rembg_skin.errors import ModelError, OptionError, SkinError, did_you_mean
from rembg_skin.image.arrays import Mask


def session_names() -> list[str]:
    """Return the names of all sessions that rembg knows, the skin ones among them."""
    import rembg_skin

    rembg_skin.register()  # PYTHONPATH and frozen applications have no start-up hook
    from rembg.sessions import sessions

    return list(sessions)


def check_names(names: Iterable[str]) -> None:
    """Raise ModelError, with names that are near, for a name that rembg does not know."""
    known = session_names()
    for name in names:
        if name not in known:
            skin = [other for other in known if other.endswith("_skin")]
            raise ModelError(f'rembg has no model "{name}"; {did_you_mean(name, known, skin)}')


def check_extras(name: str, extras: Mapping[str, object]) -> None:
    """Raise OptionError for an extra that the skin session `name` does not take; rembg's own take any."""
    from rembg.sessions import sessions

    takes = getattr(sessions[name], "options", None)
    if takes is None or name == "skin":  # `skin` hands them to the session that it takes
        return
    for extra in extras:
        if extra not in takes and extra != "providers":
            meant = did_you_mean(extra, list(takes)) or "it takes none."
            raise OptionError(f'{name}: there is no extra "{extra}"; {meant}')


def open_session(name: str, /, extras: Mapping[str, object] | None = None, **options: object) -> Any:  # noqa: ANN401 - rembg ships no types
    """Return a new session; its weights are downloaded if they are not on disk.

    Parameters
    ----------
    name
        A session that rembg knows.
    extras
        The session's extras, as a user gave them.
    **options
        Other arguments of :func:`rembg_skin.plugin.open_session`.

    Raises
    ------
    ModelError
        If rembg has no such model, or it cannot be started.
    OptionError
        If an extra does not exist or has no possible value.

    """
    check_names([name])
    check_extras(name, extras or {})
    from rembg_skin import plugin

    try:
        return plugin.open_session(name, **{**options, **(extras or {})})
    except SkinError:
        raise
    except Exception as error:
        raise ModelError(f"{name} cannot be started: {type(error).__name__}: {error}") from error


def predict_mask(session: Any, image: PILImage) -> Mask:  # noqa: ANN401
    """Return the session's mask of `image`: uint8 [height, width]; of several masks, their maximum.

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
