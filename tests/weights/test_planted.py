"""A model folder that others can write: nothing is written through what they planted, and nothing elsewhere is lost."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rembg_skin.errors import WeightsError
from rembg_skin.weights import receipts
from tests.support.github import Cut, GitHub
from tests.support.weights import DATA, OTHER, PINNED, fetch, litter, model, pinned, released

STAGING = ".tiny_skin.onnx.download"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Give a folder elsewhere, with a file that must stay as it is."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "part").write_bytes(b"mine")
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def origin(github: GitHub) -> str:
    """Return the record that would make a planted part the rest of a download."""
    return json.dumps({"url": github.url + PINNED, "etag": '"x"'})


PLANT: dict[str, Callable[[Path, Path], None]] = {
    "link": Path.symlink_to,
    "hard link": Path.hardlink_to,
    "file": lambda path, _: path.touch(),
    "pipe": lambda path, _: os.mkfifo(path),
}


@pytest.mark.parametrize(
    ("place", "kind", "elsewhere"),
    [
        (STAGING, "link", "."),
        (f"{STAGING}/part", "link", "part"),
        (f"{STAGING}/part", "hard link", "part"),
        (f"{STAGING}/part.json", "link", "notes.txt"),
        ("tiny_skin.onnx.receipt.json", "link", "notes.txt"),
        ("tiny_skin.onnx.receipt.json.{process}", "link", "notes.txt"),
        ("tiny_skin.onnx.lock", "link", "notes.txt"),
        ("tiny_skin.onnx", "link", "new.onnx"),
        (STAGING, "file", "."),
        (STAGING, "pipe", "."),
        (f"{STAGING}/part", "pipe", "."),
    ],
)
def test_what_was_planted_leads_nowhere(
    github: GitHub, home: Path, precious: Path, place: str, kind: str, elsewhere: str
) -> None:
    source = pinned(github)
    planted = home / place.format(process=os.getpid())
    (precious / "part.json").write_text(origin(github))
    if planted.parent != home:
        planted.parent.mkdir()
        shutil.copy(precious / "part.json", planted.parent)
        planted.unlink(missing_ok=True)
    PLANT[kind](planted, precious / elsewhere)
    before = {path.name: path.read_bytes() for path in precious.iterdir()}
    path = fetch(model(source), home)
    assert path.read_bytes() == DATA
    assert not path.is_symlink()
    assert {path.name: path.read_bytes() for path in precious.iterdir()} == before
    assert litter(home) <= {".tiny_skin.onnx.download", f"tiny_skin.onnx.receipt.json.{os.getpid()}"}
    receipt = receipts.read(path)
    assert receipt is not None
    assert receipt.trust == "catalog"


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_write_is_made_anew(github: GitHub, home: Path, mode: int) -> None:
    (home / STAGING).mkdir()
    (home / STAGING).chmod(mode)
    (home / STAGING / "part").write_bytes(OTHER[:1000])
    (home / STAGING / "part.json").write_text(origin(github))
    assert fetch(model(pinned(github)), home).read_bytes() == DATA
    assert "Range" not in github.bodies(PINNED)[0].headers


def test_what_arrives_is_nobody_elses_to_write(github: GitHub, home: Path) -> None:
    source = pinned(github)
    github.faults[PINNED].extend(Cut(100_000) for _ in range(5))
    with pytest.raises(WeightsError):
        fetch(model(source), home)
    assert (home / STAGING).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("which", ["receipt", "part.json"])
def test_a_pipe_in_place_of_a_record_holds_up_nobody(github: GitHub, home: Path, which: str) -> None:
    path = fetch(model(pinned(github)), home)
    if which == "receipt":
        receipts.path_of(path).unlink()
        os.mkfifo(receipts.path_of(path))
    else:
        path.unlink()
        (home / STAGING).mkdir()
        (home / STAGING / "part").write_bytes(DATA[:10])
        os.mkfifo(home / STAGING / "part.json")
    assert fetch(model(pinned(github)), home).read_bytes() == DATA


def test_a_mirror_that_gives_a_pipe_or_a_folder_is_refused(
    github: GitHub, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pinned(github)
    place = tmp_path / "mirror" / source.mirror
    place.parent.mkdir(parents=True)
    monkeypatch.setenv("REMBG_SKIN_MIRROR", str(tmp_path / "mirror"))
    os.mkfifo(place)
    with pytest.raises(WeightsError, match=r"mirror folder cannot give it \(it is not a file\)"):
        fetch(model(source), home)
    place.unlink()
    place.mkdir()
    with pytest.raises(WeightsError, match="mirror folder cannot give it"):
        fetch(model(source), home)


def test_a_full_or_foreign_receipt_does_not_hide_the_weights(github: GitHub, home: Path) -> None:
    entry = model(pinned(github), *released().sources)
    path = fetch(entry, home)
    receipts.path_of(path).unlink()
    receipts.path_of(path).mkdir()
    assert fetch(entry, home) == path
