"""Signals that ask a command to end: it does in two seconds, however large the photos, and keeps what is finished."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import numpy as np
import pytest
from PIL import Image

from rembg_skin.commands.signals import signals_heard, status_of
from rembg_skin.workers import aside, in_background
from tests.support.command import PROGRAM, run
from tests.support.processes import started, wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
# Stands for a library in one long call, in which Python hears no signal: some photos are done, the next takes a minute.
SLOW = """
import os, signal, sys, time
from unittest.mock import patch
from rembg_skin.sessions.base import SkinSession
signal.signal(signal.SIGINT, signal.default_int_handler)
plain, calls, done = SkinSession.predict, [], int(sys.argv.pop(1))
def slow(self, *arguments, **extras):
    calls.append(1)
    if len(calls) > done:
        print("at work", file=sys.stderr, flush=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(60)
    return plain(self, *arguments, **extras)
SkinSession.predict = slow
from rembg_skin.cli import main
sys.exit(main())
"""
STUBBORN = """
import signal, sys, time
from rembg_skin.cli import main
from rembg_skin.commands import models
from rembg_skin.commands.signals import signals_heard
signal.signal(signal.SIGINT, signal.default_int_handler)
def run(_):
    with signals_heard(noted=True) as stop:
        print('ready', flush=True)
        while not stop.is_set(): time.sleep(.01)
        print('bringing it to its end', flush=True)
        time.sleep(60)
models.run = run
sys.exit(main())
"""
PHOTOS = "photos/a.png photos/b.png photos/c.png photos/d.png photos/e.png"
EVAL = "eval photos truth -m ycbcr_skin hsv_skin --no-hce --csv all.csv --worst 1"  # the worst photo is masked twice


def stopped(process: Popen[str], number: signal.Signals) -> tuple[str, str]:
    """Send a signal and check that the command ends soon and leaves no draft; return its stdout and stderr."""
    start = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - start < 20  # two on an idle machine; the work would take a minute
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert not list(Path().rglob(".rembg-skin*"))
    return out, err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("number", "line", "done", "kept", "printed"),
    [
        (signal.SIGTERM, EVAL, 7, "all.csv worst-ycbcr_skin.png", r"^ycbcr_skin +5 .*\nhsv_skin +1 "),
        (signal.SIGHUP, f"compare {PHOTOS} -m ycbcr_skin -o grid.png", 2, "grid.png", ""),
        (signal.SIGINT, f"cut {PHOTOS} -m ycbcr_skin -o out/", 2, "out/b.cut.png", ""),
    ],
)
def test_a_command_ends_soon_and_keeps_what_is_finished(
    number: signal.Signals, line: str, done: int, kept: str, printed: str
) -> None:
    with started([sys.executable, "-c", SLOW, str(done), *line.split()]) as process:
        assert process.stderr is not None
        while "at work" not in (said := process.stderr.readline()):
            assert said, process.wait()
        out, err = stopped(process, number)
    assert "Stopped; what is finished is kept." in err
    assert re.search(printed, out, re.MULTILINE)
    assert all(Path(name).stat().st_size > 0 for name in kept.split())


@pytest.mark.parametrize(
    ("number", "line", "begun", "outcome"),
    [
        (signal.SIGINT, "masks photos out -m icm_skin -j 2", "out/masks.json", "0 masks written"),
        (signal.SIGTERM, "augment photos truth -o more --jobs 2", "more/masks/a__*", "0 of 5 pairs"),
    ],
)
def test_large_photos_are_not_waited_for(
    number: signal.Signals, line: str, begun: str, outcome: str, here: Path
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(here / "photo.jpg")
    Image.new("L", (4000, 3000), 255).save(here / "mask.png")
    for name in "abcde":
        for folder, target in (("photos", "photo.jpg"), ("truth", "mask.png")):
            (here / folder / f"{name}.png").unlink()
            (here / folder / f"{name}{Path(target).suffix}").symlink_to(f"../{target}")
    with started([PROGRAM, *line.split()]) as process:
        wait_for(lambda: any(here.glob(begun)))
        out, _ = stopped(process, number)
    assert outcome in out
    for path in here.glob("more/*/*"):
        Image.open(path).load()


def test_a_second_signal_ends_a_command_at_once() -> None:
    with started([sys.executable, "-c", STUBBORN, "models"]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "bringing it to its end\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT


@pytest.fixture
def handlers() -> Iterator[None]:
    """Check that a test leaves the handlers of signals as they were."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.usefixtures("handlers")
def test_signals_end_a_block_or_are_noted_and_are_as_before_after_it() -> None:
    with pytest.raises(KeyboardInterrupt) as stopped, signals_heard():
        signal.raise_signal(signal.SIGTERM)
    assert status_of(stopped.value) == 143
    with signals_heard():
        with signals_heard(noted=True) as stop:
            assert not stop.is_set()
            signal.raise_signal(signal.SIGINT)
            assert (stop.is_set(), stop.status) == (True, 130)
        with signals_heard(noted=True) as stop:
            assert not stop.is_set()


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with signals_heard():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("handlers")
def test_a_caller_in_python_keeps_its_compiler_and_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_DISABLE_JIT")
    assert run("models").returncode == 0
    assert "NUMBA_DISABLE_JIT" not in os.environ


def test_work_in_the_background_is_given_in_order_and_its_errors_are_raised() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise ValueError("no more")

    given: list[int] = []
    with pytest.raises(ValueError, match="no more"):
        given.extend(in_background(items()))
    assert given == [0, 1, 2]
    assert list(in_background([])) == []
    assert list(in_background([1, 2], lambda: bool(given))) == []
    assert aside(lambda: 7) == 7
