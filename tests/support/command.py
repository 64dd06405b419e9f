"""The command `rembg-skin`, called in this process."""

import io
import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from typing import TypeVar
from unittest.mock import patch

from rembg_skin.cli import main

Task = TypeVar("Task")
Result = TypeVar("Result")

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "rembg-skin")  # for tests of the process itself


def run(*arguments: object, cwd: Path | None = None, **variables: str) -> "CompletedProcess[str]":
    """Run the command in the folder `cwd` with more variables; return its exit status, stdout and stderr.

    What its processes would do is done in this one: they take seconds to start.
    """
    out, err = io.StringIO(), io.StringIO()
    given = list(map(str, arguments))
    with (
        chdir(cwd or Path.cwd()),
        patch.dict(os.environ, variables),
        patch("rembg_skin.batch.folder.work_on", _here),
        patch("rembg_skin.dataset.augment.work_on", _here),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            status = main(given)
        except SystemExit as end:  # of argparse
            status = int(end.code or 0)
    return CompletedProcess(given, status, out.getvalue(), err.getvalue())


def finished(line: str, status: int = 0, cwd: Path | None = None, **variables: str) -> "CompletedProcess[str]":
    """Run the command line and return what :func:`run` returns, whose exit status is `status`."""
    done = run(*line.split(), cwd=cwd, **variables)
    assert done.returncode == status, done.stderr
    return done


def _here(tasks: Iterable[Task], work: Callable[[Task], Result], _processes: int) -> Iterator[tuple[Task, Result]]:
    return ((task, work(task)) for task in tasks)
