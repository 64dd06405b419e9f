"""Whichever module is imported first, rembg is registered with once and without a warning."""

import pytest

from tests.support.processes import python


@pytest.mark.parametrize(
    "first",
    [
        "import rembg_skin; rembg_skin.register()",
        "import rembg_skin.sessions.base",
        "import rembg_skin.weights",
        "from rembg import new_session",
    ],
)
def test_any_module_may_be_the_first_to_be_imported(first: str) -> None:
    check = "assert set(ours.session_classes()) <= set(tables.sessions)"
    done = python(f"{first}; import rembg_skin.sessions as ours, rembg.sessions as tables; {check}")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
