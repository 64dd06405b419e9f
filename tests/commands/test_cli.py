"""The command as a program, wherever it is started: without streams, in any locale, as a user without home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.photos import picture


def run(*arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rembg_skin", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("module", ["rembg_skin", "rembg_skin.cli"])
def test_python_m_is_the_command(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: rembg-skin ")
    assert subprocess.run([sys.executable, "-m", module], capture_output=True, check=False).returncode == 2


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_masks_and_eval_work_without_streams_and_write_into_no_file(closed: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    picture().save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "bad.png").write_text("no image")
    program = f"{sys.executable} -m rembg_skin"
    shell = f"{program} masks photos out -m ycbcr_skin -j 1 {closed}"
    assert subprocess.run(["sh", "-c", shell], cwd=tmp_path, check=False).returncode == 3
    assert Image.open(tmp_path / "out" / "a.png").size == (60, 40)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "masks.json"]
    shell = f"{program} eval photos out -m ycbcr_skin --csv all.csv {closed}"
    assert subprocess.run(["sh", "-c", shell], cwd=tmp_path, check=False).returncode == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_any_name_is_printed_in_any_locale(tmp_path: Path) -> None:
    for folder in ("photos", "truth"):
        (tmp_path / folder).mkdir()
        for name in (b"latin \xe9", "ü".encode(), b"red \x1b[31m", b"two\nlines"):
            (picture() if folder == "photos" else Image.new("L", (60, 40), 255)).save(
                os.fsencode(tmp_path / folder) + b"/" + name + b".png"
            )
    (tmp_path / "photos" / "x\x1b]0;title\x07.png").write_text("no image")
    (tmp_path / "truth" / "x\x1b]0;title\x07.png").write_text("no image")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for command in (["masks", "photos", "out", "-m", "ycbcr_skin", "-j", 1],
                    ["eval", "photos", "truth", "-m", "ycbcr_skin", "--no-hce", "--csv", "all.csv"],
                    ["augment", "photos", "truth", "-o", "more", "--jobs", 1]):  # fmt: skip
        done = run(*command, cwd=tmp_path, env=ascii_only)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == 3
        assert "\x1b" not in done.stdout + done.stderr
        assert r"x\x1b]0;title\x07.png" in done.stderr
    names = [line.split(",")[1] for line in (tmp_path / "all.csv").read_text("utf-8").splitlines()[1:]]
    assert sorted(names) == [r"latin \xe9.png", r"red \x1b[31m.png", r"two\nlines.png", "ü.png"]


@pytest.mark.parametrize("threads", ["4,2", ""])
def test_masks_and_eval_understand_every_omp_num_threads(threads: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    picture().save(tmp_path / "photos" / "a.png")
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    done = run("masks", "photos", "out", "-m", "ycbcr_skin", "-j", 1, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    done = run("eval", "photos", "out", "-m", "ycbcr_skin", "--no-hce", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr


def test_commands_run_where_nothing_compiled_can_be_kept(tmp_path: Path) -> None:
    # numba refuses to import what it cannot cache: no folder of the package, of the user, or named may be written.
    for folder in ("photos", "truth"):
        (tmp_path / folder).mkdir()
    picture().save(tmp_path / "photos" / "a.png")
    Image.new("L", (60, 40), 255).save(tmp_path / "truth" / "a.png")
    code = (
        "import builtins, sys\n"
        "plain = builtins.__import__\n"
        "def refuse(*_): raise RuntimeError('cannot cache function')\n"
        "def watched(name, *rest):\n"
        "    module = plain(name, *rest)\n"
        "    if 'numba.core.caching' in sys.modules: sys.modules['numba.core.caching'].FunctionCache = refuse\n"
        "    return module\n"
        "builtins.__import__ = watched\n"
        "from rembg_skin.cli import main; sys.exit(main())"
    )
    for command in (["eval", "photos", "truth", "-m", "hsv_skin", "--no-hce"],
                    ["compare", "photos/a.png", "-m", "hsv_skin", "-o", "c.png"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "cannot cache" not in done.stderr, done.stderr
        assert done.returncode == 0, done.stderr
