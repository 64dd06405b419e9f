"""A running `rembg-skin tune`, shared by the tests that ask it and by those that look at it in a browser."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest
from PIL import Image

from tests.support.processes import started

SCRIPT = Path(sys.executable).with_name("rembg-skin")
# Nobody is there: a page of this machine that asks a proxy does not start.
PROXIES = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9") | {"ALL_PROXY": "socks5://127.0.0.1:9"}


@contextmanager
def tune(
    folder: Path, *arguments: str, before: Sequence[str] = (), **variables: str
) -> Iterator[tuple[Popen[str], str]]:
    """Give a running command, behind proxies that do not exist, and the address of its page."""
    environment = {**PROXIES, "TMPDIR": str(folder), **variables}
    command: list[str | Path] = [*before, SCRIPT, "tune", "--port", "0", *arguments]
    with started(command, cwd=folder, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
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
