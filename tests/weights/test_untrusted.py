"""Whatever hosts, disks and variables say, only our errors come out, on lines that a terminal shows as they are."""

import contextlib
import json
import os
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

import rembg_skin_hook
from rembg_skin.catalog import ReleaseSource
from rembg_skin.errors import SettingError, WeightsError, printable
from rembg_skin.weights import receipts
from rembg_skin.weights.download import offers
from rembg_skin.weights.http import Client, Settings, SourceError, host_of, in_words, judge, redacted
from tests.support.hosts import GitHub, listening
from tests.support.weights import DATA, fetch, model, pinned, released

NUMBERS = st.one_of(st.text("0123456789 ", max_size=20), st.just("9" * 5000), st.just("\u00b2"), st.text(max_size=10))
URLS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["http://[::1", "http://[", "//[", "http://a@b@c/?d#e", "http://me:s3cret@h/p?q=s3cret#s3cret"]),
    st.builds(
        "{}://{}{}".format, st.sampled_from(["http", "https", "file", ""]), st.text(max_size=20), st.text("/?#@:[]")
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
RECEIPT = st.dictionaries(st.sampled_from(sorted(receipts.Receipt.__dataclass_fields__)), JSON | st.just("0" * 64))
ENTRY = st.fixed_dictionaries(
    {"name": st.just("tiny.onnx") | JSON, "browser_download_url": URLS | JSON, "size": st.integers() | JSON},
    optional={"digest": st.just("sha256:" + "0" * 64) | JSON},
)
RELEASE = st.fixed_dictionaries(
    {"tag_name": st.just("v1") | JSON, "assets": st.lists(ENTRY | JSON, max_size=3) | JSON}, optional={"draft": JSON}
)


def harmless(text: str) -> bool:
    return printable(text) == text and "s3cret" not in text


@given(URLS)
def test_urls(url: str) -> None:
    assert harmless(host_of(url))
    assert harmless(redacted(url))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("receipts") / "tiny_skin.onnx"
    path.write_bytes(DATA[:100])
    return path


@given(RECEIPT | JSON)
def test_receipts(file: Path, found: object) -> None:
    receipts.path_of(file).write_text(json.dumps(found))
    receipt = receipts.read(file)
    assert receipt is None or receipt.trust in ("catalog", "release", "nothing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        receipts.vouched(released(), [file.parent])


@given(st.lists(RELEASE | JSON, max_size=3) | JSON, st.builds('<{}>; rel="next"'.format, URLS))
@example([], '<http://[>; rel="next"')
def test_release_lists(found: object, link: str) -> None:
    response = requests.Response()
    response.headers["Link"] = link
    with Client(Settings(api="http://host")) as client, contextlib.suppress(SourceError):
        with (
            patch.object(client, "ask", lambda *_: contextlib.nullcontext(response)),
            patch.object(client, "chunks", lambda _: [json.dumps(found).encode()]),
        ):
            offered = offers(ReleaseSource("owner", "models", r"tiny\.onnx"), client)
        assert all(offer.mirror.endswith("/tiny.onnx") and (offer.size or 0) >= 0 for offer in offered)


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset"]), NUMBERS),
    URLS,
)
@example(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400}, "http://[::1")
def test_statuses(status: int, headers: dict[str, str], url: str) -> None:
    answer = SimpleNamespace(status_code=status, headers=requests.structures.CaseInsensitiveDict(headers), url=url)
    if status in (200, 206, 416):
        judge(cast("requests.Response", answer))
        return
    with pytest.raises(SourceError) as caught:
        judge(cast("requests.Response", answer))
    assert harmless(str(caught.value))


@given(
    st.sampled_from([requests.exceptions.InvalidURL, requests.exceptions.ProxyError, requests.Timeout, OSError]),
    st.text(max_size=80) | st.just("Failed to parse http://me:s3cret@host\x1b[2J"),
    URLS,
)
def test_faults_of_the_http_library(kind: Any, words: str, url: str) -> None:
    assert harmless(str(in_words(kind(words), url)))


@given(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10)
    | st.sampled_from(["TRUE", " on ", "False", "maybe\x1b[2J"])
)
def test_switches_mean_the_same_to_the_hook_and_to_downloads(value: str) -> None:
    with patch.dict(os.environ, REMBG_SKIN_OFFLINE=value):
        on = rembg_skin_hook.switch("REMBG_SKIN_OFFLINE")
        assert (on is True) == (value.strip().lower() in ("1", "true", "yes", "on"))
        if on is not None:
            assert Settings.read().offline is on
            return
        with pytest.raises(SettingError) as caught:
            Settings.read()
        assert harmless(str(caught.value))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        *((b"200 OK\r\nContent-Length: " + x, "broke|do not have the sha256") for x in (b"9" * 5000, b"1e3")),
        (b"200 OK\r\nContent-Length: 2000000000", "2,000,000,000 bytes there and should have 3,000,000"),
        (b"302 Found\r\nLocation: http://[::1", "cannot be asked for"),
        (b"302 Found\r\nLocation: http://[::1]:x/", "cannot be asked for"),
        (b"302 Found\r\nLocation: gopher://host/", "cannot be asked for"),
        (b"302 Found\r\nLocation: http://\x1b]0;x/", "tiny_skin: its weights could not be downloaded"),
        (b"503 \x1b[2J\r\nRetry-After: " + b"9" * 5000, "temporarily unavailable"),
        (b"429 No\r\nRetry-After: soon", "refuses further requests"),
    ],
)
def test_odd_headers_of_a_real_answer(github: GitHub, tmp_path: Path, answer: bytes, words: str) -> None:
    source = pinned(github)
    head = b"HTTP/1.1 " + answer + b"\r\nConnection: close\r\n\r\n"
    with listening(head, end=True) as host, pytest.raises(WeightsError, match=words) as caught:
        fetch(model(replace(source, url=f"{host}/x")), tmp_path)
    assert "\x1b" not in str(caught.value)
