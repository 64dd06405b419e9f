"""Models and waits for the tests of downloads."""

import random
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_skin.catalog import FileSource, Model, ReleaseSource, Source
from rembg_skin.weights import fetch_into
from rembg_skin.weights.settings import Limits

if TYPE_CHECKING:  # children do not need the server
    from tests.support.github import GitHub

QUICK = Limits(backoff=0.01, connect=1.0, silence=2.0, read=0.4)
DATA = random.Random(3).randbytes(3_000_000)
OTHER = random.Random(4).randbytes(3_000_000)
REPO = "owner/models"
LISTED = f"/repos/{REPO}/releases"
ASSET = f"/cdn/{REPO}/releases/download/v1/skin_tiny.onnx"
PINNED = "/fixed/tiny.onnx"


CHILD = [sys.executable, "-m", "tests.support.weights"]  # fetches the model of `released` into the folder that follows


def fetch(entry: Model, *folders: Path, limits: Limits = QUICK) -> Path:
    """Fetch weights into folders of the test, without long waits."""
    return fetch_into(folders, entry, limits)


def model(*sources: Source) -> Model:
    """Return a catalog entry with these sources."""
    return Model("tiny_skin", "Tiny", "test network", sources=sources)


def released(pattern: str = r"(skin_)?tiny\.onnx", tag: str | None = None) -> Model:
    """Return a model whose hash has to be learned from the host."""
    return model(ReleaseSource("owner", "models", pattern, tag))


def pinned(github: "GitHub", data: bytes = DATA, *, size: bool = True) -> FileSource:
    """Serve `data` at a fixed URL and return its source."""
    url = github.put(PINNED, data)
    return FileSource(
        url, sha256(data).hexdigest(), "computed here", "owner/models/1/tiny.onnx", len(data) if size else None
    )


def litter(folder: Path) -> set[str]:
    """Return the names of what lies in `folder` beside the file, its receipt and its lock."""
    expected = (f"tiny_skin.onnx{suffix}" for suffix in ("", ".receipt.json", ".lock"))
    return {path.name for path in folder.iterdir()}.difference(expected)


if __name__ == "__main__":
    sys.stdout.write(str(fetch(released(), Path(sys.argv[1]), limits=Limits())))
