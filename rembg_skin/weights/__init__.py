"""A catalog entry in, a verified file path out."""

from collections.abc import Sequence
from pathlib import Path

from rembg_skin.catalog import MODELS, Model, files_of
from rembg_skin.messages import log_once
from rembg_skin.weights import receipts
from rembg_skin.weights.receipts import model_folders, on_disk, packaged_file, sha256_of, vouched

__all__ = ["fetch", "files_in_use", "model_folders", "on_disk", "packaged_file", "sha256_of"]


def fetch(model: Model, folders: Sequence[Path] | None = None) -> Path:
    """Return the path of verified weights of `model`: in `folders`, by default rembg's, or downloaded into the first.

    Raises WeightsError, SettingError for a variable that means nothing, ImportError without rembg or ONNX Runtime.
    """
    if model.packaged:
        return packaged_file(model)
    folders = folders or model_folders(model.name)
    path = vouched(model, folders)
    if path is None:
        from rembg_skin.weights.http import Settings
        from rembg_skin.weights.store import obtain

        path = obtain(model, folders, Settings.read())
    log_once(f"{model.name}: its weights are {path}")
    return path


def files_in_use(model: Model) -> dict[Path, str]:
    """Return the SHA-256 of each file of weights on this disk that `model` uses, those of this package among them."""
    used = (*files_of(model), *(each for each in (model, MODELS.get(model.base or "")) if each and each.packaged))
    paths = [packaged_file(file) if file.packaged else next(iter(on_disk(file)), None) for file in used]
    kept = [(path, receipts.read(path)) for path in paths if path]
    return {path: known.sha256 if known and known.describes(path) else sha256_of(path) for path, known in kept}
