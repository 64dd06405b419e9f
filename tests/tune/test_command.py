"""`rembg-skin tune` as a command: how it starts, how it ends, and what is left of the photos."""

import io
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from PIL import Image

from rembg_skin.errors import DataError, ImageError, SkinError
from rembg_skin.tune.page import mark, serve_page
from rembg_skin.tune.server import bind, no_proxy
from rembg_skin.tune.temporary import private_folder
from tests.support.processes import started
from tests.tune.conftest import PROXIES, tune


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.e2e
@pytest.mark.skipif(os.name == "nt", reason="signals of a POSIX system")
@pytest.mark.parametrize(
    ("number", "before"),
    [
        # As background jobs of a script are started: SIGINT is ignored from the beginning.
        (signal.SIGINT, ("sh", "-c", 'trap "" INT; exec "$0" "$@"')),
        (signal.SIGTERM, ()),
        (signal.SIGHUP, ()),
    ],
    ids=["Ctrl-C, ignored by the shell", "SIGTERM", "SIGHUP"],
)
def test_however_it_ends_no_photo_is_left(number: int, before: tuple[str, ...], tmp_path: Path, folder: Path) -> None:
    photo = folder / "uploaded photo.png"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$HTTP_PROXY $NO_PROXY $1" > {tmp_path / "opened"}\n')
    browser.chmod(0o755)
    with tune(temporary, str(photo), before=before, BROWSER=str(browser)) as (process, url):
        with photo.open("rb") as file:
            upload = requests.post(f"{url}gradio_api/upload", files={"files": file}, timeout=20)
        assert Path(upload.json()[0]).is_relative_to(temporary)
        assert Path(upload.json()[0]).is_file()
        # A page that is open holds a connection.
        with requests.get(f"{url}gradio_api/heartbeat/one", stream=True, timeout=20):
            process.send_signal(number)
            assert process.wait(timeout=30) == 128 + number
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert left(temporary) == []
    # The browser goes on through the user's proxy.
    assert (tmp_path / "opened").read_text().split() == [PROXIES["HTTP_PROXY"], url]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_what_a_killed_command_left_goes_with_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import tempfile, time\n"
        "from rembg_skin.tune.temporary import private_folder\n"
        "with private_folder():\n"
        "    print(tempfile.mkstemp(suffix='-photo.png')[1], flush=True)\n"
        "    time.sleep(60)\n"
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lock").touch()
    (tmp_path / "rembg-skin-tune-link").symlink_to(tmp_path / "elsewhere")

    with started([sys.executable, "-c", code], env={"TMPDIR": str(tmp_path)}) as killed:
        assert killed.stdout is not None
        photo = Path(killed.stdout.readline().strip())
        with private_folder():
            assert photo.exists()  # its process lives
        killed.kill()
        killed.wait()
    assert photo.exists()
    with private_folder() as own:
        assert left(tmp_path) == sorted(["elsewhere", "rembg-skin-tune-link", own.name])
        (own / "photo.png").touch()
    assert left(tmp_path) == ["elsewhere", "rembg-skin-tune-link"]
    assert left(tmp_path / "elsewhere") == ["lock"]


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_the_same_picture_is_never_written_over_while_it_is_sent(kind: str) -> None:
    from gradio.processing_utils import encode_pil_to_bytes

    pictures = [Image.new("L", (8, 8), 99) for _ in range(2)]
    for picture in pictures:
        mark(picture)
    files = [encode_pil_to_bytes(picture, kind) for picture in pictures]
    assert files[0] != files[1]  # Gradio names a file after its content
    assert Image.open(io.BytesIO(files[0])).tobytes() == Image.open(io.BytesIO(files[1])).tobytes()


def test_without_a_temporary_folder_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(DataError, match="No temporary folder can be made for the photos"), private_folder():
        pass


@pytest.mark.parametrize(
    ("stub", "told"),
    [
        (
            "sys.modules['gradio'] = None",
            'rembg-skin tune needs Gradio, which is not installed: pip install "rembg-skin[cli]"',
        ),
        (
            "sys.modules['gradio'] = types.SimpleNamespace(__version__='5.49.1')",
            "rembg-skin tune needs Gradio 6; 5.49.1 is installed: pip install --upgrade",
        ),
        (
            "sys.modules['httpx'] = None",
            "rembg-skin tune: Gradio is installed, but a package that it needs is not: import of httpx halted",
        ),
        (
            "sys.modules['httpx'] = types.SimpleNamespace()",
            "rembg-skin tune: Gradio is installed but does not start: cannot import name",
        ),
    ],
)
def test_without_its_gradio_one_line_says_what_to_install(stub: str, told: str, tmp_path: Path) -> None:
    code = (
        f"import sys, types; {stub}\n"
        "from rembg_skin.cli import main; sys.exit(main(['tune', '--no-browser', '--port', '0']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"rembg-skin: {told}")


@pytest.mark.parametrize("name", ["missing.png", "notes.txt"])
def test_a_bad_photo_is_told_before_anything_starts(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ImageError, match=name):
        serve_page(tmp_path / name, 0)


def test_ports() -> None:
    with bind(0) as taken:
        port = taken.getsockname()[1]
        assert taken.getsockname()[0] == "127.0.0.1"
        with pytest.raises(SkinError, match=f"cannot be served on port {port} of 127.0.0.1: .*in use"):
            bind(port)
    for impossible in (-1, 65536):
        with pytest.raises(SkinError, match=f"cannot be served on port {impossible}"):
            bind(impossible)


def test_a_taken_port_is_passed_over_unless_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with bind(0) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports = (taken.getsockname()[1], free.getsockname()[1])
        free.close()
        monkeypatch.setattr("rembg_skin.tune.server._PORTS", ports)
        with bind(None) as second:
            assert second.getsockname()[1] == ports[1]
            with pytest.raises(SkinError, match=r"All ports of 127\.0\.0\.1 from"):
                bind(None)


@pytest.mark.parametrize("before", [None, "example.com"])
def test_the_environment_is_the_users_again(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    if before:
        monkeypatch.setenv("no_proxy", before)
    kept = dict(os.environ)
    with no_proxy():
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "*"
    assert dict(os.environ) == kept
