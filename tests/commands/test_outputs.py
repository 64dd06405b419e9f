"""No command writes over what it reads, by any spelling; outputs that are not possible are found before the work."""

import os
from pathlib import Path

import pytest
from PIL import Image

from rembg_skin.commands.outputs import check_outputs
from rembg_skin.errors import DataError
from tests.support.command import finished
from tests.support.photos import picture


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "line",
    [
        "compare photos/a.png photos/b.png -m ycbcr_skin -o photos/a.png",
        "compare photos/a.png -m ycbcr_skin -o link.png",
        "compare photos/a.png -m ycbcr_skin -o photos/../photos/a.png",
        "compare photos/a.png -m ycbcr_skin --masks truth -o truth/b.png",
        "eval photos truth -m ycbcr_skin --csv photos/a.png",
        "eval photos truth -m ycbcr_skin --csv hard.csv",
        "eval photos truth -m ycbcr_skin --plot truth/b.png",
        "eval photos truth -m ycbcr_skin --csv new.csv --plot ./new.csv.png --worst 1 --worst-to worst",
        "masks photos out -m ycbcr_skin --errors photos/b.png",
        "masks photos truth -m ycbcr_skin --errors truth/b.png",
        "stats figures truth -o figures",
        "cut photos/a.png -m ycbcr_skin -o link.png",
        "video photos/a.png --csv photos/a.png",
        "video file:photos/a.png photos/a.png",
        "video concat:photos/a.png|photos/b.png --csv photos/b.png",
    ],
)
def test_an_input_is_never_written_over(line: str, here: Path) -> None:
    (here / "link.png").symlink_to("photos/a.png")
    (here / "hard.csv").hardlink_to(here / "photos" / "a.png")
    (here / "worst").mkdir()
    (here / "worst" / "worst-ycbcr_skin.png").symlink_to(here / "photos" / "a.png")
    (here / "figures").mkdir()
    picture().save(here / "figures" / "histograms.png")
    Image.new("L", (60, 40), 255).save(here / "truth" / "histograms.png")
    before = contents(here)
    last = finished(line, 1).stderr.splitlines()[-1]  # files without a partner may be named before
    assert "never written over" in last
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
    ("line", "reason"),
    [
        ("masks photos out -m ycbcr_skin --errors file/e.csv", "file/e.csv cannot be written"),
        ("eval photos truth -m ycbcr_skin --csv photos", "photos cannot be written: Is a directory"),
        ("compare photos/a.png -m ycbcr_skin -o file/x.png", "file/x.png cannot be written"),
        ("compare photos/a.png -m ycbcr_skin --side 20000 -o x.webp", "more than the 16383 a side"),
        ("compare photos/a.png -m ycbcr_skin -o grid.doc", "grid.doc: a picture's name ends in .png"),
        ("compare photos/a.png -m hsv_skni -o x.png", 'no model "hsv_skni"; did you mean hsv_skin'),
        ("augment photos truth -o file", "cannot be written"),
        ("stats photos truth -o file", "cannot be written: Not a directory"),
        ("stats none truth -o out", "none is not a folder"),
        ("cut photos/a.png -m ycbcr_skin -o file/x.png", "file/x.png cannot be written"),
        ("cut photos/a.png -m ycbcr_skin -o out.jpg", "JPEG holds no transparency"),
        ("cut photos/a.png -m ycbcr_skin -o out.jpg --mask", "JPEG changes a mask's levels"),
        ("cut photos/a.png -m ycbcr_skin --format jpeg", "JPEG holds no transparency"),
        ("cut photos/a.png -m ycbcr_skin -o out.psd --mask", "leave --mask out"),
        ("cut photos/a.png -m ycbcr_skin -o out.xcf", ".xcf is not a format of this command"),
        ("cut photos/a.png -m ycbcr_skin -o out.png --format tiff", "do not fit together"),
        ("cut photos/a.png -m ycbcr_skni", 'rembg has no model "ycbcr_skni"; did you mean ycbcr_skin'),
        ('cut photos/a.png -m ycbcr_skin -x {"grwo":2}', 'there is no extra "grwo"; did you mean grow'),
        ('cut photos/a.png -m ycbcr_skin -x {"name":2}', 'there is no extra "name"'),
        ('cut photos/a.png -m ycbcr_skin -x {"grow":999}', "grow=999 is not possible"),
        ("cut photos/a.png photos/b.png -m ycbcr_skin -o out.png", "is one file, and there are 2 photos"),
    ],
)
def test_what_is_not_possible_is_one_line_before_the_work(
    line: str, reason: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rembg_skin.sessions.base.SkinSession.predict", lambda *_: pytest.fail("it works first"))
    (here / "file").write_text("in the way")
    before = contents(here)
    (said,) = finished(line, 1).stderr.splitlines()
    assert reason in said
    assert contents(here) == before
    assert not (here / "out").exists()


@pytest.mark.parametrize(("suffix", "photos"), [("webp", 300), ("jpg", 1200), ("pdf", 1200)])
def test_a_sheet_too_long_for_its_format_is_refused_before_the_work(suffix: str, photos: int, here: Path) -> None:
    names = [f"{number}.png" for number in range(photos)]
    for name in names:
        (here / name).symlink_to("photos/a.png")
    drawn = f"-m ycbcr_skin -o sheet.{suffix}"
    assert "write .png, or give fewer photos" in finished(f"compare {' '.join(names)} {drawn}", 1).stderr
    finished(f"compare {' '.join(names[:9])} {drawn}")
