"""A catalogue entry in, a verified file path out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_skin.catalog import Model
from rembg_skin.weights.folders import model_folders
from rembg_skin.weights.receipts import vouched

if TYPE_CHECKING:
    from rembg_skin.weights.http import Retry

__all__ = ["fetch"]


def fetch(model: Model) -> Path:
    """Return the path of verified weights of `model`, downloading them if they are on no disk.

    Raises
    ------
    WeightsError
        If they are unavailable or fail verification.
    ImportError
        If rembg or an ONNX Runtime is not installed.

    """
    return fetch_into(model_folders(model.name), model)


def fetch_into(folders: Sequence[Path], model: Model, retry: "Retry | None" = None) -> Path:
    """Do the same with folders of the caller's: searched in order, and a download goes into the first one."""
    if path := vouched(model, folders):
        return path
    from rembg_skin.weights.http import Retry
    from rembg_skin.weights.settings import Environment
    from rembg_skin.weights.store import obtain

    return obtain(model, folders, Environment.read(), retry or Retry())
