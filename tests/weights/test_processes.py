"""Several processes, killed processes, full disks and folders that cannot be written."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rembg_skin.errors import WeightsError
from tests.support.github import GitHub, Trickle
from tests.support.weights import ASSET, CHILD, DATA, LISTED, PINNED, REPO, fetch, litter, model, pinned, released


def child(folder: Path, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    environment = {**os.environ, "REMBG_SKIN_DISABLE": "1"}
    command = [*prefix, *CHILD, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_eight_processes_at_once_make_one_download(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    # Slow enough for all eight to meet.
    github.faults[ASSET].append(Trickle(size=300_000, pause=0.1))
    children = [child(tmp_path) for _ in range(8)]
    ends = [(process.communicate(timeout=60), process.returncode) for process in children]
    assert [code for _, code in ends] == [0] * 8, ends[0][0][1]
    assert {out.strip() for (out, _), _ in ends} == {str(tmp_path / "tiny_skin.onnx")}
    assert (tmp_path / "tiny_skin.onnx").read_bytes() == DATA
    assert github.sent[ASSET] == len(DATA)
    assert len(github.bodies(LISTED)) == 1
    assert litter(tmp_path) == set()


def test_a_killed_process_leaves_a_part_that_the_next_one_goes_on_with(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    staging = tmp_path / ".tiny_skin.onnx.download"
    for _ in range(3):
        github.faults[ASSET].append(Trickle(size=100_000, pause=0.05))
        before = github.sent[ASSET]
        process = child(tmp_path)
        while github.sent[ASSET] < before + 300_000:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "tiny_skin.onnx").exists()
        assert {path.name for path in staging.iterdir()} == {"part", "part.json"}
    assert 0 < (staging / "part").stat().st_size < len(DATA)
    path = fetch(released(), tmp_path)
    assert path.read_bytes() == DATA
    assert "Range" in github.bodies(ASSET)[-1].headers
    assert litter(tmp_path) == set()


def test_a_kill_between_receipt_and_file_is_made_good(github: GitHub, tmp_path: Path) -> None:
    path = fetch(model(pinned(github)), tmp_path)
    path.unlink()
    assert fetch(model(pinned(github)), tmp_path).read_bytes() == DATA
    assert litter(tmp_path) == set()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_given_back_as_it_was(github: GitHub, small_disk: Path) -> None:
    with pytest.raises(WeightsError, match=r"tiny_skin: .*cannot be written.*No space left(.|\n)*Make room"):
        fetch(model(pinned(github)), small_disk)
    assert {path.name for path in small_disk.iterdir()} <= {"tiny_skin.onnx.lock"}
    assert len(github.bodies(PINNED)) == 1


def test_a_read_only_disk_is_named(github: GitHub, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(WeightsError, match=r"cannot be written.*Read-only file system"):
        fetch(model(pinned(github)), small_disk / "models" / "tiny_skin")


# Root may write anywhere, unless it gives that right up.
BOUND = (
    ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.name == "posix" and os.geteuid() == 0 else []
)


@pytest.fixture
def read_only_home(tmp_path: Path) -> Iterator[Path]:
    if BOUND and shutil.which(BOUND[0]) is None:
        pytest.skip("root cannot be bound by file modes here")
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)


def test_a_read_only_home_is_named(github: GitHub, read_only_home: Path) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    read_only_home.chmod(0o555)
    process = child(read_only_home / "models", BOUND)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    last = errors.strip().splitlines()[-2:]
    assert "tiny_skin: its weights cannot be written into" in last[0]
    assert "Permission denied" in last[0]
    assert last[1].startswith("Make room or give write permission there")


@pytest.mark.parametrize("checked_before", [True, False])
def test_weights_in_a_read_only_home_are_used(github: GitHub, read_only_home: Path, checked_before: bool) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    if checked_before:
        fetch(released(), read_only_home)
    else:
        (read_only_home / "tiny_skin.onnx").write_bytes(DATA)
    read_only_home.chmod(0o555)
    process = child(read_only_home, BOUND)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert out.strip() == str(read_only_home / "tiny_skin.onnx")
