"""rembg-skin masks, run again, at once, and with other settings: no model is mixed in, no photograph done twice."""

import csv
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rembg_skin.batch import SkinMasker, record
from rembg_skin.batch.folder import Share, Task, missing, survey, write_mask
from rembg_skin.batch.record import Record, claimed
from rembg_skin.errors import DataError
from rembg_skin.session import open_session
from rembg_skin.workers import work_on
from tests.batch.conftest import Masks
from tests.support.command import PROGRAM
from tests.support.photos import picture

PINNED = ["sub0/133.jpg", "sub0/175.jpg"]  # machines of other versions must agree on the shares
YCBCR = ("-m", "ycbcr_skin")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return the folder photos with two photographs, 000.png and 001.png."""
    return photographs(tmp_path, 2)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return the folder out, which is empty."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def photographs(folder: Path, count: int, width: int = 60) -> Path:
    source = folder / "photos"
    source.mkdir()
    for number in range(count):
        picture(width + number).save(source / f"{number:03}.png")
    return source


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_masks_of_other_settings_are_refused_with_the_remedy_or_all_made_again(
    source: Path, out: Path, masks: Masks
) -> None:
    assert masks(*YCBCR).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    for other in (["-m", "hsv_skin"], ["-m", "ycbcr_skin:cb_min=80"], [*YCBCR, "-x", '{"cb_min": 80}']):
        refused = masks(*other)
        assert refused.returncode == 1
        assert refused.stderr.startswith("rembg-skin: The masks in out were made by ycbcr_skin, and this run is ")
        assert "--overwrite" in refused.stderr
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before

    assert masks(*YCBCR, "-x", '{"cr_min": 170}', "--overwrite").stdout.startswith("2 masks written")
    picture().save(source / "more.png")
    # Without a word about the settings it goes on with those of the masks.
    assert masks().stdout.startswith("1 mask written, 2 already there")
    assert not any(np.asarray(Image.open(path)).any() for path in out.glob("*.png"))


def test_an_interrupted_overwrite_leaves_no_mask_of_the_old_settings_in_the_end(source: Path, out: Path) -> None:
    record.begin_anew(out, Record("ycbcr_skin", {}, {}, "0"))
    epoch = record.epoch(out)
    for name, written in (("000.png", epoch.start - 10**9), ("001.png", epoch.start)):
        (out / name).write_bytes(b"of the old settings, or of the new ones")
        os.utime(out / name, ns=(written, written))
        os.utime(source / name, ns=(10**18, 10**18))
    assert [task.source.name for task in missing(source, out, epoch=epoch)] == ["000.png"]


def test_a_photograph_newer_than_its_mask_is_done_again_but_none_of_the_future(
    source: Path, out: Path, masks: Masks
) -> None:
    assert masks(*YCBCR).returncode == 0
    Image.new("RGB", (9, 9)).save(source / "000.png")
    later = (out / "000.png").stat().st_mtime_ns + 10**9
    os.utime(source / "000.png", ns=(later, later))
    assert masks().stdout == "1 mask written, 1 already there, 1 of the masks were outdated\n"
    assert Image.open(out / "000.png").size == (9, 9)
    for path, year in zip(sorted(source.iterdir()), (2037, 2099), strict=True):
        seconds = (year - 1970) * 365 * 86_400
        os.utime(path, (seconds, seconds))
    assert masks(*YCBCR).stdout == "0 masks written, 2 already there\n"


@pytest.mark.usefixtures("source")
def test_masks_of_others_are_kept_in_every_run_however_new_the_photo(out: Path, masks: Masks) -> None:
    (out / "001.png").write_bytes(b"somebody's")
    os.utime(out / "001.png", ns=(10**18, 10**18))
    done = masks(*YCBCR)
    assert "out does not say what made its masks; they are kept. --overwrite makes them again." in done.stderr
    masks(*YCBCR)
    assert (out / "001.png").read_bytes() == b"somebody's"
    masks(*YCBCR, "--overwrite")
    assert Image.open(out / "001.png").mode == "L"


def test_two_maskers_of_one_process_with_other_extras_do_not_share_a_folder(source: Path, out: Path) -> None:
    write_mask(SkinMasker("ycbcr_skin"), out, Task(source / "000.png", out / "000.png"))
    for other in (SkinMasker("ycbcr_skin", extras={"cr_min": 170}), SkinMasker("ycbcr_skin", masks="labels")):
        with pytest.raises(DataError, match="were made by ycbcr_skin, and this run is"):
            write_mask(other, out, Task(source / "001.png", out / "001.png"))
    assert names(out) == ["000.png", "masks.json"]


def test_labels_are_zero_and_one_and_a_later_run_goes_on_with_them(source: Path, out: Path, masks: Masks) -> None:
    assert masks(*YCBCR, "--labels").returncode == 0
    picture().save(source / "more.png")
    assert masks().stdout == "1 mask written, 2 already there\n"
    for name in ("000.png", "more.png"):
        levels = np.asarray(Image.open(out / name))
        assert levels[:, :30].all()
        assert set(np.unique(levels)) == {0, 1}
    masks(*YCBCR, "--overwrite")
    assert "as labels" in masks(*YCBCR, "--labels").stderr


@pytest.mark.parametrize("labels", [(), ("--labels",)])
def test_coco_annotations_are_the_masks(labels: tuple[str, ...], source: Path, tmp_path: Path, masks: Masks) -> None:
    rle = pytest.importorskip("pycocotools.mask")
    (source / "sub").mkdir()
    Image.new("RGB", (9, 9)).save(source / "sub" / "black.png")
    (source / "bad.png").write_text("no image")
    assert masks(*YCBCR, *labels, "--coco", "new/all.json").returncode == 3
    found = json.loads((tmp_path / "new" / "all.json").read_text())
    files = {image["id"]: image["file_name"] for image in found["images"]}
    assert sorted(files.values()) == ["000.png", "001.png", "sub/black.png"]
    assert [category["name"] for category in found["categories"]] == ["skin"]
    assert len(found["annotations"]) == 2  # none of the black one
    for annotation in found["annotations"]:
        mask = np.asarray(Image.open(tmp_path / "out" / files[annotation["image_id"]])) > (0 if labels else 127)
        assert np.array_equal(rle.decode(annotation["segmentation"]), mask)
        assert annotation["area"] == mask.sum()
        assert annotation["bbox"] == [0, 0, mask.any(axis=0).sum(), mask.any(axis=1).sum()]


@pytest.mark.usefixtures("source")
@pytest.mark.skipif(os.name == "nt", reason="pipes are made as on POSIX")
def test_a_record_that_is_a_pipe_or_a_device_is_an_error_at_once(out: Path, masks: Masks) -> None:
    os.mkfifo(out / "masks.json")
    for _ in range(2):
        done = masks(*YCBCR)
        assert done.returncode == 1
        assert "masks.json cannot be read" in done.stderr
        (out / "masks.json").unlink()
        (out / "masks.json").symlink_to("/dev/zero")


def test_without_shared_memory_this_process_does_the_work_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing_memory(*_: object, **_more: object) -> None:  # as AWS Lambda, which has no /dev/shm
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", missing_memory)
    assert list(work_on([-1, 2], abs, 2)) == [(-1, 1), (2, 2)]
    assert "cannot run several processes" in capsys.readouterr().err


@pytest.mark.usefixtures("source")
def test_without_a_model_the_recommended_one_is_fixed_for_the_folder(out: Path, masks: Masks) -> None:
    done = masks("-j", 2)
    assert done.returncode == 0, done.stderr
    written = json.loads((out / "masks.json").read_text())
    assert written["model"] == "tiny_skin"
    assert len(written["weights"]["tiny_skin"]) == 64
    assert masks("-m", "skin").returncode == 0


def test_other_weights_are_other_settings(out: Path) -> None:
    found = Record("pan_skin", {"size": 512}, {"pan_skin": "a" * 64}, "0.1.0")
    for known in ({}, found.weights):  # of no weights here
        record.check(out, found, replace(found, weights=known))
    with pytest.raises(DataError, match="other weights of pan_skin than those here now"):
        record.check(out, found, replace(found, weights={"pan_skin": "b" * 64}))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": 1}', "[" * 100_000, '{"a": 1}', "\x00"])
def test_a_file_that_is_no_record_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "masks.json").write_text(content)
    with pytest.raises(DataError, match=r"masks\.json (cannot be read|is no record).*name another folder"):
        record.read(tmp_path)


def test_two_runs_at_once_mask_each_photograph_once(out: Path, tmp_path: Path) -> None:
    photographs(tmp_path, 60, width=900)
    command = [PROGRAM, "masks", "photos", "out", *YCBCR, "-j", "1"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    written = [int(run.communicate()[0].split()[0]) for run in both]
    assert [run.returncode for run in both] == [0, 0]
    assert sum(written) == 60
    assert names(out) == [*(f"{number:03}.png" for number in range(60)), "masks.json"]


def test_of_runs_at_once_with_two_models_those_of_one_begin(tmp_path: Path) -> None:
    def begins(model: str, folder: Path) -> bool:
        with suppress(DataError):
            record.begin(folder, Record(model, {}, {}, "0"))
            return True
        return False

    models = ["ycbcr_skin", "hsv_skin"] * 4
    with ThreadPoolExecutor(len(models)) as runs:
        for number in range(20):
            folder = tmp_path / str(number)
            begun = list(runs.map(begins, models, [folder] * len(models)))
            assert begun in ([True, False] * 4, [False, True] * 4)
            assert names(folder) == ["masks.json"]


def test_a_claim_is_one_process_and_ends_with_it(tmp_path: Path) -> None:
    file = tmp_path / "masks.json"
    file.write_text("{}")
    code = (
        "import sys; from pathlib import Path; from rembg_skin.batch.record import claimed\n"
        "with claimed(Path(sys.argv[1]), 'a') as ours: print(ours, flush=True); sys.stdin.read(1)"
    )

    def is_given(name: str, record: Path = file) -> bool:
        with claimed(record, name) as given:
            return given

    command = [sys.executable, "-c", code, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert [is_given(name) for name in "aba"] == [False, True, False]
        other.kill()
    assert is_given("a")
    assert is_given("a", tmp_path / "none")  # a record that may not be opened


def test_shares_are_stable_and_hold_every_photograph_once(tmp_path: Path, masks: Masks) -> None:
    photos = [f"sub{number % 7}/{number}.jpg" for number in range(1000)]
    shares = [{name for name in photos if Share(number, 10).holds(name)} for number in range(1, 11)]
    assert set.union(*shares) == set(photos)
    assert sum(map(len, shares)) == 1000
    assert 60 < min(map(len, shares)) <= max(map(len, shares)) < 140
    assert sorted(shares[2])[:2] == PINNED
    assert Share(1, 3).holds("e\u0301.jpg") == Share(1, 3).holds("\u00e9.jpg")  # a Mac's name and another's

    photographs(tmp_path, 12)
    done = [masks(*YCBCR, "--shard", f"{number}/3") for number in (1, 2, 3)]
    assert [run.returncode for run in done] == [0, 0, 0]
    assert sum(int(run.stdout.split()[0]) for run in done) == 12
    assert all(f"share {number} of 3" in run.stdout for number, run in enumerate(done, 1))
    assert len(list((tmp_path / "out").glob("*.png"))) == 12


def test_failures_are_written_as_csv_too(source: Path, tmp_path: Path, masks: Masks) -> None:
    for name in ("two\nlines.jpg", os.fsdecode(b"latin \xe9.jpg")):
        (source / name).write_text("no image")
    done = masks(*YCBCR, "--errors", "new/errors.csv")
    assert done.returncode == 3
    with (tmp_path / "new" / "errors.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["photo"] for row in rows) == [r"photos/latin \xe9.jpg", r"photos/two\nlines.jpg"]
    assert all("cannot identify" in row["error"] for row in rows)
    assert len([line for line in done.stderr.splitlines() if line.startswith("rembg-skin: photos/")]) == 2


def test_paths_that_cannot_be_cost_themselves_alone(source: Path, out: Path, masks: Masks) -> None:
    for suffix in ("jpg", "bmp"):  # so that both masks keep the suffix: 258 bytes
        picture().save(source / f"{'n' * 250}.{suffix}")
    for folder in ("file", "taken"):
        (source / folder).mkdir()
        picture().save(source / folder / "a.png")
    (out / "file").write_text("a file where a folder must go")
    (out / "taken" / "a.png").mkdir(parents=True)
    done = masks(*YCBCR)
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("2 masks written, 4 images failed")
    assert done.stderr.count("cannot be written") == 4
    assert not list(out.rglob("*.part"))


def test_a_folder_that_vanishes_or_cannot_be_read_costs_itself_only(
    source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "closed"):
        (source / name).mkdir()
        picture().save(source / name / "1.png")
    listed = os.scandir

    def as_another_user(path: Any) -> Any:  # root may read everything
        if path == str(source / "closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", as_another_user)
    found = survey(source, out)
    assert (found.todo, found.unreadable) == (4, [(source / "closed", "Permission denied")])
    tasks = missing(source, out)
    assert next(tasks).source == source / "000.png"
    shutil.rmtree(source / "a")
    assert [task.source for task in tasks] == [source / "001.png", source / "b" / "1.png"]


def test_litter_of_systems_is_named_and_counted_once_and_never_a_failure(source: Path, out: Path, masks: Masks) -> None:
    (source / "._000.png").write_bytes(b"\x00\x05\x16\x07 a Mac's")
    for folder in (".thumbnails", "__MACOSX", "lost+found", "sub/@eaDir"):
        (source / folder).mkdir(parents=True)
        picture().save(source / folder / "x.png")
    (source / ".DS_Store").write_bytes(b"x")
    for _ in range(2):
        done = masks(*YCBCR)
        assert done.returncode == 0
        assert done.stderr.startswith("5 files and folders of a system or of `cut` left out: ")
        assert all(name in done.stderr for name in ("._000.png", ".thumbnails", "__MACOSX", "lost+found", "@eaDir"))
        assert "1 other file ignored" in done.stdout
    assert names(out) == ["000.png", "001.png", "masks.json"]


def test_a_task_of_a_photograph_that_is_gone_keeps_its_mask(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(b"mask")
    assert Task(tmp_path / "gone.jpg", tmp_path / "m.png").is_done()
    assert not Task(tmp_path / "gone.jpg", tmp_path / ("n" * 300)).is_done()


@pytest.mark.parametrize("threads", ["4,2", "", "abc", " 2 ", "0", "-1", "9" * 5000])
def test_any_value_of_omp_num_threads_gives_a_session(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    session: Any = open_session("ycbcr_skin")
    assert session.sess_opts.intra_op_num_threads == {"4,2": 4, " 2 ": 2}.get(threads, 0)
