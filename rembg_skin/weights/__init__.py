"""A catalogue entry in, a verified file path out."""

from collections.abc import Sequence
from pathlib import Path

from rembg_skin.catalog import Model
from rembg_skin.weights.patience import Patience
from rembg_skin.weights.shelf import vouched

__all__ = ["Patience", "fetch"]

_PATIENCE = Patience()


def fetch(model: Model, *, folders: Sequence[Path], patience: Patience = _PATIENCE) -> Path:
    """Return the path of verified weights of `model`, downloading them where they are on no disk.

    Parameters
    ----------
    model
        The catalogue's entry.
    folders
        Where the file may be, searched in order; a download goes into the first one.
    patience
        How long to keep trying.

    Raises
    ------
    WeightsError
        If the file cannot be had, or is not what it should be.

    """
    if path := vouched(model, folders):
        return path
    from rembg_skin.weights.settings import Environment
    from rembg_skin.weights.store import obtain

    return obtain(model, folders, Environment.read(), patience)
