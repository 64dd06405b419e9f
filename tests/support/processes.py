"""Child processes that hear Ctrl-C however the tests were started, and that never outlive a test."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def hear_interrupts() -> None:
    """Give this process Python's handler of Ctrl-C, if it was started without one; children start with the default.

    A shell starts background commands with SIGINT ignored, and an ignored signal is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def python(code: str, *flags: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `code` in a fresh interpreter, outside of the repository: the installed package is what runs."""
    return subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)],
        cwd=Path(sys.executable).parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def _hang_up_heard() -> Iterator[None]:
    """Let processes that are started meanwhile hear SIGHUP, which nohup has ignored: these tests themselves go on."""
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is None or signal.getsignal(hang_up) is not signal.SIG_IGN:
        yield
        return
    signal.signal(hang_up, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(hang_up, signal.SIG_IGN)


@contextmanager
def started(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, **options: Any
) -> Iterator["subprocess.Popen[str]"]:
    """Give a running command, the head of a process group of its own; the whole group is ended with the block.

    `env` are variables added to those of this process; `options` are further arguments of ``subprocess.Popen``, without
    which both outputs are pipes of text.
    """
    hear_interrupts()
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    with _hang_up_heard():
        process: subprocess.Popen[str] = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(env or {})},
            start_new_session=True,
            **(pipes | options),
        )
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[str]") -> None:
    """Kill what is left of the group of `process`, and close its pipes."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Press Ctrl-C: a terminal sends it to the whole group."""
    os.killpg(process.pid, signal.SIGINT)


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once `condition` is true; fail after three minutes."""
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
