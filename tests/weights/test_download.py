"""What a download survives, and what it says when it cannot."""

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError
from tests.support.hosts import Answer, Cut, GitHub, Trickle, certificate, running
from tests.support.weights import ASSET, DATA, LISTED, OTHER, PINNED, REPO, SetEnv, fetch, model, pinned, released, rest

STAGING = ".tiny_skin.onnx.download"


@pytest.fixture(params=["", "my models/Ünïcödé 肌"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / "home" / str(request.param)


def assert_fetched(path: Path, folder: Path, data: bytes = DATA) -> None:
    assert path == folder / "tiny_skin.onnx"
    assert path.read_bytes() == data
    assert rest(folder) == set()


def test_a_pinned_file_arrives_whole_and_with_the_mode_of_the_umask(github: GitHub, folder: Path) -> None:
    path = fetch(model(pinned(github)), folder)
    assert_fetched(path, folder)
    assert not any(request.path.startswith("/repos") for request in github.seen)
    (folder / "plain").touch()
    assert path.stat().st_mode == (folder / "plain").stat().st_mode


CUTS = [(0, True), (1, True), (4096, True), (len(DATA) // 2, True), (len(DATA) - 1, True), (1000, False)]


@pytest.mark.parametrize(("after", "length"), CUTS)
def test_a_cut_connection_is_resumed_where_it_broke(github: GitHub, folder: Path, after: int, length: bool) -> None:
    entry, github.lengths = model(pinned(github, size=length)), length
    github.faults[PINNED].append(Cut(after))
    assert_fetched(fetch(entry, folder), folder)
    assert github.sent[PINNED] == len(DATA)
    ranges = [request.headers.get("Range") for request in github.bodies(PINNED)]
    assert ranges == [None, f"bytes={after}-" if after else None]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([Cut(100_000)] * 5, r"tiny_skin: .*broke after 500,000 of 3,000,000 bytes"),
        ([Cut(1_000_000), *[Answer(503)] * 5], "HTTP 503"),
        ([Cut(1_000_000), Answer(429, {"Retry-After": "9000"})], "HTTP 429"),
    ],
)
def test_when_it_gives_up_the_next_call_goes_on(
    github: GitHub, tmp_path: Path, faults: list[Cut | Answer], words: str, listed: Model
) -> None:
    github.faults[ASSET].extend(faults)
    with pytest.raises(WeightsError, match=words):
        fetch(listed, tmp_path)
    assert not (tmp_path / "tiny_skin.onnx").exists()
    assert os.name == "nt" or (tmp_path / STAGING).stat().st_mode & 0o077 == 0  # for nobody else to write
    github.faults.clear()
    assert_fetched(fetch(listed, tmp_path), tmp_path)
    assert github.sent[ASSET] == len(DATA)


@pytest.mark.parametrize("arrived", [500_000, len(DATA)])
def test_a_part_that_went_bad_is_thrown_away(github: GitHub, tmp_path: Path, arrived: int, fixed: Model) -> None:
    github.faults[PINNED].extend([Cut(100_000)] * 5)
    with pytest.raises(WeightsError):
        fetch(fixed, tmp_path)
    (tmp_path / STAGING / "part").write_bytes(bytes(arrived))
    assert_fetched(fetch(fixed, tmp_path), tmp_path)


@pytest.mark.parametrize(("etags", "ranges"), [(False, True), (True, False), (False, False)])
def test_a_resume_needs_tag_and_range(github: GitHub, tmp_path: Path, etags: bool, ranges: bool, fixed: Model) -> None:
    github.etags, github.ranges = etags, ranges
    github.faults[PINNED].append(Cut(1_000_000))
    assert_fetched(fetch(fixed, tmp_path), tmp_path)
    assert github.sent[PINNED] == 1_000_000 + len(DATA)


def test_a_file_replaced_during_a_resume_is_never_mixed_of_two(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    github.faults[ASSET].append(Cut(1_000_000, OTHER))
    with pytest.raises(WeightsError, match="do not have the sha256"):
        fetch(released(), tmp_path)
    assert not (tmp_path / "tiny_skin.onnx").exists()
    assert github.bodies(ASSET)[1].headers["If-Range"]
    assert github.sent[ASSET] == 1_000_000 + len(OTHER)
    # The host's list knows the new file: so does the next call.
    github.releases[REPO].clear()
    github.release(REPO, "v1", {"skin_tiny.onnx": OTHER})
    assert_fetched(fetch(released(), tmp_path), tmp_path, OTHER)


@pytest.mark.parametrize(
    ("change", "lengths", "words"),
    [
        (lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:], True, "sha256"),
        (lambda data: data[:-1], True, "2,999,999 bytes there and should have 3,000,000"),
        (lambda data: data + b"x", True, "3,000,001 bytes there and should have 3,000,000"),
        (lambda _: b"", True, "0 bytes there and should have 3,000,000"),
        (lambda data: data + b"x", False, "more bytes come than the file has"),  # the catalog's size is the bound
    ],
)
def test_other_bytes_are_refused_and_none_of_them_stay(
    github: GitHub, tmp_path: Path, change: Callable[[bytes], bytes], lengths: bool, words: str, fixed: Model
) -> None:
    github.files[PINNED], github.lengths = change(DATA), lengths
    with pytest.raises(WeightsError, match=f"tiny_skin: .*{words}"):
        fetch(fixed, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny_skin.onnx.lock"}


@pytest.mark.parametrize(
    ("answer", "words", "asked"),
    [
        (Answer(404), "HTTP 404", 1),
        (Answer(500), "HTTP 500", 5),
        (Answer(503, {"Retry-After": "3600"}), "HTTP 503", 1),
        (Answer(302, {"Location": PINNED}), "redirects without end", 11),
        (Answer(302, {"Location": "file:///etc/passwd"}), "cannot be asked for", 1),
        (Answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Log in</html>"), "web page instead of", 1),
    ],
)
def test_a_host_that_gives_no_file_is_named_and_not_asked_for_long(
    github: GitHub, tmp_path: Path, answer: Answer, words: str, asked: int, fixed: Model
) -> None:
    github.faults[PINNED].extend([answer] * 40)
    with pytest.raises(WeightsError, match=words):
        fetch(fixed, tmp_path)
    assert len(github.bodies(PINNED)) == asked


def test_the_next_source_is_tried_and_every_reason_is_told(github: GitHub, tmp_path: Path) -> None:
    gone = pinned(github)
    del github.files[PINNED]
    with pytest.raises(WeightsError) as caught:
        fetch(model(gone, *released().sources), tmp_path)
    message = str(caught.value)
    assert message.count("HTTP 404") == 2
    assert len(message.splitlines()) == 2
    assert str(tmp_path / "tiny_skin.onnx") in message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message  # it crosses the borders of processes
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    assert_fetched(fetch(model(gone, *released().sources), tmp_path), tmp_path)


@pytest.mark.parametrize(("status", "path"), [(429, PINNED), (503, PINNED), (403, LISTED)])
def test_a_busy_host_is_given_the_time_it_asks_for(github: GitHub, tmp_path: Path, status: int, path: str) -> None:
    entry = model(pinned(github)) if path == PINNED else released()
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    github.faults[path].append(Answer(status, {"Retry-After": "1"}))
    start = time.monotonic()
    assert_fetched(fetch(entry, tmp_path), tmp_path)
    assert time.monotonic() - start >= 1.0


@pytest.mark.parametrize(("size", "pause", "resumed"), [(10, 0.05, [False, True]), (200_000, 0.08, [False])])
def test_a_trickle_counts_as_a_broken_connection_and_a_slow_but_steady_one_does_not(
    github: GitHub, tmp_path: Path, size: int, pause: float, resumed: list[bool], fixed: Model
) -> None:
    github.faults[PINNED].append(Trickle(size, pause))
    assert_fetched(fetch(fixed, tmp_path), tmp_path)
    assert ["Range" in request.headers for request in github.bodies(PINNED)] == resumed


def test_a_ca_bundle_of_the_environment_is_used(tmp_path: Path, setenv: SetEnv) -> None:
    files = certificate(tmp_path)
    with running(files) as github:
        entry = model(pinned(github))
        with pytest.raises(WeightsError, match=r"certificate of 127\.0\.0\.1 is not trusted"):
            fetch(entry, tmp_path / "home")
        setenv(REQUESTS_CA_BUNDLE=str(files[0]))
        assert_fetched(fetch(entry, tmp_path / "home"), tmp_path / "home")
        setenv(REQUESTS_CA_BUNDLE=str(tmp_path / "no-such-bundle.pem"))
        with pytest.raises(WeightsError, match=r"CA certificate bundle.*no-such-bundle\.pem"):
            fetch(entry, tmp_path / "empty")


@pytest.mark.parametrize(("since", "until", "words"), [(2000, 2001, "has expired"), (2090, 2099, "is not valid yet")])
def test_a_wrong_clock_is_named(tmp_path: Path, setenv: SetEnv, since: int, until: int, words: str) -> None:
    files = certificate(tmp_path, since, until)
    setenv(REQUESTS_CA_BUNDLE=str(files[0]))
    with running(files) as github, pytest.raises(WeightsError, match=rf"{words} on \d{{4}}-.*set this machine's clock"):
        fetch(model(pinned(github)), tmp_path / "home")
