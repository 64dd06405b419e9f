"""Several processes, killed processes, disks that are full, read-only or another's, and what others planted there."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError
from rembg_skin.weights import receipts
from tests.support.hosts import GitHub, Trickle
from tests.support.weights import ASSET, CHILD, DATA, LISTED, OTHER, PINNED, REPO, fetch, model, pinned, released, rest

STAGING = ".tiny_skin.onnx.download"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def child(folder: Path, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    environment = {**os.environ, "REMBG_SKIN_DISABLE": "1"}
    command = [*prefix, *CHILD, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_eight_processes_at_once_make_one_download(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    github.faults[ASSET].append(Trickle(size=300_000, pause=0.1))  # slow enough for all eight to meet
    children = [child(tmp_path) for _ in range(8)]
    ends = [(process.communicate(timeout=60), process.returncode) for process in children]
    assert [code for _, code in ends] == [0] * 8, ends[0][0][1]
    assert {out.strip() for (out, _), _ in ends} == {str(tmp_path / "tiny_skin.onnx")}
    assert (tmp_path / "tiny_skin.onnx").read_bytes() == DATA
    assert github.sent[ASSET] == len(DATA)
    assert len(github.bodies(LISTED)) == 1
    assert rest(tmp_path) == set()


def test_a_killed_process_leaves_a_part_for_the_next_one(github: GitHub, tmp_path: Path, listed: Model) -> None:
    for _ in range(3):
        github.faults[ASSET].append(Trickle(size=100_000, pause=0.05))
        before = github.sent[ASSET]
        process = child(tmp_path)
        while github.sent[ASSET] < before + 300_000:
            time.sleep(0.01)
            assert process.poll() is None
        process.kill()
        process.communicate()
        assert not (tmp_path / "tiny_skin.onnx").exists()
        # The part, its origin, and pooch's own temporary file: never more.
        assert len(list((tmp_path / STAGING).iterdir())) <= 3
    assert 0 < (tmp_path / STAGING / "part").stat().st_size < len(DATA)
    assert fetch(listed, tmp_path).read_bytes() == DATA
    assert "Range" in github.bodies(ASSET)[-1].headers
    assert rest(tmp_path) == set()


def test_a_kill_between_receipt_and_file_is_made_good(github: GitHub, tmp_path: Path) -> None:
    fetch(model(pinned(github)), tmp_path).unlink()
    assert fetch(model(pinned(github)), tmp_path).read_bytes() == DATA
    assert rest(tmp_path) == set()


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(home)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield home
    subprocess.run(["umount", str(home)], check=True)


def test_a_full_or_read_only_disk_is_named_and_left_as_it_was(github: GitHub, small_disk: Path) -> None:
    with pytest.raises(WeightsError, match=r"tiny_skin: .*cannot be written.*No space left(.|\n)*Make room"):
        fetch(model(pinned(github)), small_disk)
    assert {path.name for path in small_disk.iterdir()} <= {"tiny_skin.onnx.lock"}
    assert len(github.bodies(PINNED)) == 1
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(WeightsError, match=r"cannot be written.*Read-only file system"):
        fetch(model(pinned(github)), small_disk / "models" / "tiny_skin")


@pytest.mark.parametrize("kept", ["nothing", "the file", "file and receipt"])
def test_a_read_only_home_is_named_unless_it_has_the_weights(home: Path, kept: str, listed: Model) -> None:
    # Root may write anywhere, unless it gives that right up.
    root = os.name == "posix" and os.geteuid() == 0
    bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if root else []
    if bound and shutil.which(bound[0]) is None:
        pytest.skip("root cannot be bound by file modes here")
    if kept == "file and receipt":
        fetch(listed, home)
    elif kept == "the file":
        (home / "tiny_skin.onnx").write_bytes(DATA)
    home.chmod(0o555)
    process = child(home / "models" if kept == "nothing" else home, bound)
    out, errors = process.communicate(timeout=60)
    if kept != "nothing":
        assert (process.returncode, out.strip()) == (0, str(home / "tiny_skin.onnx")), errors
        return
    assert process.returncode == 1
    assert re.search(r"tiny_skin: its weights cannot be written into .*Permission denied.*\nMake room or give", errors)


PART, RECEIPT, LOCK = f"{STAGING}/part", "tiny_skin.onnx.receipt.json", "tiny_skin.onnx.lock"
links = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
PLANT: dict[str, Callable[[Path, Path], None]] = {
    "link": Path.symlink_to,
    "hard link": Path.hardlink_to,
    "file": lambda path, _: path.touch(),
    "pipe": lambda path, _: os.mkfifo(path),
}


def origin(github: GitHub) -> str:
    """Return the record that would make a planted part the rest of a download."""
    return json.dumps({"url": github.url + PINNED, "etag": '"x"'})


@links
@pytest.mark.parametrize(
    ("place", "kind", "elsewhere"),
    [
        (STAGING, "link", "."),
        (STAGING, "file", "."),
        (PART, "link", "part"),
        (PART, "hard link", "part"),
        ("tiny_skin.onnx", "link", "new.onnx"),
        *((place, "link", "notes.txt") for place in (f"{PART}.json", RECEIPT, RECEIPT + ".{process}", LOCK)),
        *((place, "pipe", ".") for place in (STAGING, PART, f"{PART}.json", RECEIPT)),
    ],
)
def test_what_was_planted_leads_nowhere(
    github: GitHub, home: Path, tmp_path: Path, place: str, kind: str, elsewhere: str
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    for name, text in (("part", "mine"), ("notes.txt", "mine"), ("part.json", origin(github))):
        (precious / name).write_text(text)
    planted = home / place.format(process=os.getpid())
    if planted.parent != home:
        planted.parent.mkdir()
        (planted.parent / "part").write_bytes(DATA[:10])
        shutil.copy(precious / "part.json", planted.parent)
        planted.unlink()
    PLANT[kind](planted, precious / elsewhere)
    before = {path.name: path.read_bytes() for path in precious.iterdir()}
    path = fetch(model(pinned(github)), home)
    assert path.read_bytes() == DATA
    assert not path.is_symlink()
    assert {path.name: path.read_bytes() for path in precious.iterdir()} == before
    assert rest(home) <= {STAGING, f"{RECEIPT}.{os.getpid()}"}
    receipt = receipts.read(path)
    assert receipt is not None
    assert receipt.trust == "catalog"


@links
@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_write_is_made_anew(github: GitHub, home: Path, mode: int) -> None:
    (home / STAGING).mkdir()
    (home / STAGING).chmod(mode)
    (home / STAGING / "part").write_bytes(OTHER[:1000])
    (home / STAGING / "part.json").write_text(origin(github))
    assert fetch(model(pinned(github)), home).read_bytes() == DATA
    assert "Range" not in github.bodies(PINNED)[0].headers


@links
@pytest.mark.parametrize("plant", [Path.mkdir, getattr(os, "mkfifo", Path.touch)])
def test_a_planted_receipt_does_not_hide_the_weights(github: GitHub, home: Path, plant: Callable[[Path], None]) -> None:
    entry = model(pinned(github), *released().sources)
    path = fetch(entry, home)
    receipts.path_of(path).unlink()
    plant(receipts.path_of(path))
    assert fetch(entry, home) == path
