"""Nobody waits long: hosts out of reach or silent, downloads of others, and what a terminal shows meanwhile."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError
from rembg_skin.weights import store
from rembg_skin.weights.http import Settings
from tests.support.hosts import GitHub, Trickle, listening
from tests.support.processes import started
from tests.support.weights import CHILD, DATA, PINNED, REPO, SetEnv, fetch, model, pinned, released

BUSY = 5.0  # seconds beyond the limit that a busy machine may take


def seconds(action: Callable[[], object], match: str) -> float:
    start = time.monotonic()
    with pytest.raises(WeightsError, match=match):
        action()
    return time.monotonic() - start


def no_name_server(patch: pytest.MonkeyPatch) -> Mock:
    """Let no name be found, and return what is called to look for one; this machine's own search takes long."""
    looked = Mock(side_effect=socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    patch.setattr(socket, "getaddrinfo", looked)
    return looked


@pytest.mark.parametrize(
    ("api", "reason"),
    [
        ("http://127.0.0.1:9", r"127\.0\.0\.1 cannot be reached \(connection refused\)"),
        ("http://host.invalid", r"host\.invalid cannot be reached \(name not resolved\)"),
        ("http://[::1]:9", r"::1 cannot be reached"),
    ],
)
def test_the_unreachable_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, reason: str) -> None:
    if "invalid" in api:
        no_name_server(monkeypatch)
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", api)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it paused"))
    with pytest.raises(WeightsError, match=reason):
        fetch(released(), tmp_path, backoff=1.0)


def test_without_name_server_one_host_is_asked(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = no_name_server(monkeypatch)
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", "https://api.invalid")
    source = replace(pinned(github), url="https://files.invalid/x")
    with pytest.raises(WeightsError, match=r"name not resolved.*api\.invalid was not asked"):
        fetch(model(source, *released().sources), tmp_path)
    assert [call.args[0] for call in looked.call_args_list] == ["files.invalid"]


def test_the_next_address_of_a_host_is_asked(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pinned(github)
    places = [("127.0.0.1", 9), ("192.0.2.1", github.port), ("127.0.0.1", github.port)]  # refused, silent, alive
    stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: [(*stream, place) for place in places])
    several = replace(source, url=f"http://several.invalid:{github.port}{PINNED}")
    assert fetch(model(several), tmp_path, connect=0.3).read_bytes() == DATA


def test_a_host_that_stays_silent_is_not_asked_for_the_next_source(tmp_path: Path, setenv: SetEnv) -> None:
    sources = (*released().sources, *released(tag="v1").sources, *released("other").sources)
    with listening() as silent:
        setenv(REMBG_SKIN_GITHUB_API=silent)
        assert seconds(lambda: fetch(model(*sources), tmp_path, silence=0.6), "does not answer") < 0.6 + BUSY
        assert silent.connections == 1


def test_where_packets_vanish_it_ends_within_half_a_minute() -> None:
    limits = Settings()
    assert 2 * limits.silence < 30
    assert 8 * limits.connect < 30  # of a host with eight addresses


@pytest.mark.parametrize("served", [False, True])
def test_a_download_that_does_not_grow_is_not_waited_for(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: bool
) -> None:
    entry, turn = model(pinned(github)), 20.0 if served else 0.5
    if served:  # this process looks like rembg's server
        monkeypatch.setattr(logging.getLogger("uvicorn"), "handlers", [logging.NullHandler()])
        monkeypatch.setattr(store, "_SERVED", 0.5)
    with ThreadPoolExecutor(9) as pool:
        with store._turn(tmp_path / "tiny_skin.onnx", entry, Settings()):
            wait = lambda: seconds(lambda: fetch(entry, tmp_path, turn=turn), "being downloaded by another")  # noqa: E731
            assert max(wait.result() for wait in [pool.submit(wait) for _ in range(8)]) < 1 + BUSY
        assert fetch(entry, tmp_path).read_bytes() == DATA


def test_a_download_that_grows_is_waited_for(github: GitHub, tmp_path: Path, fixed: Model) -> None:
    github.faults[PINNED].append(Trickle(size=300_000, pause=0.2))
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: fetch(fixed, tmp_path, turn=1.0), range(4)))
    assert paths == {tmp_path / "tiny_skin.onnx"}
    assert len(github.seen) == 1


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Give the two ends of a terminal, ours and the child's."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_a_terminal_shows_progress_and_size(github: GitHub, tmp_path: Path, terminal: tuple[int, int]) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    subprocess.run([*CHILD, str(tmp_path)], stdout=subprocess.DEVNULL, stderr=terminal[1], check=True)
    assert re.search(r"tiny_skin: 100%.*3\.00M/3\.00M", os.read(terminal[0], 100_000).decode())


def test_a_terminal_shows_what_is_waited_for_and_ctrl_c_ends_it(tmp_path: Path, terminal: tuple[int, int]) -> None:
    with listening() as silent:
        environment = {"REMBG_SKIN_GITHUB_API": silent, "REMBG_SKIN_DISABLE": "1"}
        with started([*CHILD, str(tmp_path)], env=environment, stderr=terminal[1]) as process:
            shown = b""
            while b"asking 127.0.0.1 ..." not in shown:
                shown += os.read(terminal[0], 1000)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            process.wait(20)
            assert time.monotonic() - start < 1 + BUSY


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("what", ["download", "verify"])
def test_ctrl_c_of_the_commands_is_one_line(tmp_path: Path, what: str) -> None:
    with listening() as silent:
        environment = {"REMBG_SKIN_GITHUB_API": silent, "U2NET_HOME": str(tmp_path), "REMBG_SKIN_DISABLE": "1"}
        folder = tmp_path / "models" / "dlmv_skin"
        folder.mkdir(parents=True)
        if what == "verify":
            (folder / "dlmv_skin.onnx").write_bytes(DATA)
        command = [str(Path(sys.executable).with_name("rembg-skin")), what, "dlmv_skin"]
        with started(command, env=environment) as process:
            assert silent.asked.wait(60)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert (process.returncode, out) == (130, "")
    assert err.startswith("Stopped")
    assert len(err.splitlines()) == 1
