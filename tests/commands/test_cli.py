"""The command as a program, wherever it is started: without streams, in any locale, as a user without home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.command import finished
from tests.support.photos import picture

# Runs each argument as a command line, as the process's own command; the exit status has theirs as its digits.
ALL = """
from rembg_skin.cli import main
import sys
lines, status = sys.argv[1:], 0
for line in lines:
    sys.argv[1:] = line.split()
    status = 10 * status + main()
sys.exit(status)
"""
WITHOUT_STREAMS = "import sys; sys.stdout = sys.stderr = None\n" + ALL
# numba refuses to import what it cannot cache: no folder of the package, of the user, or named may be written.
WITHOUT_CACHE = """
import builtins, sys
plain = builtins.__import__
def refuse(*_): raise RuntimeError('cannot cache function')
def watched(name, *rest):
    module = plain(name, *rest)
    if 'numba.core.caching' in sys.modules: sys.modules['numba.core.caching'].FunctionCache = refuse
    return module
builtins.__import__ = watched
""" + ALL  # fmt: skip


def run_all(code: str, *lines: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, *lines]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})


@pytest.mark.parametrize("module", ["rembg_skin", "rembg_skin.cli"])
def test_python_m_is_the_command(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: rembg-skin ")
    assert finished("--version").stdout.startswith("rembg-skin ")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize(("code", "closed"), [(ALL, "2>&-"), (ALL, "<&- >&- 2>&-"), (WITHOUT_STREAMS, "")])
def test_commands_work_without_streams_and_write_into_no_file(code: str, closed: str, here: Path) -> None:
    (here / "photos" / "bad.png").write_text("no image")
    lines = ["masks photos out -m ycbcr_skin -j 1", "eval photos out -m ycbcr_skin --csv all.csv", "models"]
    shell = ["sh", "-c", f'exec "$0" -c "$@" {closed}', sys.executable, code, *lines]
    done = subprocess.run(shell, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (300 % 256, b"")
    assert bool(done.stdout) == (closed == "2>&-")
    assert {path.name for path in Path("out").iterdir()} == {"masks.json", *(f"{name}.png" for name in "abcde")}
    assert Image.open("out/a.png").size == (60, 40)
    assert len((here / "all.csv").read_text().splitlines()) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_any_name_is_printed_in_any_locale(here: Path) -> None:
    for folder, image in (("photos", picture()), ("truth", Image.new("L", (60, 40), 255))):
        for name in (b"latin \xe9", "ü".encode(), b"red \x1b[31m", b"two\nlines"):
            image.save(os.fsencode(here / folder) + b"/" + name + b".png")
        (here / folder / "x\x1b]0;title\x07.png").write_text("no image")
    lines = (
        "masks photos out -m ycbcr_skin -j 1",
        "eval photos truth -m ycbcr_skin --no-hce --csv all.csv",
        "augment photos truth -o more --jobs 1",
    )
    done = run_all(ALL, *lines, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 333 % 256
    assert "\x1b" not in done.stdout + done.stderr
    assert sum(r"x\x1b]0;title\x07.png" in line for line in done.stderr.splitlines()) == 3
    names = [line.split(",")[1] for line in (here / "all.csv").read_text("utf-8").splitlines()[1:]]
    plain = [f"{name}.png" for name in "abcde"]
    assert sorted(names) == [*plain, r"latin \xe9.png", r"red \x1b[31m.png", r"two\nlines.png", "ü.png"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("threads", ["4,2", ""])
def test_masks_and_eval_understand_every_omp_num_threads(threads: str) -> None:
    finished("masks photos out -m ycbcr_skin -j 1", OMP_NUM_THREADS=threads)
    finished("eval photos out -m ycbcr_skin --no-hce", OMP_NUM_THREADS=threads)


@pytest.mark.usefixtures("here")
def test_commands_run_where_nothing_compiled_can_be_kept() -> None:
    lines = ("eval photos truth -m hsv_skin --no-hce", "compare photos/a.png -m hsv_skin -o c.png")
    done = run_all(WITHOUT_CACHE, *lines)
    assert "cannot cache" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
