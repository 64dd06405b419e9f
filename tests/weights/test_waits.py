"""Nobody waits long: hosts out of reach or silent, downloads of others, and what a terminal shows meanwhile."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from rembg_skin.errors import WeightsError
from rembg_skin.weights import store
from rembg_skin.weights.http import Settings
from tests.support.github import GitHub, Trickle
from tests.support.processes import started
from tests.support.silence import listening
from tests.support.weights import CHILD, DATA, PINNED, fetch, model, pinned, released

BUSY = 5.0  # seconds beyond the limit that a busy machine may take


def seconds(action: Callable[[], object], match: str) -> float:
    start = time.monotonic()
    with pytest.raises(WeightsError, match=match):
        action()
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("api", "reason"),
    [
        ("http://127.0.0.1:9", r"127\.0\.0\.1 cannot be reached \(connection refused\)"),
        ("http://host.invalid", r"host\.invalid cannot be reached \(name not resolved\)"),
        ("http://[::1]:9", r"::1 cannot be reached"),
    ],
)
def test_what_is_out_of_reach_is_tried_once_and_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, reason: str
) -> None:
    def no_answer(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    if "invalid" in api:  # this machine's own search for a name may take long
        monkeypatch.setattr(socket, "getaddrinfo", no_answer)
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", api)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it paused"))
    with pytest.raises(WeightsError, match=reason):
        fetch(released(), tmp_path, backoff=1.0)


def test_of_a_host_with_several_addresses_the_next_one_is_asked(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pinned(github)
    port = int(github.url.rpartition(":")[2])
    places = [("127.0.0.1", 9), ("192.0.2.1", port), ("127.0.0.1", port)]  # refused, silent, alive
    stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: [(*stream, place) for place in places])
    several = replace(source, url=f"http://several.invalid:{port}{PINNED}")
    assert fetch(model(several), tmp_path, connect=0.3).read_bytes() == DATA


def test_a_host_that_stays_silent_is_not_asked_for_the_next_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = (*released().sources, *released(tag="v1").sources, *released("other").sources)
    with listening() as silent:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", silent)
        assert seconds(lambda: fetch(model(*sources), tmp_path, silence=0.6), "does not answer") < 0.6 + BUSY
        assert silent.connections == 1


def test_without_a_name_server_only_one_host_is_looked_for(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def no_answer(host: str, *_args: object, **_kwargs: object) -> None:
        looked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_answer)
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", "https://api.invalid")
    source = replace(pinned(github), url="https://files.invalid/x")
    with pytest.raises(WeightsError, match=r"name not resolved.*api\.invalid was not asked"):
        fetch(model(source, *released().sources), tmp_path)
    assert looked == ["files.invalid"]


def test_where_packets_vanish_it_ends_within_half_a_minute() -> None:
    limits = Settings()
    assert 2 * limits.silence < 30
    assert 8 * limits.connect < 30  # of a host with eight addresses


def held(target: Path, inside: threading.Event, done: threading.Event) -> threading.Thread:
    """Return a started thread that holds the lock of `target` until `done`."""

    def hold() -> None:
        with store._turn(target, released(), Settings()):
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    return thread


@pytest.fixture
def server() -> Iterator[None]:
    """Make this process look like rembg's server."""
    log, handler = logging.getLogger("uvicorn"), logging.NullHandler()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


@pytest.mark.parametrize("served", [False, True])
def test_a_download_that_does_not_grow_is_not_waited_for(
    request: pytest.FixtureRequest, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: bool
) -> None:
    inside, done = threading.Event(), threading.Event()
    holder = held(tmp_path / "tiny_skin.onnx", inside, done)
    if served:
        request.getfixturevalue("server")
        monkeypatch.setattr(store, "_SERVED", 0.5)
    turn = 20.0 if served else 0.5
    entry = model(pinned(github))
    words = "being downloaded by another"
    try:
        with ThreadPoolExecutor(8) as pool:
            waits = [pool.submit(seconds, lambda: fetch(entry, tmp_path, turn=turn), words) for _ in range(8)]
            assert max(wait.result() for wait in waits) < 1 + BUSY
    finally:
        done.set()
        holder.join()
    assert fetch(entry, tmp_path).read_bytes() == DATA


def test_a_download_that_grows_is_waited_for(github: GitHub, tmp_path: Path) -> None:
    entry = model(pinned(github))
    github.faults[PINNED].append(Trickle(size=300_000, pause=0.2))
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: fetch(entry, tmp_path, turn=1.0), range(4)))
    assert paths == {tmp_path / "tiny_skin.onnx"}
    assert len(github.seen) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_a_wait_shows_on_a_terminal_what_it_is_for_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    with listening() as silent:
        environment = {"REMBG_SKIN_GITHUB_API": silent, "REMBG_SKIN_DISABLE": "1"}
        with started([*CHILD, str(tmp_path)], env=environment, stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            while b"asking 127.0.0.1 ..." not in shown:
                shown += os.read(ours, 1000)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            process.wait(20)
            assert time.monotonic() - start < 1 + BUSY
    os.close(ours)


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
