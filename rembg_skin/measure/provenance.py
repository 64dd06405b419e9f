"""The origin of a figure: the session behind a name, the hash of its weights, the versions of the packages."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rembg_skin.catalog import MODELS, files_of
from rembg_skin.weights.folders import model_folders
from rembg_skin.weights.receipts import on_disk

_PACKAGES = ("rembg-skin", "rembg", "numpy", "pillow", "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino")
_DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Provenance:
    """The origin of a model's masks.

    Attributes
    ----------
    model
        The model as it was asked for, with its extras.
    session
        The session that made the masks: `skin` takes one of several.
    weights
        SHA-256 of each file of weights that the session uses, by file name.

    """

    model: str
    session: str
    weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> str | None:
        """The session that was taken for another's name; None if the name is its own."""
        return None if self.model.partition(":")[0] == self.session else self.session

    @property
    def label(self) -> str:
        """The model's name for tables, such as `skin=tiny_skin`."""
        return f"{self.model}={self.taken}" if self.taken else self.model

    def __str__(self) -> str:
        """Return the facts as words."""
        took = f" took {self.taken}" if self.taken else ""
        hashes = ", ".join(f"{file} sha256 {digest}" for file, digest in self.weights.items()) or "no weights"
        return f"{self.model}{took}: {hashes}"


def provenance(model: str, session: Any) -> Provenance:
    """Return the origin of the masks of `session`, which was asked for as `model`."""
    used = getattr(session, "chosen", session)
    files = weight_files(used)
    return Provenance(model, used.name(), {path.name: sha256(path) for path in files})


def weight_files(session: Any) -> list[Path]:
    """Return the files of weights that a session uses, as far as they are known."""
    name = session.name()
    if name not in MODELS:  # one of rembg's own
        path = getattr(getattr(session, "inner_session", None), "_model_path", None)
        return [Path(path)] if path and Path(path).is_file() else []
    model = MODELS[name]
    needed = [*([model] if model.packaged else []), *([MODELS[model.base]] if model.base else [])]
    packaged = [_DATA / f"{each.name}{each.suffix}" for each in needed if each.packaged]
    found = (next(on_disk(file, model_folders(file.name)), None) for file in files_of(model))
    return [*packaged, *(path for path in found if path)]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Return the versions on which a mask depends: Python's and those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def in_one_line(facts: Mapping[str, object]) -> str:
    """Return facts as one line, such as "rembg 2.0.86, numpy 2.4.0"."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())
