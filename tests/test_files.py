"""Files appear complete or not at all, and only plain ones are replaced; no terminal obeys the names that are shown."""

import errno
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.errors import DataError, printable
from rembg_skin.files import check_writable, read_plain, replace_text, write_atomically
from tests.support.processes import started


def write(path: Path, text: str = "ours") -> None:
    write_atomically(path, lambda draft: draft.write_text(text))


@pytest.mark.parametrize("name", ["new/a.txt", "n" * 251 + ".txt"])  # as long as a name may be
def test_a_file_appears_whole_in_a_folder_that_is_made_for_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path)
    assert path.read_text() == "ours"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_what_was_there_and_no_draft(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        draft.write_text("half")
        raise OSError(28, "No space left on device", str(draft))

    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(DataError, match=r"a\.txt cannot be written: No space left on device$") as caught:
        write_atomically(path, fail)
    assert isinstance(caught.value.__cause__, OSError)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_links_lead_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "old.txt").write_text("before")
    for link, file in (("a.txt", "b.txt"), ("b.txt", disk / "old.txt"), ("c.txt", disk / "new.txt")):
        (tmp_path / link).symlink_to(file)
    for name in ("a.txt", "c.txt"):
        write(tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert {path.name: path.read_text() for path in disk.iterdir()} == {"old.txt": "ours", "new.txt": "ours"}


def replace_planted(path: Path) -> None:
    os.lchown(path, 65534, 65534)
    write(path)


root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give links away")


@pytest.mark.parametrize(
    "replace", [pytest.param(replace_planted, marks=root), lambda path: replace_text(path, "ours")]
)
def test_another_user_s_link_and_any_link_of_a_record_are_replaced(
    replace: Callable[[Path], None], tmp_path: Path
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "masks.json"
    victim.write_text("theirs")
    path.symlink_to(victim)
    replace(path)
    assert (victim.read_text(), path.read_text(), path.is_symlink()) == ("theirs", "ours", False)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /dev and /proc")
def test_devices_pipes_and_descriptors_are_written_and_stay_what_they_are(tmp_path: Path) -> None:
    write(Path("/dev/null"))
    assert Path("/dev/null").is_char_device()
    with pytest.raises(DataError, match="/dev/full cannot be written: No space left on device"):
        write(Path("/dev/full"))

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as other:
        read = other.submit(pipe.read_text)
        write(pipe, "through the pipe")
        assert read.result(10) == "through the pipe"
    assert pipe.is_fifo()

    with (tmp_path / "all.txt").open("w") as file:  # as the shell's >, behind what is there
        file.write("first, ")
        file.flush()
        for name in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            write(Path(name), "then ")
    assert (tmp_path / "all.txt").read_text() == "first, then then "
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_can_only_be_written_in_place_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mounted.csv"
    path.write_text("a longer text than the new one")

    def busy(_draft: Path, _target: Path) -> None:  # as of a file that is mounted into a container
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(Path, "replace", busy)
    number = path.stat().st_ino
    write(path)
    assert (path.read_text(), path.stat().st_ino) == ("ours", number)
    assert list(tmp_path.iterdir()) == [path]


def test_drafts_of_a_killed_run_are_removed_and_those_at_work_are_not(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from rembg_skin.files import write_atomically\n"
        "def work(draft): print(draft, flush=True); time.sleep(60)\n"
        "write_atomically(Path(sys.argv[1]), work)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "film.mp4")]
    with started(command) as killed, started(command) as at_work:
        drafts = []
        for process in (killed, at_work):
            assert process.stdout is not None
            drafts.append(Path(process.stdout.readline().strip()))
        killed.kill()
        killed.wait()
        os.utime(drafts[1], (0, 0))  # it has written nothing for years
        (tmp_path / ".hidden.part").write_text("somebody's")
        write(tmp_path / "a.txt")
        assert {path.name for path in tmp_path.iterdir()} == {"a.txt", ".hidden.part", drafts[1].name}


@pytest.mark.parametrize("name", ["", "file/a", "n" * 256, "in/" + "n" * 256, "loop", "/proc/a", "/dev/null/a"])
def test_what_cannot_be_written_is_found_before_the_work_and_nothing_is_made(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "loop").symlink_to("loop")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="cannot be written"):
        check_writable(tmp_path / name)
    for good in ("new/deep/a.csv", "file", "/dev/null", "/dev/stdout"):
        check_writable(tmp_path / good)
    assert set(tmp_path.rglob("*")) == before
    with pytest.raises(DataError, match="cannot be written"):
        write(tmp_path / name)


def test_a_record_that_is_no_plain_small_file_is_an_error_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"[" * (1 << 21))
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "large", "link", "none", "."):
        with pytest.raises(OSError):  # noqa: PT011 - the system's words differ
            read_plain(tmp_path / name)
    (tmp_path / "small").write_bytes(b"{}")
    assert read_plain(tmp_path / "small") == b"{}"


def test_a_draft_that_is_there_already_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    monkeypatch.setattr("rembg_skin.files.token_hex", lambda _size: "guessed")
    (tmp_path / ".rembg-skin-guessed.part").symlink_to(victim)
    with pytest.raises(DataError, match="cannot be written: File exists"):
        write(tmp_path / "a.txt")
    assert victim.read_text() == "theirs"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *((name, name) for name in ("plain ü 写真 👨\u200d👩.jpg", "wide\u3000space.jpg")),
        ("two\nlines.jpg", r"two\nlines.jpg"),
        ("red\x1b[31m.jpg", r"red\x1b[31m.jpg"),
        ("bell\x07 \x9b31m.jpg", r"bell\x07 \x9b31m.jpg"),
        ("turned\u202egpj.exe", r"turned\u202egpj.exe"),
        (os.fsdecode(b"latin \xe9.jpg"), r"latin \xe9.jpg"),
    ],
)
def test_a_name_is_shown_on_one_line_without_control_characters(name: str, shown: str) -> None:
    assert printable(Path(name)) == shown


@given(st.text(st.characters()))
def test_any_name_can_be_written_to_any_utf_8_stream(name: str) -> None:
    shown = printable(name)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
