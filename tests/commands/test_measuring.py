"""eval, bench, compare, stats and augment, run as a user runs them."""

import csv
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from rembg_skin.dataset.variants import VARIANTS
from tests.support.command import PROGRAM, run
from tests.support.photos import SHARED
from tests.support.processes import interrupt, started


def without_package(name: str, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command where importing a package fails."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("raise ImportError")
    command, environment = [PROGRAM, *map(str, arguments)], {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def stopped_when(ready: Callable[[], bool], *arguments: object) -> tuple[int, str, str]:
    """Press Ctrl-C as soon as `ready`; return exit status, stdout and stderr."""
    with started([PROGRAM, *map(str, arguments)]) as process:
        deadline = time.monotonic() + 600
        while not ready():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        interrupt(process)
        out, err = process.communicate(timeout=600)
    assert "Traceback" not in err, err
    return process.returncode, out, err


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return folders with six crops of the astronaut's photograph and masks of its face, drawn by hand as a box."""
    photo = Image.fromarray(astronaut())
    mask = Image.new("L", photo.size)
    mask.paste(255, (170, 60, 280, 200))
    images, masks = tmp_path / "photos", tmp_path / "truth"
    images.mkdir()
    masks.mkdir()
    for number in range(6):
        box = (100 + 5 * number, 10, 400, 260)
        photo.crop(box).save(images / f"p{number}.jpg")
        mask.crop(box).save(masks / f"p{number}.png")
    return images, masks


def test_eval_prints_a_row_for_each_model_and_writes_what_is_asked_for(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    done = run("eval", *folders, "-m", "hsv_skin", "ycbcr_skin", "--csv", tmp_path / "all.csv", "--plot",
               tmp_path / "plot.png", "--worst", 2, "--worst-to", tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, _, *rows, difference, versions = (line.split() for line in done.stdout.splitlines())
    assert difference[:4] == ["ycbcr_skin", "-", "hsv_skin:", "mIoU@0.5"]
    assert versions[0] == "python"
    assert head == ["model", "images", "mIoU", "mIoU@0.5", "interval", "F1", "precision", "recall", "MAE", "HCE",
                    "s/image"]  # fmt: skip
    assert [row[:2] for row in rows] == [["hsv_skin", "6"], ["ycbcr_skin", "6"]]
    with (tmp_path / "all.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == 12
    mean = np.mean([float(score["iou_05"]) for score in scores if score["model"] == "hsv_skin"])
    assert float(rows[0][3]) == pytest.approx(mean, abs=0.0006)
    for name in ("plot.png", "worst-hsv_skin.png", "worst-ycbcr_skin.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 200


def test_eval_reads_on_past_damaged_files_lists_them_and_says_so_by_its_exit_status(
    folders: tuple[Path, Path],
) -> None:
    images, masks = folders
    (images / "p1.jpg").write_bytes(b"no image")
    (masks / "p2.png").write_bytes((masks / "p2.png").read_bytes()[:40])
    (masks / "p3.png").unlink()
    done = run("eval", images, masks, "-m", "hsv_skin", "ycbcr_skin", "--no-hce", "--json")
    assert done.returncode == 3
    assert "2 could not be used" in done.stderr
    assert "p1.jpg cannot be read" in done.stderr
    assert "1 files have no partner" in done.stderr
    result = json.loads(done.stdout)
    assert [model["images"] for model in result["models"]] == [3, 3]
    assert len(result["unreadable"]) == 2


def test_eval_refuses_masks_of_another_size_before_any_work_unless_told_to_resize(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    with Image.open(masks / "p4.png") as mask:
        mask.resize((50, 50)).save(masks / "p4.png")
    refused = run("eval", images, masks, "-m", "hsv_skin")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "p4.png (50x50, image 280x250)" in refused.stderr
    assert run("eval", images, masks, "-m", "hsv_skin", "--resize").returncode == 0


def test_eval_keeps_what_is_finished_when_it_is_stopped(folders: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = folders
    for number in range(100):
        (images / f"q{number}.jpg").symlink_to(images / "p0.jpg")
        (masks / f"q{number}.png").symlink_to(masks / "p0.png")
    sheet = tmp_path / "worst-hsv_skin.png"
    models = ["hsv_skin", "icm_skin", "ycbcr_skin", "ellipse_skin", "diagonal_skin"]
    status, out, err = stopped_when(
        sheet.exists, "eval", images, masks, "-m", *models, "--no-hce", "--worst", 1, "--worst-to", tmp_path
    )
    assert status == 130
    assert "what is finished is kept" in err
    assert out.splitlines()[2].split()[:2] == ["hsv_skin", "106"]


def test_progress_is_shown_on_a_terminal_only(folders: tuple[Path, Path]) -> None:
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    done = subprocess.run(
        [PROGRAM, "eval", *folders, "-m", "hsv_skin"], stdout=subprocess.PIPE, stderr=slave, check=True
    )
    assert select.select([master], [], [], 5)[0]
    assert b"hsv_skin:" in os.read(master, 1 << 16)
    os.close(slave)
    os.close(master)
    assert b"%|" not in done.stdout
    assert "%|" not in run("eval", *folders, "-m", "hsv_skin").stderr


@pytest.mark.parametrize("command", ["stats", "eval"])
def test_a_missing_extra_is_named_in_one_line_before_any_work(
    command: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    options = {"stats": ["-o", tmp_path / "out"], "eval": ["-m", "hsv_skin", "--plot", tmp_path / "plot.png"]}
    done = without_package("matplotlib", tmp_path / "without", command, *folders, *options[command])
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith('needs matplotlib, which is not installed: pip install "rembg-skin[plot]"')
    assert not (tmp_path / "out").exists()


def test_bench_measures_what_is_on_disk_and_skips_the_rest(tmp_path: Path) -> None:
    # An empty model folder, and no network to fall back on: a download would fail loudly.
    done = run("bench", "-m", "hsv_skin", "u2netp", "--sizes", "64,128", "--runs", 3, "--budget", 5, "--json",
               U2NET_HOME=str(tmp_path), HTTPS_PROXY="http://127.0.0.1:9")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Skipped, not on disk: u2netp." in done.stderr
    assert not list(tmp_path.iterdir())
    result = json.loads(done.stdout)
    assert [(row["model"], row["width"], row["height"]) for row in result["results"]] == [
        ("hsv_skin", 64, 64),
        ("hsv_skin", 128, 128),
    ]
    for row in result["results"]:
        assert row["network"] == []
        assert len(row["predict"]) == len(row["remove"]) == 3
        assert min(row["predict"] + row["remove"]) > 0
        assert row["peak_memory"] is None or 50e6 < row["peak_memory"] < 2e9
    assert result["advice"].startswith("Within 5 s: hsv_skin")
    assert {"python", "rembg", "onnxruntime"} <= result["machine"].keys()


def test_eval_without_a_model_measures_skin_and_says_what_it_took(folders: tuple[Path, Path], tmp_path: Path) -> None:
    home = str(tmp_path / "empty")
    done = run("eval", *folders, "--no-hce", "--csv", tmp_path / "all.csv", REMBG_SKIN_OFFLINE="1", U2NET_HOME=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].split()[:2] == ["skin=tiny_skin", "6"]
    assert "skin took tiny_skin: tiny_skin.onnx sha256 " in done.stdout
    assert "rembg-skin " in done.stdout.splitlines()[-1]
    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["session"] for row in rows} == {"tiny_skin"}
    assert all(row["weights_sha256"].startswith("tiny_skin.onnx ") for row in rows)


def test_models_take_extras_and_a_wrong_one_is_one_error_before_any_work(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    done = run("eval", *folders, "-m", "ycbcr_skin", "ycbcr_skin:cb_min=120,morph=1", "--no-hce", "--json", "--worst",
               1, "--worst-to", tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    plain, changed = json.loads(done.stdout)["models"]
    assert (plain["model"], changed["model"]) == ("ycbcr_skin", "ycbcr_skin:cb_min=120,morph=1")
    assert plain["miou"] != changed["miou"]
    assert (tmp_path / "worst-ycbcr_skin_cb_min_120,morph_1.png").is_file()
    for given, reason in (
        ("ycbcr_skin:cb_mni=3", 'no extra "cb_mni"; did you mean cb_min'),
        ("ycbcr_skin:cb_min=300", "cb_min=300 is not possible"),
        ("ycbcr_skin:cb_min=", "is not JSON"),
    ):
        for command in (("eval", *folders), ("compare", folders[0] / "p0.jpg", "-o", tmp_path / "x.png"), ("bench",)):
            refused = run(*command, "-m", given)
            assert refused.returncode in (1, 2)
            assert reason in refused.stderr


def test_swapped_folders_are_refused_photo_by_photo(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    swapped = run("eval", masks, images, "-m", "hsv_skin", "--no-hce")
    assert swapped.returncode == 1
    assert "6 could not be used" in swapped.stderr
    assert "p0.jpg is no mask that can be read without a doubt" in swapped.stderr


def test_compare_with_true_masks_shows_errors_and_says_the_iou(folders: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = folders
    (masks / "p1.png").unlink()
    out = tmp_path / "grid.svg"
    done = run("compare", images / "p0.jpg", images / "p1.jpg", "-m", "ycbcr_skin", "-o", out, "--masks", masks)
    assert done.returncode == 0, done.stderr
    assert "p1.jpg has no mask in" in done.stderr
    width = int(out.read_text().split('viewBox="0 0 ')[1].split()[0])
    assert width == 8 + 4 * (256 + 8)  # image, true mask, mask, errors
    refused = run("compare", images / "p0.jpg", "-m", "hsv_skin", "-o", tmp_path / "grid.doc")
    assert refused.returncode == 1
    assert "grid.doc: a picture's name ends in .png" in refused.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can drop rights")
def test_a_user_without_home_and_write_access_can_measure(tmp_path: Path) -> None:
    bench = "sys.argv[1:] = ['bench', '-m', 'hsv_skin', '--runs', '1']"
    code = f"import sys; from rembg_skin.cli import main; {bench}; sys.exit(main())"
    home = {"HOME": "/nowhere", "U2NET_HOME": str(tmp_path / "models"), "PATH": os.defpath}
    path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}

    def as_nobody(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", command],
            cwd="/",
            env=home | path,
            user=65534,
            group=65534,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        readable = as_nobody("import rembg_skin").returncode == 0
    except PermissionError:
        readable = False
    if not readable:
        pytest.skip("another user cannot read this environment")
    done = as_nobody(code)
    assert done.returncode == 0, done.stderr
    assert "hsv_skin" in done.stdout


def test_without_standard_error_and_output_commands_do_their_work(folders: tuple[Path, Path], tmp_path: Path) -> None:
    code = """if True:
        import sys
        sys.stdout = sys.stderr = None
        from rembg_skin.cli import main
        sys.exit(main())
    """
    (folders[1] / "p0.png").unlink()
    arguments = ["eval", *folders, "-m", "hsv_skin", "--no-hce", "--csv", tmp_path / "all.csv"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 6
    done = subprocess.run([sys.executable, "-c", code, "models"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("module", ["rembg_skin", "rembg_skin.cli"])
def test_the_command_is_a_module_too(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("rembg-skin ")


def test_bench_names_an_unknown_provider(tmp_path: Path) -> None:
    done = run("bench", "-m", "hsv_skin", "--provider", "abacus", "--runs", 1, U2NET_HOME=str(tmp_path))
    assert done.returncode == 1
    assert 'no provider "abacus" here; it has' in done.stderr


def test_compare_draws_a_row_for_each_image_that_can_be_read(folders: tuple[Path, Path], tmp_path: Path) -> None:
    images, _ = folders
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    out = tmp_path / "new" / "out.png"
    done = run("compare", images / "p0.jpg", broken, images / "p5.jpg", "-m", "hsv_skin", "icm_skin", "-o", out)
    assert done.returncode == 3
    assert "broken.jpg cannot be read" in done.stderr
    with Image.open(out) as picture:
        assert picture.width > 5 * 256
        assert 2 * 200 < picture.height < 3 * 300


def test_stats_writes_figures_and_numbers(folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("stats", *folders, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "out" / "stats.json").read_text())
    assert numbers["images"] == 6
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["histograms.png", "stats.json"]


def test_augment_stopped_in_the_middle_leaves_no_half_file_and_goes_on(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("augment", *folders, "-o", out, "--seed", 7, "--jobs", 2)
    status, _, _ = stopped_when(lambda: any((out / "images").glob("*.png")), *arguments)
    assert status == 130
    assert not list(out.rglob("*.part"))
    for path in out.rglob("*.png"):
        Image.open(path).load()

    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 of 6 pairs, 26 variants each:")
    for kind in ("images", "masks"):
        assert len(list((out / kind).iterdir())) == 6 * len(VARIANTS)
    assert f"{6 * len(VARIANTS)} there already" in run(*arguments).stdout


def test_wrong_names_and_folders_are_one_line_each(folders: tuple[Path, Path], tmp_path: Path) -> None:
    unknown = run("compare", folders[0] / "p0.jpg", "-m", "hsv_skni", "-o", tmp_path / "x.png")
    assert unknown.returncode == 1
    assert 'no model "hsv_skni"; did you mean hsv_skin' in unknown.stderr
    (tmp_path / "file").write_text("in the way")
    for command in ("augment", "stats"):
        blocked = run(command, *folders, "-o", tmp_path / "file")
        assert (blocked.returncode, len(blocked.stderr.splitlines())) == (1, 1)
        assert "cannot be written" in blocked.stderr
    missing = run("stats", tmp_path / "none", folders[1], "-o", tmp_path / "out")
    assert (missing.returncode, len(missing.stderr.splitlines())) == (1, 1)


def test_commands_do_not_import_what_they_do_not_need() -> None:
    code = "import sys, rembg_skin.commands.augment as _; print('rembg' in sys.modules, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_eval_runs_on_real_photographs_with_empty_masks_among_them() -> None:
    folder = SHARED / "data" / "mixed_web"
    if not folder.exists():
        pytest.skip("the photographs of ../shared/data are not here")
    done = run("eval", folder / "images", folder / "masks", "-m", "ycbcr_skin", "--no-hce", "--json")
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(done.stdout)["models"]
    assert model["images"] == 49
    assert 0.2 < model["miou_05"] < 0.9
