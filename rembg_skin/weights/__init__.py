"""A catalogue entry in, a verified file path out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_skin.catalog import Model
from rembg_skin.messages import log_once
from rembg_skin.weights.folders import model_folders
from rembg_skin.weights.receipts import vouched

if TYPE_CHECKING:
    from rembg_skin.weights.http import Retry

__all__ = ["fetch", "fetch_anew", "fetch_soon"]


def fetch(model: Model) -> Path:
    """Return the path of verified weights of `model`, downloading them if they are on no disk.

    Raises
    ------
    WeightsError
        If they are unavailable or fail verification.
    SettingError
        If an environment variable has a value that means nothing.
    ImportError
        If rembg or an ONNX Runtime is not installed.

    """
    return fetch_into(model_folders(model.name), model)


def fetch_into(folders: Sequence[Path], model: Model, retry: "Retry | None" = None) -> Path:
    """Do the same with folders of the caller's: searched in order, and a download goes into the first one."""
    path = vouched(model, folders)
    if path is None:
        from rembg_skin.weights.http import Retry
        from rembg_skin.weights.settings import Settings
        from rembg_skin.weights.store import obtain

        path = obtain(model, folders, Settings.read(), retry or Retry())
    log_once(f"{model.name}: its weights are {path}")
    return path


def fetch_soon(model: Model) -> Path:
    """Do the same for a caller with another way: give up within seconds, and ask no host again for an hour.

    What it raises is in no server's log.
    """
    folders = model_folders(model.name)
    if path := vouched(model, folders):
        return path
    from rembg_skin.weights.settings import Settings
    from rembg_skin.weights.store import obtain_soon

    return obtain_soon(model, folders, Settings.read())


def fetch_anew(model: Model) -> Path:
    """Do the same for a user who asks for the download: try again whatever was tried in vain."""
    from rembg_skin.weights.settings import Settings
    from rembg_skin.weights.store import obtain_anew

    return obtain_anew(model, model_folders(model.name), Settings.read())
