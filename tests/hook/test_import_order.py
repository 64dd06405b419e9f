"""Whichever module of the package is imported first, rembg is registered with once and without a warning."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "first",
    [
        "import rembg_skin; rembg_skin.register()",
        "import rembg_skin.plugin; rembg_skin.plugin.register()",
        "import rembg_skin.sessions",
        "import rembg_skin.sessions.base",
        "import rembg_skin.weights.folders",
        "import rembg.sessions",
        "from rembg import new_session",
    ],
)
def test_any_module_may_be_the_first_to_be_imported(first: str) -> None:
    check = (
        "import rembg_skin.sessions as ours, rembg.sessions as tables\n"
        "assert set(ours.session_classes()) <= set(tables.sessions)"
    )
    code = f"{first}\n{check}"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "could not add" not in run.stderr
