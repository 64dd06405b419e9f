"""rembg-skin masks, as people run it: a folder of photographs in, a folder of masks out."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen  # noqa: TC003 - fixtures

import numpy as np
import pytest
from PIL import Image
from rembg import new_session, remove

from rembg_skin.batch import mask_names
from rembg_skin.batch.folder import Task, mask_all, missing, survey
from rembg_skin.errors import SkinError
from tests.batch.conftest import Masks
from tests.support.command import PROGRAM, run
from tests.support.fatal import Fatal
from tests.support.photos import FILES, encoded, picture
from tests.support.processes import interrupt, started, wait_for

QUIET = re.compile(r"(masks: .* left\n)*Stopped; what is finished is kept\.\n")  # progress, on a busy machine
TREE = {"masks.json", "a.png", "sub/b.png", "sub/deep/c d.png", "sub/ü.png", "turned.png"}


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def photos_folder(tmp_path: Path) -> Path:
    """Photographs in folders, among other things."""
    source = tmp_path / "photos"
    for name in ("a.png", "sub/b.jpg", "sub/deep/c d.webp", "sub/ü.PNG"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        picture().save(source / name)
    (source / "turned.jpg").write_bytes(FILES["turned by EXIF"])
    (source / "notes.txt").write_text("mine")
    return source


def test_a_tree_of_photographs_becomes_a_tree_of_masks(photos_folder: Path, tmp_path: Path, masks: Masks) -> None:
    done = masks("-m", "ycbcr_skin", "-j", "2")
    assert (done.returncode, done.stdout) == (0, "5 masks written, 1 other file ignored\n"), done.stderr
    assert tree(tmp_path / "out") == TREE
    session = new_session("ycbcr_skin")
    for task in missing(photos_folder, tmp_path / "elsewhere"):
        mask = Image.open(tmp_path / "out" / task.target.relative_to(tmp_path / "elsewhere"))
        expected = remove(Image.open(task.source), session=session, only_mask=True)
        assert np.array_equal(np.asarray(mask), np.asarray(expected))


def test_what_cannot_be_masked_is_listed_and_the_rest_is_done(
    photos_folder: Path, tmp_path: Path, masks: Masks
) -> None:
    (photos_folder / "sub" / "text.jpg").write_text("no image")
    (photos_folder / "cut.jpg").write_bytes(encoded(picture(), "JPEG")[:-400])
    (photos_folder / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(photos_folder / "pipe.jpg")
    done = masks("-m", "ycbcr_skin")
    assert done.returncode == 3
    assert done.stdout.startswith("5 masks written, 4 images failed, ")
    lines = sorted(line for line in done.stderr.splitlines() if line.startswith("rembg-skin: "))
    photos = [line.partition(" ")[2].partition(": ")[0] for line in lines]
    assert photos == ["photos/cut.jpg", "photos/gone.jpg", "photos/pipe.jpg", "photos/sub/text.jpg"]
    assert "truncated" in lines[0].lower()
    assert lines[1].endswith("not a file")
    assert tree(tmp_path / "out") == TREE


@pytest.mark.usefixtures("photos_folder")
def test_a_second_run_does_what_is_missing_and_nothing_else(tmp_path: Path, masks: Masks) -> None:
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub" / "b.png").write_bytes(b"somebody's")
    assert masks("-m", "ycbcr_skin").returncode == 0
    assert (out / "sub" / "b.png").read_bytes() == b"somebody's"
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert masks("-m", "ycbcr_skin").stdout.startswith("0 masks written, 5 already there")
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_names_that_would_share_a_mask_keep_their_suffix(tmp_path: Path) -> None:
    expected = {name: f"{name}.png" for name in ("a.jpg", "a.png", "c.JPG", "C.png", "d.png.webp")}
    expected |= {"b.jpg": "b.png", "d.png": "d.png", "e.jpg": "e.png"}
    for name in (*expected, "e.txt"):
        (tmp_path / name).touch()
    assert {task.source.name: task.target.name for task in missing(tmp_path, tmp_path / "out")} == expected
    found = mask_names([*expected, "e.txt", "x/a.jpg", "X/a.jpg", "x/A.gif", "__MACOSX/a.jpg"])
    assert found == {**expected, "x/a.jpg": "x/a.jpg.png", "x/A.gif": "x/A.gif.png", "X/a.jpg": "X/a.png"}


def test_links_in_circles_end_and_masks_inside_the_folder_are_no_photographs(
    photos_folder: Path, tmp_path: Path
) -> None:
    (photos_folder / "sub" / "up").symlink_to(photos_folder, target_is_directory=True)
    assert len(list(missing(photos_folder, photos_folder / "masks"))) == 5
    for done, todo in ((0, 5), (5, 0)):
        found = survey(photos_folder, photos_folder / "masks")
        assert (found.todo, found.done, found.others, found.links) == (todo, done, 1, 1)
        assert run("masks", "photos", "photos/masks", "-m", "ycbcr_skin", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("nowhere out -m ycbcr_skin", "nowhere is not a folder"),
        ("photos photos -m ycbcr_skin", "cannot take the masks of its own photographs"),
        ("photos out -m nope", 'rembg has no model "nope"'),
        ("photos out -m ycbcr_skin -x {", "not JSON"),
        ("photos out -m ycbcr_skin -x [1]", "not a JSON object"),
        ('photos out -m ycbcr_skin -x {"cb_min":999}', "cb_min takes a whole number"),
        ("photos out -m ycbcr_skin -j 0", "0 is not a whole number from 1 on"),
        ("photos photos/a.png -m ycbcr_skin", "cannot be written"),
        *((f"photos out --shard={text}", "--shard") for text in ("0/3", "4/3", "3", "a/b", "1/0", "/", "-1/3")),
    ],
)
def test_a_bad_argument_is_one_error(arguments: str, words: str, photos_folder: Path, tmp_path: Path) -> None:
    before = tree(photos_folder)
    done = run("masks", *arguments.split(), cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert words in done.stderr.splitlines()[-1]
    assert tree(photos_folder) == before
    assert not (tmp_path / "out").exists()


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator["Popen[str]"]:
    """Give the command at work on 300 photographs with two processes, in a group of processes of its own."""
    source = tmp_path / "photos"
    source.mkdir()
    picture(3000).save(source / "0.jpg")
    for number in range(1, 300):
        (source / f"{number}.jpg").hardlink_to(source / "0.jpg")
    command = [PROGRAM, "masks", "photos", "out", "-m", "ycbcr_skin", "-j", "2"]
    with started(command, cwd=tmp_path, stdout=None) as process:
        yield process


def check_interrupt(process: "Popen[str]") -> None:
    interrupt(process)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert QUIET.fullmatch(stderr), stderr


def test_ctrl_c_leaves_whole_masks_and_the_next_run_goes_on(
    at_work: "Popen[str]", tmp_path: Path, masks: Masks
) -> None:
    wait_for(lambda: len(list((tmp_path / "out").glob("*.png"))) > 5)
    check_interrupt(at_work)
    (tmp_path / "out" / "masks.json").unlink()
    written = list((tmp_path / "out").iterdir())
    assert 5 < len(written) < 300
    assert {path.suffix for path in written} == {".png"}
    for path in written:
        assert Image.open(path).convert("L").size == (3000, 40)
    done = masks("-m", "ycbcr_skin")
    assert done.stdout.startswith(f"{300 - len(written)} masks written, {len(written)} already there")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_ctrl_c_while_the_processes_start_is_quiet(at_work: "Popen[str]") -> None:
    children = Path(f"/proc/{at_work.pid}/task/{at_work.pid}/children")
    wait_for(lambda: len(children.read_text().split()) >= 3)  # a tracker of multiprocessing, and two that work
    check_interrupt(at_work)


def test_no_process_outlives_a_command_that_was_killed(at_work: "Popen[str]", tmp_path: Path) -> None:
    wait_for(lambda: any((tmp_path / "out").glob("*.png")))
    at_work.kill()
    at_work.communicate()
    wait_for(lambda: not group_lives(at_work.pid))


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_dies_costs_the_image_that_killed_it_alone(tmp_path: Path) -> None:
    source, target, deadly = tmp_path / "photos", tmp_path / "out", {3, 11}
    source.mkdir()
    for number in range(20):
        picture(13 if number in deadly else 12).save(source / f"{number:02}.png")
    results = list(mask_all(missing(source, target), Fatal("ycbcr_skin"), target, 2))
    assert len(results) == 20
    assert {int(task.source.stem) for task, outcome in results if "died" in outcome.error} == deadly
    assert {int(task.source.stem) for task, outcome in results if outcome.error} == deadly
    assert tree(target) == {"masks.json"} | {f"{number:02}.png" for number in range(20) if number not in deadly}


def test_a_mask_that_cannot_be_written_stops_the_run(photos_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("a file")
    with pytest.raises(SkinError, match="cannot be written"):
        list(mask_all(missing(photos_folder, out), Fatal("ycbcr_skin"), out, 1))
    assert Task(photos_folder / "a.png", out / "a.png") in missing(photos_folder, out)
