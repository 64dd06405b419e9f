"""Files lie where rembg keeps its own, wherever the version at hand and the environment put that."""

from pathlib import Path

import pytest
from rembg.sessions.base import BaseSession

from rembg_skin.weights import model_folders
from tests.support.processes import python

moved = pytest.mark.skipif(not hasattr(BaseSession, "model_dir"), reason="rembg before 2.0.80 has one folder for all")


@moved
@pytest.mark.parametrize(
    ("variable", "first", "legacy"),
    [
        ("UNRELATED", ".rembg/models/refiner", ".u2net"),
        ("U2NET_HOME", "my home/models/refiner", "my home"),
        ("REMBG_HOME", "my home/models/refiner", ".u2net"),
        ("XDG_DATA_HOME", "my home/rembg/models/refiner", "my home/.u2net"),
    ],
)
def test_each_file_has_its_folder_and_the_legacy_one_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, first: str, legacy: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(variable, str(tmp_path / "my home"))
    assert model_folders("refiner") == (tmp_path / first, tmp_path / legacy)


@moved
def test_they_are_the_folders_of_rembgs_own_sessions() -> None:
    from rembg.sessions.u2net import U2netSession

    assert model_folders("u2net") == (Path(U2netSession.model_dir()), Path(U2netSession.legacy_home()))


def test_an_old_rembg_has_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(BaseSession, "model_dir", raising=False)
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "my home"))
    assert model_folders("pan_skin") == (tmp_path / "my home",)


def test_asking_for_folders_does_not_import_rembg() -> None:
    done = python("""
        import sys; from rembg_skin.weights import model_folders as folders
        quick = folders('refiner'); assert 'rembg' not in sys.modules
        import rembg.sessions; assert folders('refiner') == quick
    """)
    assert done.returncode == 0, done.stderr


def test_a_rembg_whose_base_does_not_stand_alone_is_imported(tmp_path: Path) -> None:
    sessions = tmp_path / "rembg" / "sessions"
    sessions.mkdir(parents=True)
    base = "from .home import HOME\nclass BaseSession:\n    @classmethod\n    def u2net_home(cls): return HOME\n"
    for file, text in {"../__init__": "", "__init__": "", "home": "HOME = 'here'", "base": base}.items():
        (sessions / f"{file}.py").write_text(text)
    code = "from rembg_skin.weights import model_folders; assert str(model_folders('x')[0]) == 'here'"
    done = python(code, PYTHONPATH=str(tmp_path), REMBG_SKIN_DISABLE="1")
    assert done.returncode == 0, done.stderr
