"""A running `rembg-skin tune`, shared by the tests that send it requests and by those that use it in a browser."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest
from PIL import Image

from tests.support.processes import started

SCRIPT = Path(sys.executable).with_name("rembg-skin")


@contextmanager
def tune(folder: Path, *arguments: str, **variables: str) -> Iterator[tuple[Popen[str], str]]:
    """Give a running command whose temporary folder is `folder`, and the address of its page, token included."""
    command: list[str | Path] = [SCRIPT, "tune", "--port", "0", *arguments]
    with started(command, cwd=folder, env={"TMPDIR": str(folder), **variables}) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}(?=;)", line)
        assert found, line or process.stderr.read()
        yield process, found[0]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, astronaut: Image.Image) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    astronaut.save(folder / "uploaded photo.png")
    astronaut.crop((100, 0, 400, 300)).save(folder / "it's given.png")
    return folder


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[str]:
    with tune(folder, "--no-browser", "it's given.png") as (_, url):
        yield url
