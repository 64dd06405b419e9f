"""The environment of the tests of weights."""

import pytest

from tests.support.weights import SetEnv


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> SetEnv:
    """Set environment variables for this test, as in ``setenv(NAME="value")``."""

    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all
