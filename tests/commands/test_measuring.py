"""eval, bench, compare, stats and augment, run as a user runs them."""

import csv
import json
import os
import select
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from rembg_skin.cli import main
from rembg_skin.dataset.variants import VARIANTS
from tests.support.command import PROGRAM, finished, run
from tests.support.photos import SHARED
from tests.support.processes import interrupt, started, wait_for


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with six crops of the astronaut's photograph and masks of its face, drawn by hand as a box."""
    photo = Image.fromarray(astronaut())
    mask = Image.new("L", photo.size)
    mask.paste(255, (170, 60, 280, 200))
    for name, image, suffix in (("photos", photo, "jpg"), ("truth", mask, "png")):
        (tmp_path / name).mkdir()
        for number in range(6):
            image.crop((100 + 5 * number, 10, 400, 260)).save(tmp_path / name / f"p{number}.{suffix}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_eval_prints_a_row_for_each_model_and_writes_what_is_asked_for() -> None:
    done = finished("eval photos truth -m hsv_skin ycbcr_skin --csv all.csv --plot plot.png --worst 2 --worst-to .")
    head, _, *rows, difference, versions = (line.split() for line in done.stdout.splitlines())
    assert difference[:4] == ["ycbcr_skin", "-", "hsv_skin:", "mIoU@0.5"]
    assert versions[0] == "python"
    assert " ".join(head) == "model images mIoU mIoU@0.5 interval F1 precision recall MAE HCE s/image"
    assert [row[:2] for row in rows] == [["hsv_skin", "6"], ["ycbcr_skin", "6"]]
    with Path("all.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == 12
    mean = np.mean([float(score["iou_05"]) for score in scores if score["model"] == "hsv_skin"])
    assert float(rows[0][3]) == pytest.approx(mean, abs=0.0006)
    for name in ("plot.png", "worst-hsv_skin.png", "worst-ycbcr_skin.png"):
        with Image.open(name) as picture:
            assert min(picture.size) > 200


def test_eval_reads_on_past_damaged_files_lists_them_and_says_so_by_its_exit_status(folder: Path) -> None:
    (folder / "photos/p1.jpg").write_bytes(b"no image")
    mask = folder / "truth/p2.png"
    mask.write_bytes(mask.read_bytes()[:40])
    (folder / "truth/p3.png").unlink()
    done = finished("eval photos truth -m hsv_skin ycbcr_skin --no-hce --json", 3)
    assert "2 could not be used" in done.stderr
    assert "p1.jpg cannot be read" in done.stderr
    assert "1 files have no partner" in done.stderr
    result = json.loads(done.stdout)
    assert [model["images"] for model in result["models"]] == [3, 3]
    assert len(result["unreadable"]) == 2


def test_eval_refuses_masks_of_another_size_before_any_work_unless_told_to_resize(folder: Path) -> None:
    Image.open("truth/p4.png").resize((50, 50)).save(folder / "truth/p4.png")
    refused = finished("eval photos truth -m hsv_skin", 1)
    assert refused.stdout == ""
    assert "p4.png (50x50, image 280x250)" in refused.stderr
    finished("eval photos truth -m hsv_skin --resize")


def test_progress_is_shown_on_a_terminal_only() -> None:
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    line = "eval photos truth -m hsv_skin"
    with open(slave, "w") as terminal, redirect_stderr(terminal):  # noqa: PTH123 - a descriptor
        assert main(line.split()) == 0
        assert select.select([master], [], [], 5)[0]
        assert b"hsv_skin:" in os.read(master, 1 << 16)
    os.close(master)
    done = finished(line)
    assert "%|" not in done.stdout + done.stderr


@pytest.mark.parametrize("line", ["stats photos truth -o out", "eval photos truth -m hsv_skin --plot plot.png"])
def test_a_missing_extra_is_named_in_one_line_before_any_work(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    (said,) = finished(line, 1).stderr.splitlines()
    assert said.endswith('needs matplotlib, which is not installed: pip install "rembg-skin[plot]"')
    assert not (folder / "out").exists()


def test_bench_measures_what_is_on_disk_and_skips_the_rest(tmp_path: Path) -> None:
    # An empty model folder, and no network to fall back on: a download would fail loudly.
    home = tmp_path / "home"
    home.mkdir()
    line = "bench -m hsv_skin u2netp --sizes 64,128 --runs 3 --budget 5 --json"
    done = finished(line, U2NET_HOME=str(home), HTTPS_PROXY="http://127.0.0.1:9")
    assert "Skipped, not on disk: u2netp." in done.stderr
    assert not list(home.iterdir())
    result = json.loads(done.stdout)
    rows = result["results"]
    assert [(row["model"], row["width"], row["height"]) for row in rows] == [("hsv_skin", n, n) for n in (64, 128)]
    for row in rows:
        assert row["network"] == []
        assert len(row["predict"]) == len(row["remove"]) == 3
        assert min(row["predict"] + row["remove"]) > 0
        assert row["peak_memory"] is None or 50e6 < row["peak_memory"] < 2e9
    assert result["advice"].startswith("Within 5 s: hsv_skin")
    assert {"python", "rembg", "onnxruntime"} <= result["machine"].keys()


def test_bench_names_an_unknown_provider(tmp_path: Path) -> None:
    done = finished("bench -m hsv_skin --provider abacus --runs 1", 1, U2NET_HOME=str(tmp_path))
    assert done.stderr.count('no provider "abacus" here; it has') == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can drop rights")
def test_a_user_without_home_and_write_access_can_measure(tmp_path: Path) -> None:
    environment = {"HOME": "/nowhere", "U2NET_HOME": str(tmp_path / "models"), "PATH": os.defpath}
    environment |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    rights: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}

    def as_nobody(code: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", code]
        pipes: dict[str, Any] = {"capture_output": True, "text": True}
        return subprocess.run(command, check=False, cwd="/", env=environment, **rights, **pipes)

    try:
        readable = as_nobody("import rembg_skin").returncode == 0
    except PermissionError:
        readable = False
    if not readable:
        pytest.skip("another user cannot read this environment")
    done = as_nobody("from rembg_skin.cli import main; raise SystemExit(main('bench -m hsv_skin --runs 1'.split()))")
    assert done.returncode == 0, done.stderr
    assert "hsv_skin" in done.stdout


def test_eval_without_a_model_measures_skin_and_says_what_it_took() -> None:
    done = finished("eval photos truth --no-hce --csv all.csv", REMBG_SKIN_OFFLINE="1", U2NET_HOME="empty")
    assert done.stdout.splitlines()[2].split()[:2] == ["skin=tiny_skin", "6"]
    assert "skin took tiny_skin: tiny_skin.onnx sha256 " in done.stdout
    assert "rembg-skin " in done.stdout.splitlines()[-1]
    with Path("all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["session"] for row in rows} == {"tiny_skin"}
    assert all(row["weights_sha256"].startswith("tiny_skin.onnx ") for row in rows)


def test_models_take_extras_and_a_wrong_one_is_one_error_before_any_work() -> None:
    done = finished("eval photos truth -m ycbcr_skin ycbcr_skin:cb_min=120,morph=1 --no-hce --json --worst 1")
    plain, changed = json.loads(done.stdout)["models"]
    assert (plain["model"], changed["model"]) == ("ycbcr_skin", "ycbcr_skin:cb_min=120,morph=1")
    assert plain["miou"] != changed["miou"]
    assert Path("worst-ycbcr_skin_cb_min_120,morph_1.png").is_file()
    for given, reason in (
        ("ycbcr_skin:cb_mni=3", 'no extra "cb_mni"; did you mean cb_min'),
        ("ycbcr_skin:cb_min=300", "cb_min=300 is not possible"),
        ("ycbcr_skin:cb_min=", "is not JSON"),
    ):
        for command in ("eval photos truth", "compare photos/p0.jpg -o x.png", "bench"):
            refused = run(*command.split(), "-m", given)
            assert refused.returncode in (1, 2)
            assert refused.stderr.count(reason) == 1


def test_swapped_folders_are_refused_photo_by_photo() -> None:
    swapped = finished("eval truth photos -m hsv_skin --no-hce", 1)
    assert "None of 6 could be used:" in swapped.stderr
    assert "p0.jpg is no mask that can be read without a doubt" in swapped.stderr


def test_compare_with_true_masks_shows_errors_and_says_the_iou(folder: Path) -> None:
    (folder / "truth/p1.png").unlink()
    done = finished("compare photos/p0.jpg photos/p1.jpg -m ycbcr_skin -o grid.svg --masks truth")
    assert "p1.jpg has no mask in" in done.stderr
    width = int((folder / "grid.svg").read_text().split('viewBox="0 0 ')[1].split()[0])
    assert width == 8 + 4 * (256 + 8)  # image, true mask, mask, errors


def test_compare_draws_a_row_for_each_image_that_can_be_read(folder: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"no image")
    done = finished("compare photos/p0.jpg broken.jpg photos/p5.jpg -m hsv_skin icm_skin -o new/out.png", 3)
    assert "broken.jpg cannot be read" in done.stderr
    with Image.open("new/out.png") as picture:
        assert picture.width > 5 * 256
        assert 2 * 200 < picture.height < 3 * 300


def test_stats_writes_figures_and_numbers(folder: Path) -> None:
    finished("stats photos truth -o out")
    assert json.loads((folder / "out" / "stats.json").read_text())["images"] == 6
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["histograms.png", "stats.json"]


def test_augment_stopped_in_the_middle_leaves_no_half_file_and_goes_on(folder: Path) -> None:
    out, line = folder / "out", "augment photos truth -o out --seed 7 --jobs 2"
    with started([PROGRAM, *line.split()]) as process:
        wait_for(lambda: any((out / "images").glob("*.png")) or process.poll() is not None)
        interrupt(process)
        _, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not list(out.rglob("*.part"))
    for path in out.rglob("*.png"):
        Image.open(path).load()
    assert finished(line).stdout.startswith("6 of 6 pairs, 26 variants each:")
    for kind in ("images", "masks"):
        assert len(list((out / kind).iterdir())) == 6 * len(VARIANTS)
    assert f"{6 * len(VARIANTS)} there already" in finished(line).stdout


def test_commands_do_not_import_what_they_do_not_need() -> None:
    code = "import sys, rembg_skin.commands.augment as _; print('rembg' in sys.modules, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_eval_runs_on_real_photographs_with_empty_masks_among_them() -> None:
    real = SHARED / "data" / "mixed_web"
    if not real.exists():
        pytest.skip("the photographs of ../shared/data are not here")
    done = finished(f"eval {real}/images {real}/masks -m ycbcr_skin --no-hce --json")
    (model,) = json.loads(done.stdout)["models"]
    assert model["images"] == 49
    assert 0.2 < model["miou_05"] < 0.9
