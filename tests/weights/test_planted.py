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


def staging(home: Path) -> Path:
    return home / ".tiny_skin.onnx.download"


def origin(github: GitHub) -> str:
    """Return the record that would make a planted part the rest of a download."""
    return json.dumps({"url": github.url + PINNED, "etag": '"x"'})


def link_the_folder(home: Path, precious: Path, github: GitHub) -> None:
    (precious / "part.json").write_text(origin(github))
    staging(home).symlink_to(precious)


def link_the_part(home: Path, precious: Path, github: GitHub) -> None:
    staging(home).mkdir()
    (staging(home) / "part").symlink_to(precious / "part")
    (staging(home) / "part.json").write_text(origin(github))


def link_the_part_hard(home: Path, precious: Path, github: GitHub) -> None:
    staging(home).mkdir()
    os.link(precious / "part", staging(home) / "part")
    (staging(home) / "part.json").write_text(origin(github))


def link_the_origin(home: Path, precious: Path, _github: GitHub) -> None:
    staging(home).mkdir()
    (staging(home) / "part.json").symlink_to(precious / "notes.txt")


def link_the_receipt(home: Path, precious: Path, _github: GitHub) -> None:
    (home / "tiny_skin.onnx.receipt.json").symlink_to(precious / "notes.txt")
    (home / f"tiny_skin.onnx.receipt.json.{os.getpid()}").symlink_to(precious / "notes.txt")


def link_the_lock(home: Path, precious: Path, _github: GitHub) -> None:
    (home / "tiny_skin.onnx.lock").symlink_to(precious / "notes.txt")


def link_the_file_to_nowhere(home: Path, precious: Path, _github: GitHub) -> None:
    (home / "tiny_skin.onnx").symlink_to(precious / "new.onnx")


def put_a_file_in_the_folders_place(home: Path, _precious: Path, _github: GitHub) -> None:
    staging(home).write_text("no folder")


def put_a_pipe_in_the_folders_place(home: Path, _precious: Path, _github: GitHub) -> None:
    os.mkfifo(staging(home))


def put_a_pipe_in_the_parts_place(home: Path, _precious: Path, github: GitHub) -> None:
    staging(home).mkdir()
    os.mkfifo(staging(home) / "part")
    (staging(home) / "part.json").write_text(origin(github))


@pytest.mark.parametrize(
    "plant",
    [
        link_the_folder,
        link_the_part,
        link_the_part_hard,
        link_the_origin,
        link_the_receipt,
        link_the_lock,
        link_the_file_to_nowhere,
        put_a_file_in_the_folders_place,
        put_a_pipe_in_the_folders_place,
        put_a_pipe_in_the_parts_place,
    ],
)
def test_what_was_planted_leads_nowhere(
    github: GitHub, home: Path, precious: Path, plant: Callable[[Path, Path, GitHub], None]
) -> None:
    source = pinned(github)
    plant(home, precious, github)
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
    staging(home).mkdir()
    staging(home).chmod(mode)
    (staging(home) / "part").write_bytes(OTHER[:1000])
    (staging(home) / "part.json").write_text(origin(github))
    assert fetch(model(pinned(github)), home).read_bytes() == DATA
    assert "Range" not in github.bodies(PINNED)[0].headers


def test_what_arrives_is_nobody_elses_to_write(github: GitHub, home: Path) -> None:
    source = pinned(github)
    github.faults[PINNED].extend(Cut(100_000) for _ in range(5))
    with pytest.raises(WeightsError):
        fetch(model(source), home)
    assert staging(home).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("which", ["receipt", "part.json"])
def test_a_pipe_in_place_of_a_record_holds_up_nobody(github: GitHub, home: Path, which: str) -> None:
    path = fetch(model(pinned(github)), home)
    if which == "receipt":
        receipts.path_of(path).unlink()
        os.mkfifo(receipts.path_of(path))
    else:
        path.unlink()
        staging(home).mkdir()
        (staging(home) / "part").write_bytes(DATA[:10])
        os.mkfifo(staging(home) / "part.json")
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
    path = fetch(released_and_pinned(github), home)
    receipts.path_of(path).unlink()
    receipts.path_of(path).mkdir()
    assert fetch(released_and_pinned(github), home) == path
    shutil.rmtree(receipts.path_of(path))


def released_and_pinned(github: GitHub):  # type: ignore[no-untyped-def] # noqa: ANN201
    return model(pinned(github), *released().sources)
