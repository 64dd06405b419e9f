"""No command writes over what it reads, by any spelling; outputs that are not possible are found before the work."""

import os
from pathlib import Path

import pytest
from PIL import Image

from rembg_skin.commands.outputs import check_outputs
from rembg_skin.errors import DataError
from tests.support.command import run
from tests.support.photos import picture

MODEL = ("-m", "ycbcr_skin")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        ("compare", "photos/a.png", "photos/b.png", *MODEL, "-o", "photos/a.png"),
        ("compare", "photos/a.png", *MODEL, "-o", "link.png"),
        ("compare", "photos/a.png", *MODEL, "-o", "photos/../photos/a.png"),
        ("compare", "photos/a.png", *MODEL, "--masks", "truth", "-o", "truth/b.png"),
        ("eval", "photos", "truth", *MODEL, "--csv", "photos/a.png"),
        ("eval", "photos", "truth", *MODEL, "--csv", "hard.csv"),
        ("eval", "photos", "truth", *MODEL, "--plot", "truth/b.png"),
        ("eval", "photos", "truth", *MODEL, "--csv", "new.csv", "--plot", "./new.csv.png", "--worst", "1",
         "--worst-to", "worst"),
        ("masks", "photos", "out", *MODEL, "--errors", "photos/b.png"),
        ("masks", "photos", "truth", *MODEL, "--errors", "truth/b.png"),
        ("stats", "figures", "truth", "-o", "figures"),
        ("cut", "photos/a.png", *MODEL, "-o", "link.png"),
        ("video", "photos/a.png", "--csv", "photos/a.png"),
        ("video", "file:photos/a.png", "photos/a.png"),
        ("video", "concat:photos/a.png|photos/b.png", "--csv", "photos/b.png"),
    ],
)  # fmt: skip
def test_an_input_is_never_written_over(command: tuple[str, ...], here: Path) -> None:
    (here / "link.png").symlink_to("photos/a.png")
    (here / "hard.csv").hardlink_to(here / "photos" / "a.png")
    (here / "worst").mkdir()
    (here / "worst" / "worst-ycbcr_skin.png").symlink_to(here / "photos" / "a.png")
    (here / "figures").mkdir()
    picture().save(here / "figures" / "histograms.png")
    Image.new("L", (60, 40), 255).save(here / "truth" / "histograms.png")
    before = contents(here)
    done = run(*command)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]  # files without a partner may be named before
    assert "never written over" in line
    assert contents(here) == before


@pytest.mark.parametrize(
    "address",
    [
        "{0}", "file:{0}", "file://{0}", "file://localhost{0}", "concat:x.mp4|{0}", "cache:file:{0}", "async:{0}",
        "subfile,,start,0,end,9,,:{0}", "crypto:{0}", "concatf:{0}", "file:{1}", "FILE:{0}",
    ],
)  # fmt: skip
def test_every_address_of_a_file_is_that_file(address: str, tmp_path: Path) -> None:
    film = tmp_path / "a film: one.mp4"
    film.write_bytes(b"film")
    given = address.format(film, str(film).replace(" ", "%20"))
    with pytest.raises(DataError, match=r"a film: one\.mp4 is read by this command and never written over"):
        check_outputs([film], [given])
    check_outputs([tmp_path / "other.mp4"], [given])


def test_standard_input_is_a_file_too(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    stored = os.dup(0)
    try:
        with film.open("rb") as file:
            os.dup2(file.fileno(), 0)
        with pytest.raises(DataError, match=r"film\.mp4 is standard input, which is read by .* never written over"):
            check_outputs([film], ["-"])
    finally:
        os.dup2(stored, 0)
        os.close(stored)


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(".")
    with pytest.raises(DataError, match="would be written twice"):
        check_outputs([tmp_path / "a.csv", tmp_path / "here" / "a.csv"], [])
    check_outputs([Path("/dev/null"), Path("/dev/null")], [])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("masks", "photos", "out", *MODEL, "--errors", "file/e.csv"), "file/e.csv cannot be written"),
        (("eval", "photos", "truth", *MODEL, "--csv", "photos"), "photos cannot be written: Is a directory"),
        (("compare", "photos/a.png", *MODEL, "-o", "file/x.png"), "file/x.png cannot be written"),
        (("stats", "photos", "truth", "-o", "file"), "cannot be written: Not a directory"),
        (("cut", "photos/a.png", *MODEL, "-o", "file/x.png"), "file/x.png cannot be written"),
        (("compare", "photos/a.png", *MODEL, "--side", "20000", "-o", "x.webp"), "more than the 16383 a side"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(
    command: tuple[str, ...], words: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rembg_skin.sessions.base.SkinSession.predict", lambda *_: pytest.fail("it works first"))
    (here / "file").write_text("in the way")
    done = run(*command)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (here / "out").exists()


@pytest.mark.parametrize(("suffix", "photos"), [("webp", 300), ("jpg", 1200), ("pdf", 1200)])
def test_a_sheet_too_long_for_its_format_is_refused_before_the_work(suffix: str, photos: int, here: Path) -> None:
    names = [f"{number}.png" for number in range(photos)]
    for name in names:
        (here / name).symlink_to("photos/a.png")
    done = run("compare", *names, *MODEL, "-o", f"sheet.{suffix}")
    assert done.returncode == 1
    assert "write .png, or give fewer photos" in done.stderr
    assert run("compare", *names[:9], *MODEL, "-o", f"sheet.{suffix}").returncode == 0
