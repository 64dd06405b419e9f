"""Nobody waits: hosts out of reach, silent or slow, other people's turns, and what a user sees meanwhile."""

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
from rembg_skin.weights import failures, store, turns
from rembg_skin.weights.http import SOON, Retry
from rembg_skin.weights.settings import Settings
from tests.support.github import Answer, GitHub
from tests.support.processes import started
from tests.support.silence import listening
from tests.support.weights import DATA, LISTED, PINNED, QUICK, fetch, model, pinned, released

ROOT = Path(__file__).resolve().parents[2]
# Seconds beyond the limit that a busy machine may take.
BUSY = 2.0


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
    assert seconds(lambda: fetch(released(), tmp_path, retry=Retry()), reason) < 1 + BUSY


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 302 Found\r\nLocation: ", b"/"),
    ],
)
def test_a_host_that_never_ends_its_answer_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes, again: bytes
) -> None:
    retry = replace(QUICK, answer=0.6, silence=5.0, read=20.0)
    with listening(head, again) as silent:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", silent)
        assert seconds(lambda: fetch(released(), tmp_path, retry=retry), r"127\.0\.0\.1 does not answer") < 0.6 + BUSY
    alive = [thread.name for thread in threading.enumerate() if "rembg-skin" in thread.name]
    deadline = time.monotonic() + 10
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [thread.name for thread in threading.enumerate() if "rembg-skin" in thread.name]
    assert alive == []  # the thread that asked has ended with the connection


def test_a_body_that_only_frames_itself_counts_as_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    with listening(head, b"x") as slow:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", slow)
        retry = replace(QUICK, tries=2, read=0.4)
        assert seconds(lambda: fetch(released(), tmp_path, retry=retry), "too slow") < 1 + BUSY


def test_a_host_that_stays_silent_is_not_asked_for_the_next_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = (*released().sources, *released(tag="v1").sources, *released("other").sources)
    with listening() as silent:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", silent)
        retry = replace(QUICK, answer=0.6)
        assert seconds(lambda: fetch(model(*sources), tmp_path, retry=retry), "does not answer") < 0.6 + BUSY


def test_all_hosts_together_may_be_silent_for_so_long(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as first, listening() as second:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", second.replace("127.0.0.1", "localhost"))
        source = replace(pinned(github), url=f"{first}/tiny.onnx")
        retry = replace(QUICK, answer=1.0, silence=1.2)
        spent = seconds(lambda: fetch(model(source, *released().sources), tmp_path, retry=retry), "localhost")
    assert 1.0 < spent < 1.2 + BUSY


def test_the_limits_keep_the_promises() -> None:
    assert SOON.silence <= 1.7
    assert Retry().silence <= 28
    assert Retry().turn + Retry().silence < 40


def test_a_turn_that_gets_nowhere_is_waited_for_in_vain(github: GitHub, tmp_path: Path) -> None:
    entry = model(pinned(github))
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn(tmp_path / "tiny_skin.onnx", entry, QUICK):
            inside.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    try:
        retry = replace(QUICK, turn=0.5)
        assert seconds(lambda: fetch(entry, tmp_path, retry=retry), "are being fetched by another") < 1 + BUSY
    finally:
        done.set()
        holder.join()
    assert fetch(entry, tmp_path).read_bytes() == DATA


def test_threads_that_waited_share_the_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as silent:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", silent)
        retry = replace(QUICK, answer=1.0, turn=10.0)
        spent: list[float] = []

        def one() -> None:
            spent.append(seconds(lambda: fetch(released(), tmp_path, retry=retry), "does not answer"))

        threads = [threading.Thread(target=one) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(spent) == 6
    assert max(spent) < 1.0 + BUSY


@pytest.mark.parametrize("patience", [1.0, 100.0])
def test_a_process_that_waited_shares_the_failure_of_one_that_was_as_patient(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    github.release("owner/models", "v1", {"tiny.onnx": DATA})
    target = tmp_path / "tiny_skin.onnx"
    inside, done = threading.Event(), threading.Event()

    def fail_meanwhile() -> None:
        with turns.turn(target, released(), QUICK):
            inside.set()
            done.wait(30)
            failure = failures.note(target, "no answer", Settings.read().fingerprint, patience)
            failures.stamp(target, failure)
            monkeypatch.setattr(failures, "_failures", {})  # it was another process

    holder = threading.Thread(target=fail_meanwhile)
    holder.start()
    inside.wait(10)
    threading.Timer(0.3, done.set).start()
    if patience > QUICK.answer:
        with pytest.raises(WeightsError, match="no answer"):
            fetch(released(), tmp_path)
        assert github.seen == []
    else:
        assert fetch(released(), tmp_path).read_bytes() == DATA
    holder.join()


@pytest.fixture
def server() -> Iterator[None]:
    """Make this process look like rembg's server."""
    log, handler = logging.getLogger("uvicorn"), logging.NullHandler()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


@pytest.mark.usefixtures("server")
def test_in_a_server_one_thread_asks_and_no_other_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_SERVED", 0.5)
    retry = replace(QUICK, answer=4.0, silence=4.0, turn=30.0)
    words = "does not answer|are being fetched by another"
    with listening() as silent, ThreadPoolExecutor(40) as pool:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", silent)
        waits = [pool.submit(seconds, lambda: fetch(released(), tmp_path, retry=retry), words) for _ in range(40)]
        spent = sorted(wait.result() for wait in waits)
        assert spent[-2] < 0.5 + BUSY
        assert 3.5 < spent[-1] < 4.0 + BUSY
        # For a minute nobody asks again.
        assert seconds(lambda: fetch(released(), tmp_path, retry=retry), "does not answer") < BUSY


def test_a_download_that_is_asked_for_tries_again_and_leaves_a_new_stamp(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = released()
    target = tmp_path / "tiny_skin.onnx"
    with pytest.raises(WeightsError):
        store.obtain_soon(entry, [tmp_path], Settings.read(), QUICK)
    first = failures.stamp_of(target).read_text()
    with pytest.raises(WeightsError, match="does not have it"):
        store.obtain_soon(entry, [tmp_path], Settings.read(), QUICK)
    assert len(github.seen) == 1
    with pytest.raises(WeightsError):
        store.obtain_anew(entry, [tmp_path], Settings.read(), QUICK)
    assert len(github.seen) == 2
    assert failures.stamp_of(target).read_text() != first
    github.release("owner/models", "v1", {"tiny.onnx": DATA})
    monkeypatch.setattr(failures, "_failures", {})
    assert store.obtain_anew(entry, [tmp_path], Settings.read(), QUICK) == target
    assert not failures.stamp_of(target).exists()


def test_a_passing_fault_is_not_remembered(github: GitHub, tmp_path: Path) -> None:
    github.release("owner/models", "v1", {"tiny.onnx": DATA})
    github.faults[LISTED].extend([Answer(503)] * 2)
    with pytest.raises(WeightsError, match="HTTP 503"):
        store.obtain_soon(released(), [tmp_path], Settings.read(), replace(QUICK, tries=2))
    assert store.obtain_soon(released(), [tmp_path], Settings.read(), QUICK).read_bytes() == DATA


CHILD = """
import sys
from pathlib import Path
from tests.support.weights import fetch, released
from rembg_skin.weights.http import Retry
fetch(released(), Path(sys.argv[1]), retry=Retry())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_a_wait_shows_on_a_terminal_what_it_is_for_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    with listening() as silent:
        environment = {"REMBG_SKIN_GITHUB_API": silent, "REMBG_SKIN_DISABLE": "1", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", CHILD, str(tmp_path)]
        with started(command, env=environment, stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            while b"asking 127.0.0.1 ..." not in shown:
                shown += os.read(ours, 1000)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            process.wait(20)
            assert time.monotonic() - start < 1 + BUSY
    os.close(ours)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
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


def test_a_slow_but_steady_answer_is_read_to_its_end(github: GitHub, tmp_path: Path) -> None:
    source = pinned(github)
    assert fetch(model(source), tmp_path, retry=replace(QUICK, answer=5.0)).read_bytes() == DATA
    assert len(github.bodies(PINNED)) == 1
