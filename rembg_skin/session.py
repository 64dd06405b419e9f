"""Open any rembg session by its name, and predict one mask of an image with it."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS, resolved
from rembg_skin.errors import ModelError, OptionError, SkinError, did_you_mean, printable
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
            raise ModelError(f'rembg has no model "{printable(name)}"; {did_you_mean(name, known, skin)}')


def check_extras(name: str, extras: Mapping[str, object]) -> None:
    """Raise OptionError for an extra that the skin session `name` does not take; rembg's own sessions take any."""
    takes = extras_of(name)
    for extra in extras:
        if takes and extra not in takes and extra != "providers":
            meant = did_you_mean(extra, takes) or f"there are {', '.join(takes)}."
            raise OptionError(f'{resolved(name)}: there is no extra "{printable(extra)}"; {meant}')


def extras_of(name: str) -> Collection[str]:
    """Return the names of the extras of a skin session; none for a session of rembg's, which takes any."""
    from rembg_skin.sessions import session_classes

    return session_classes()[resolved(name)].options if name in MODELS else ()


def open_session(
    name: str,
    extras: Mapping[str, object] | None = None,
    *,
    sess_opts: Any = None,
    providers: Sequence[object] | None = None,
) -> Any:
    """Return a new session of a `name` that rembg knows; its weights are downloaded if they are not on disk.

    Like rembg's ``new_session``, but without its import of the compiled matting, for any OMP_NUM_THREADS, and with an
    error for an extra that a skin session does not take. `extras` are the session's, as a user gave them; `sess_opts`
    are ONNX Runtime's settings, None for its own, with the threads of OMP_NUM_THREADS unless they have a number;
    `providers` are ONNX Runtime's, None for those that rembg would take. Raise ModelError if rembg has no such model,
    or it cannot be started, and OptionError if an extra does not exist or has no possible value.
    """
    import onnxruntime as ort

    check_names([name])
    given = dict(extras or {})
    check_extras(name, given)
    settings = sess_opts or ort.SessionOptions()
    if threads := _openmp_threads():
        settings.inter_op_num_threads = settings.inter_op_num_threads or threads
        settings.intra_op_num_threads = settings.intra_op_num_threads or threads
    from rembg.sessions import sessions

    try:
        return sessions[name](name, settings, **{"providers": providers, **given})
    except SkinError:
        raise
    except Exception as error:
        raise ModelError(f"{name} cannot be started: {type(error).__name__}: {error}") from error


def predict_mask(session: Any, image: PILImage) -> Mask:
    """Return the session's mask of `image`: uint8 [height, width]; of several masks, their maximum.

    Raise ModelError if the session makes no mask, or one of another size.
    """
    masks = [np.asarray(mask.convert("L")) for mask in session.predict(image)]
    if not masks or any(mask.shape != (image.height, image.width) for mask in masks):
        raise ModelError(f"{session.name()} made no mask of the image's size, {image.width}x{image.height}.")
    return masks[0] if len(masks) == 1 else np.maximum.reduce(masks)


def _openmp_threads() -> int:
    """Return the number in OMP_NUM_THREADS, the first one of a list: the outermost level's; 0 if there is none."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isascii() and first.isdecimal() and len(first) < 5 else 0  # noqa: PLR2004 - no machine
