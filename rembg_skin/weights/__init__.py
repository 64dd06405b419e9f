"""A catalog entry in, a verified file path out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_skin.catalog import MODELS, Model, files_of
from rembg_skin.messages import log_once
from rembg_skin.weights.folders import model_folders, on_disk, packaged_file
from rembg_skin.weights.receipts import known_hash, sha256_of, vouched

if TYPE_CHECKING:
    from rembg_skin.weights.settings import Limits

__all__ = ["fetch", "files_in_use", "on_disk", "sha256_of"]


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
    return packaged_file(model) if model.packaged else fetch_into(model_folders(model.name), model)


def fetch_into(folders: Sequence[Path], model: Model, limits: "Limits | None" = None) -> Path:
    """Return the path of verified weights in one of `folders`; a download goes into the first. Raises as `fetch`."""
    path = vouched(model, folders)
    if path is None:
        from rembg_skin.weights.settings import Limits, Settings
        from rembg_skin.weights.store import obtain

        path = obtain(model, folders, Settings.read(), limits or Limits())
    log_once(f"{model.name}: its weights are {path}")
    return path


def files_in_use(model: Model) -> dict[Path, str]:
    """Return the SHA-256 of each file of weights on this disk that `model` uses, those of this package among them."""
    used = (*files_of(model), *(each for each in (model, MODELS.get(model.base or "")) if each and each.packaged))
    paths = [packaged_file(file) if file.packaged else next(iter(on_disk(file)), None) for file in used]
    return {path: known_hash(path) for path in paths if path}
