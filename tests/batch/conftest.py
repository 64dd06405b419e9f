"""The command that the tests of folders run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.command import run

Masks = Callable[..., CompletedProcess[str]]


@pytest.fixture
def masks(tmp_path: Path) -> Masks:
    """Return `rembg-skin masks photos out` in the test's folder; arguments may follow, and processes do no work."""
    return partial(run, "masks", "photos", "out", cwd=tmp_path, REMBG_SKIN_OFFLINE="1")
