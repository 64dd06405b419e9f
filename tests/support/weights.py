"""Models and waits for the tests of downloads."""

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rembg_skin import weights
from rembg_skin.catalog import FileSource, Model, ReleaseSource, Source
from rembg_skin.weights.http import Settings
from rembg_skin.weights.receipts import vouched
from rembg_skin.weights.store import obtain

if TYPE_CHECKING:  # children do not need the server
    from tests.support.hosts import GitHub

SetEnv = Callable[..., object]
QUICK = {"backoff": 0.01, "connect": 1.0, "silence": 2.0, "pace": 0.4}
DATA = random.Random(3).randbytes(3_000_000)
OTHER = random.Random(4).randbytes(3_000_000)
REPO = "owner/models"
LISTED = f"/repos/{REPO}/releases"
ASSET = f"/cdn/{REPO}/releases/download/v1/skin_tiny.onnx"
PINNED = "/fixed/tiny.onnx"

CHILD = [sys.executable, "-m", "tests.support.weights"]  # fetches the model of `released` into the folder that follows


def fetch(entry: Model, *folders: Path, **limits: Any) -> Path:
    """Fetch weights into folders of the test, without long waits."""
    return vouched(entry, folders) or obtain(entry, folders, replace(Settings.read(), **QUICK | limits))


def model(*sources: Source) -> Model:
    """Return a catalog entry with these sources."""
    return Model("tiny_skin", "Tiny", "test network", sources=sources)


def released(pattern: str = r"(skin_)?tiny\.onnx", tag: str | None = None) -> Model:
    """Return a model whose hash has to be learned from the host."""
    return model(ReleaseSource("owner", "models", pattern, tag))


def pinned(github: "GitHub", data: bytes = DATA, *, size: bool = True) -> FileSource:
    """Serve `data` at a fixed URL and return its source."""
    url, mirror = github.put(PINNED, data), "owner/models/1/tiny.onnx"
    return FileSource(url, sha256(data).hexdigest(), "computed here", mirror, len(data) if size else None)


def rest(folder: Path) -> set[str]:
    """Return the names of what else lies in `folder` than the file, its receipt and its lock."""
    expected = (f"tiny_skin.onnx{suffix}" for suffix in ("", ".receipt.json", ".lock"))
    return {path.name for path in folder.iterdir()}.difference(expected)


if __name__ == "__main__":
    sys.stdout.write(str(weights.fetch(released(), [Path(sys.argv[1])])))
