"""`rembg-skin tune` as a command: how it starts, how it ends, and what is left of the photos."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest
import requests

from rembg_skin.cli import main
from rembg_skin.errors import ImageError, SkinError
from rembg_skin.tune import server
from rembg_skin.tune.page import serve_page
from rembg_skin.tune.server import bind
from tests.tune.conftest import tune


@pytest.mark.e2e
@pytest.mark.skipif(os.name == "nt", reason="signals of a POSIX system")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_it_ends_nothing_is_left(number: int, tmp_path: Path, folder: Path) -> None:
    photo = folder / "uploaded photo.png"
    with tune(tmp_path, "--no-browser", str(photo)) as (process, url):
        assert requests.post(url.replace("/?", "/upload?name=a.png&"), data=photo.read_bytes(), timeout=20).ok
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0]))):  # an open page holds one
            process.send_signal(number)
            assert process.wait(timeout=30) == 128 + number
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


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
    with bind(0) as taken, socket.socket() as free:
        port = taken.getsockname()[1]
        assert taken.getsockname()[0] == "127.0.0.1"
        for impossible in (port, -1, 65536):
            with pytest.raises(SkinError, match=f"cannot be served on port {impossible}"):
                bind(impossible)
        free.bind(("127.0.0.1", 0))
        ports = (port, free.getsockname()[1])
        free.close()
        monkeypatch.setattr(server, "_PORTS", ports)
        with bind(None) as second:  # a taken port is passed over unless it was asked for
            assert second.getsockname()[1] == ports[1]
            with pytest.raises(SkinError, match=r"All ports of 127\.0\.0\.1 from"):
                bind(None)
