"""The command `rembg-skin`, called in this process."""

import io
import os
import sysconfig
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from rembg_skin.cli import main

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "rembg-skin")  # for tests of the process itself


def run(*arguments: object, cwd: Path | None = None, **variables: str) -> "CompletedProcess[str]":
    """Run the command in the folder `cwd` with more variables; return its exit status, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    given = list(map(str, arguments))
    with chdir(cwd or Path.cwd()), patch.dict(os.environ, variables), redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(given)
        except SystemExit as end:  # of argparse
            status = int(end.code or 0)
    return CompletedProcess(given, status, out.getvalue(), err.getvalue())
