"""Models of the tests of weights, and their environment."""

import pytest

from rembg_skin.catalog import Model
from tests.support.hosts import GitHub
from tests.support.weights import DATA, REPO, SetEnv, model, pinned, released


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> SetEnv:
    """Set environment variables for this test, as in ``setenv(NAME="value")``."""

    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.fixture
def fixed(github: GitHub) -> Model:
    """Give a model with a file at a fixed URL, whose hash is in the catalog."""
    return model(pinned(github))


@pytest.fixture
def listed(github: GitHub) -> Model:
    """Give a model with a file in a release list, which has its digest."""
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    return released()
