"""The origin of a figure: the session behind a name, the hash of its weights, the versions of the packages."""

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rembg_skin.catalog import MODELS
from rembg_skin.weights import files_in_use, sha256_of

_PACKAGES = ("rembg-skin", "rembg", "numpy", "pillow", "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino")


@dataclass(frozen=True)
class Provenance:
    """The origin of a model's masks."""

    model: str  # as given, with its extras
    session: str  # the one that made the masks; `skin` is another name of one
    weights: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of each of its files, by file name

    @property
    def taken(self) -> str | None:
        """The model behind an alias such as `skin`; None if the name is not an alias."""
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
    """Return the origin of the masks of `session`, which was opened as `model`."""
    name = session.name()
    if name in MODELS:
        files = files_in_use(MODELS[name])
    else:  # one of rembg's own
        path = getattr(getattr(session, "inner_session", None), "_model_path", None)
        files = {Path(path): sha256_of(Path(path))} if path and Path(path).is_file() else {}
    return Provenance(model, name, {path.name: digest for path, digest in files.items()})


def versions() -> dict[str, str]:
    """Return the versions on which a mask depends: Python's and those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def in_one_line(facts: Mapping[str, object]) -> str:
    """Return facts as one line, such as "rembg 2.0.86, numpy 2.4.0"."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())
