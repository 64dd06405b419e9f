"""Whatever hosts and disks say, only our errors come out."""

import contextlib
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rembg_skin.catalog import ReleaseSource
from rembg_skin.errors import SettingError, WeightsError, printable
from rembg_skin.weights import failures, outside, receipts, sources
from rembg_skin.weights.faults import SourceError, in_words, judge
from rembg_skin.weights.http import Client
from rembg_skin.weights.settings import Settings, switch
from tests.support.github import Answer, GitHub
from tests.support.weights import DATA, LISTED, PINNED, QUICK, REPO, fetch, model, pinned, released

NUMBERS = st.one_of(st.text("0123456789 ", max_size=20), st.just("9" * 400), st.just("9" * 5000), st.text(max_size=10))
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


def harmless(text: str) -> bool:
    return printable(text) == text


@given(NUMBERS)
@example("²")
@example("٣")
def test_numbers(text: str) -> None:
    number = outside.whole_number(text)
    assert number is None or 0 <= number <= outside.LARGEST


@given(
    st.one_of(NUMBERS, st.text(max_size=40), st.sampled_from(["Mon, 99 Jan 99999 00:00:00 GMT", "1 Jan 0001 00:00:00"]))
)
def test_waits(text: str) -> None:
    wait = outside.seconds_to_wait({"Retry-After": text})
    assert wait is None or 0 <= wait <= 10**15


@given(URLS, URLS)
def test_urls(url: str, reference: str) -> None:
    assert harmless(outside.host_of(url))
    shown = outside.without_secrets(url)
    assert harmless(shown)
    assert "s3cret" not in shown
    outside.origin_of(url)
    outside.joined(url, reference)


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b"9" * 5000)
def test_documents(data: bytes) -> None:
    outside.document(data)


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "tiny_skin.onnx")
        path.write_bytes(DATA[:100])
        yield path


RECEIPT = dict.fromkeys(receipts.Receipt.__dataclass_fields__, "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(sorted(RECEIPT)), JSON | st.sampled_from(["0" * 64, "catalogue"])) | JSON)
def test_receipts(file: Path, found: object) -> None:
    receipts.path_of(file).write_text(json.dumps(found))
    receipt = receipts.read(file)
    assert receipt is None or receipt.trust in ("catalogue", "release", "nothing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        receipts.vouched(released(), [file.parent])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional={"reason": JSON, "when": JSON, "settings": JSON, "patience": JSON}) | JSON)
def test_stamps(file: Path, found: object) -> None:
    failures.stamp_of(file).write_text(json.dumps(found))
    failure = failures.recalled(file, "")
    assert failure is None or harmless(failure.told)


class Answers(Client):
    """A client whose one host gives what the test says."""

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(QUICK)
        self._body = body
        self._headers = requests.structures.CaseInsensitiveDict(headers)

    @contextlib.contextmanager
    def request(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:  # noqa: ARG002
        response = requests.Response()
        response.url, response.status_code, response.headers = url, 200, self._headers
        yield response

    def chunks(self, response: requests.Response) -> Iterator[bytes]:  # noqa: ARG002
        yield self._body


ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("tiny.onnx") | JSON,
        "browser_download_url": URLS | JSON,
        "size": st.integers() | JSON,
        "digest": st.just("sha256:" + "0" * 64) | JSON,
    },
)
RELEASE = st.fixed_dictionaries(
    {}, optional={"tag_name": st.just("v1") | JSON, "assets": st.lists(ENTRY | JSON, max_size=3) | JSON, "draft": JSON}
)


@given(st.lists(RELEASE | JSON, max_size=3) | JSON, st.builds('<{}>; rel="next"'.format, URLS))
@example([], '<http://[>; rel="next"')
def test_release_lists(found: object, link: str) -> None:
    source = ReleaseSource("owner", "models", r"tiny\.onnx")
    client = Answers(json.dumps(found).encode(), {"Link": link})
    try:
        offered = sources.assets(source, Settings(), client)
    except SourceError:
        return
    assert all(asset.name == "tiny.onnx" and asset.size >= 0 for asset in offered)


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset"]), NUMBERS),
    URLS,
)
@example(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400}, "http://[::1")
def test_statuses(status: int, headers: dict[str, str], url: str) -> None:
    answer = SimpleNamespace(status_code=status, headers=requests.structures.CaseInsensitiveDict(headers), url=url)
    try:
        judge(cast("requests.Response", answer))
    except SourceError as error:
        told = str(error)
    else:
        told = ""
        assert status in (200, 206, 416)
    assert harmless(told)


@given(
    st.sampled_from(
        [requests.exceptions.InvalidURL, requests.exceptions.ProxyError, requests.ConnectionError, ValueError, OSError]
    ),
    st.text(max_size=80) | st.just("Failed to parse http://me:s3cret@host\x1b[2J"),
    URLS,
)
def test_faults_of_the_http_library(kind: Any, words: str, url: str) -> None:
    fault = in_words(kind(words), url, "host")
    assert isinstance(fault, SourceError)
    assert harmless(str(fault))
    assert "s3cret" not in str(fault)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10))
@example("TRUE")
@example(" on ")
@example("False")
@example("maybe\x1b[2J")
def test_switches(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMBG_SKIN_OFFLINE", value)
        word = value.strip().lower()
        if word in ("1", "true", "yes", "on"):
            assert switch("REMBG_SKIN_OFFLINE")
        elif word in ("0", "false", "no", "off", ""):
            assert not switch("REMBG_SKIN_OFFLINE")
        else:
            with pytest.raises(SettingError, match=r"is neither on \(1, true, yes, on\) nor off \(0, false") as caught:
                switch("REMBG_SKIN_OFFLINE")
            assert harmless(str(caught.value))


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Length": "9" * 5000}, "1,000,000,000,000,000 bytes there and should have 3,000,000"),
        ({"Location": "http://[::1"}, "cannot be asked for"),
        ({"Location": "http://[::1]:x/"}, "cannot be asked for"),
        ({"Location": "gopher://host/"}, "cannot be asked for"),
        ({"Location": "http://\x1b]0;x/"}, "tiny_skin: its weights could not be fetched"),
    ],
)
def test_odd_headers_of_a_real_answer(github: GitHub, tmp_path: Path, headers: dict[str, str], words: str) -> None:
    source = pinned(github)
    status = 302 if "Location" in headers else 200
    with_length = {**headers, "Transfer-Encoding": "chunked"} if status == 200 else headers
    github.faults[PINNED].append(Answer(status, with_length, b"0\r\n\r\n" if status == 200 else b""))
    with pytest.raises(WeightsError, match=words) as caught:
        fetch(model(source), tmp_path)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("length", ["-5", "1e3", "0x10", "³"])
def test_a_length_that_is_no_number_is_told(length: str) -> None:
    from rembg_skin.weights.download import Downloader

    response = requests.Response()
    response.url, response.status_code = "http://host/x", 200
    response.headers = requests.structures.CaseInsensitiveDict({"Content-Length": length})
    with Client(QUICK) as client, pytest.raises(SourceError, match="host announces a length that is no number"):
        Downloader("http://host/x", None, Path(), client, "x")._announced(response, 0)


def test_a_file_larger_than_any_network_is_not_begun(github: GitHub, tmp_path: Path) -> None:
    source = pinned(github, size=False)
    huge = {"Transfer-Encoding": "chunked", "Content-Length": str(2 << 30)}
    github.faults[PINNED].append(Answer(200, huge, b"0\r\n\r\n"))
    with pytest.raises(WeightsError, match="more than any network that is known here"):
        fetch(model(source), tmp_path)


def test_a_rate_limit_of_400_digits_is_told_in_days(github: GitHub, tmp_path: Path) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400}
    github.faults[LISTED].append(Answer(403, headers, b"{}"))
    start = time.monotonic()
    with pytest.raises(WeightsError, match=r"refuses further requests for \d+ days"):
        fetch(released(), tmp_path)
    assert time.monotonic() - start < 5
    assert len(github.bodies(LISTED)) == 1


def test_a_next_page_that_is_nowhere_ends_the_list(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"tiny.onnx": DATA})
    listed = json.dumps(github.releases[REPO]).encode()
    github.faults[LISTED].append(Answer(200, {"Link": '<http://[>; rel="next"'}, listed))
    assert fetch(released(), tmp_path).read_bytes() == DATA
