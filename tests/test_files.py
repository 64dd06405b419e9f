"""Files are written whole or not at all, never through a link; names are shown so that no terminal obeys them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.errors import DataError, printable
from rembg_skin.files import write_atomically


def test_a_file_appears_whole_in_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_atomically(path, lambda draft: draft.write_text("all of it"))
    assert path.read_text() == "all of it"
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


def test_the_longest_name_possible_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    write_atomically(path, lambda draft: draft.write_text("x"))
    assert path.read_text() == "x"
    with pytest.raises(DataError, match="cannot be written"):
        write_atomically(tmp_path / ("n" * 256), lambda draft: draft.write_text("x"))


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "a.txt"
    victim.write_text("theirs")
    path.symlink_to(victim)
    drafts: list[Path] = []
    for _ in range(2):
        write_atomically(path, lambda draft: drafts.append(draft) or draft.write_text("ours"))  # type: ignore[func-returns-value]
    assert victim.read_text() == "theirs"
    assert not path.is_symlink()
    assert drafts[0] != drafts[1]  # what another process could plant is not known to it


def test_a_draft_that_is_there_already_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    monkeypatch.setattr("rembg_skin.files.token_hex", lambda _size: "guessed")
    (tmp_path / ".guessed.part").symlink_to(victim)
    with pytest.raises(DataError, match="cannot be written: File exists"):
        write_atomically(tmp_path / "a.txt", lambda draft: draft.write_text("ours"))
    assert victim.read_text() == "theirs"
    assert (tmp_path / ".guessed.part").is_symlink()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain ü 写真 👨\u200d👩.jpg", "plain ü 写真 👨\u200d👩.jpg"),
        ("wide\u3000space.jpg", "wide\u3000space.jpg"),
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
