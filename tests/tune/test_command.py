"""`rembg-skin tune` as a command: how it starts, how it ends, and what other users of the machine find of it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from rembg_skin.cli import main
from rembg_skin.errors import ImageError, SkinError
from rembg_skin.tune import server
from rembg_skin.tune.page import serve_page
from rembg_skin.tune.server import bind
from tests.support.command import PROGRAM
from tests.support.processes import started


@contextmanager
def tune(folder: Path, *arguments: str | Path, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Give a running command whose temporary folder is `folder`, and the address of its page, token included."""
    command = [PROGRAM, "tune", "--port", "0", *arguments]
    with started(command, cwd=folder, env={"TMPDIR": str(folder), **variables}) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}(?=;)", line)
        assert found, line or process.stderr.read()
        yield process, found[0]


@pytest.mark.e2e
@pytest.mark.skipif(os.name == "nt", reason="signals of a POSIX system")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_however_it_ends_nothing_is_left(number: int, tmp_path: Path, folder: Path) -> None:
    photo = folder / "uploaded photo.png"
    with tune(tmp_path, "--no-browser", photo) as (process, url):
        assert requests.post(url.replace("/?", "/upload?name=a.png&"), data=photo.read_bytes(), timeout=20).ok
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)):  # an open page holds one
            process.send_signal(number)
            assert process.wait(timeout=30) == 128 + number
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


# What another user's process sees: all command lines, the folder if it may be listed, the page without its token.
SPY = """
import os, sys, urllib.request as http, pathlib
lines = [p.read_bytes() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline')]
token = sys.stdin.read().encode()
assert not any(token in line for line in lines), 'in a command line'
try: sys.exit(str(os.listdir(sys.argv[2])))
except PermissionError: pass
try: http.urlopen(sys.argv[1])
except http.HTTPError as error: sys.exit(error.code != 403)
"""


@pytest.mark.e2e
@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can be another"
)
def test_another_user_of_the_machine_finds_neither_token_nor_page_nor_files(tmp_path: Path, folder: Path) -> None:
    seen, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}.part; mv {seen}.part {seen}; sleep 60\n')
    browser.chmod(0o755)
    shutil.copymode("/tmp", tmp_path.parent)  # pytest's folders are closed to others
    with tune(tmp_path, folder / "uploaded photo.png", BROWSER=f"{browser} %s &") as (_, url):
        (private,) = tmp_path.glob("rembg-skin-*")
        address, _, token = url.partition("?token=")
        another = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        command = [*another, sys.executable, "-c", SPY, f"{address}start", str(private)]
        done = subprocess.run(command, input=token, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert url in (private / "open.html").read_text()


@pytest.mark.parametrize("missing", ["uvicorn", "starlette"])
def test_without_its_server_one_line_names_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("rembg_skin.tune", f"{missing}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["tune", "--no-browser", "--port", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rembg-skin: rembg-skin tune needs {missing}")
    assert line.endswith('is not installed: pip install "rembg-skin[cli]"')


@pytest.mark.parametrize("name", ["missing.png", "notes.txt", "pipe", "folder", "/dev/zero"])
@pytest.mark.skipif(os.name == "nt", reason="pipes of a POSIX system")
def test_what_is_not_a_photo_is_refused_before_anything_starts(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match=name):
        serve_page(tmp_path, tmp_path / name, 0)


def test_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    with bind(0) as taken, bind(0) as free:
        port, other = (one.getsockname()[1] for one in (taken, free))
        assert taken.getsockname()[0] == "127.0.0.1"
        for impossible in (port, -1, 65536):
            with pytest.raises(SkinError, match=f"cannot be served on port {impossible}"):
                bind(impossible)
        free.close()
        monkeypatch.setattr(server, "_PORTS", (port, other))
        with bind(None) as second:  # a taken port is passed over unless it was asked for
            assert second.getsockname()[1] == other
            with pytest.raises(SkinError, match=r"All ports of 127\.0\.0\.1 from"):
                bind(None)
