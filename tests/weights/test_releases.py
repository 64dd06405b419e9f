"""Which asset of which release is taken, what is believed of a list, and who gets to see which credentials."""

import time
from base64 import b64encode
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError
from tests.support.hosts import Answer, GitHub, listening, running
from tests.support.weights import ASSET, DATA, LISTED, OTHER, PINNED, REPO, SetEnv, fetch, model, pinned, released

TOKEN = "ghp_notARealToken"
NONE_FITS, NO_LIST = "no release has a matching file", "did not answer with a release list"


@pytest.mark.parametrize(
    ("newer", "taken"),
    [
        ({"published_at": "2026-02-01T00:00:00Z"}, "always"),
        ({"published_at": "2025-01-01T00:00:00Z"}, "if no other fits"),
        ({"prerelease": True}, "if no other fits"),
        ({"draft": True}, "never"),
        *(({"name": name}, "never") for name in ("other.onnx", ["tiny.onnx"], "sub/tiny.onnx")),
        *(({"size": size}, "never") for size in ("3000000", None, -1)),
        *(({"browser_download_url": url}, "never") for url in ("file:///etc", None, f"https://host/{'x' * 3000}")),
    ],
)
def test_which_of_two_releases_is_taken(github: GitHub, tmp_path: Path, newer: dict[str, Any], taken: str) -> None:
    github.release(REPO, "v1", {"tiny.onnx": DATA}, published_at="2026-01-01T00:00:00Z")
    github.release(REPO, "v2", {"tiny.onnx": OTHER}, **{"published_at": "2026-02-01T00:00:00Z", **newer})
    github.releases[REPO][0]["assets"][0].update(newer)
    assert fetch(released(), tmp_path / "a").read_bytes() == (OTHER if taken == "always" else DATA)
    assert fetch(released(tag="v1"), tmp_path / "b").read_bytes() == DATA
    github.releases[REPO].pop()
    if taken == "never":
        with pytest.raises(WeightsError, match=NONE_FITS):
            fetch(released(), tmp_path / "c")
    else:
        assert fetch(released(), tmp_path / "c").read_bytes() == OTHER


def test_a_list_without_end_is_not_read_to_the_end(github: GitHub, tmp_path: Path) -> None:
    github.page_size = 1
    for number in range(30):
        github.release(REPO, f"v{number}", {"other.onnx": OTHER})
    with pytest.raises(WeightsError, match=NONE_FITS):
        fetch(released(), tmp_path)
    assert len(github.bodies(LISTED)) == 10


@pytest.mark.parametrize("pattern", [r"(?s).*", r"(skin_)?tiny\.onnx"])
@pytest.mark.parametrize(
    ("tag", "name"),
    [
        *(("v1", name) for name in ("../../tiny.onnx", "/etc/tiny.onnx", "..\\..\\tiny.onnx", "sub/tiny.onnx")),
        *(("v1", name) for name in ("C:\\Windows\\tiny.onnx", "..", "tiny.onnx\n", "tiny\x00.onnx", "")),
        *((tag, "tiny.onnx") for tag in ("../../v1", "..\\v1", "..", "/v1")),
    ],
)
def test_a_tag_or_a_name_that_leads_elsewhere_is_not_taken(
    github: GitHub, tmp_path: Path, setenv: SetEnv, tag: str, name: str, pattern: str
) -> None:
    setenv(REMBG_SKIN_MIRROR=str(tmp_path / "mirror"))
    github.release(REPO, tag, {name: OTHER})
    with pytest.raises(WeightsError, match=NONE_FITS):
        fetch(released(pattern), tmp_path / "home")
    assert {path.name for path in tmp_path.rglob("*")} == {"home", "tiny_skin.onnx.lock"}


@pytest.mark.parametrize(
    ("body", "link", "words"),
    [
        *((body, "", NO_LIST) for body in (b'{"message": "Moved"}', b"\xff\xfe", b"[" * 100_000, b"")),
        (b"[1, null]", "", NONE_FITS),
        (b"[" + b" " * (9 << 20), "", "too large"),  # not held in memory
        (b"[]", '<http://[>; rel="next"', NO_LIST),
    ],
)
def test_a_list_that_is_none_is_an_error(github: GitHub, tmp_path: Path, body: bytes, link: str, words: str) -> None:
    github.faults[LISTED].append(Answer(200, {"Content-Type": "application/json", "Link": link}, body))
    with pytest.raises(WeightsError, match=words):
        fetch(released(), tmp_path)


@pytest.mark.parametrize("digest", [None, "md5:" + "0" * 32, "sha256:xyz", 7])
def test_without_a_digest_nothing_is_fetched(github: GitHub, tmp_path: Path, digest: object, setenv: SetEnv) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    github.releases[REPO][0]["assets"][0]["digest"] = digest
    with pytest.raises(WeightsError, match=r"no digest to check it against(.|\n)*MODEL_CHECKSUM_DISABLED=1") as caught:
        fetch(released(), tmp_path)
    assert str(tmp_path / "tiny_skin.onnx") in str(caught.value)
    assert f"{github.url}/{REPO}/releases/download/v1/skin_tiny.onnx" in str(caught.value)
    assert not github.bodies(ASSET)
    setenv(MODEL_CHECKSUM_DISABLED="1")  # rembg's switch does, and says so
    with pytest.warns(RuntimeWarning, match="MODEL_CHECKSUM_DISABLED is set"):
        assert fetch(released(), tmp_path).read_bytes() == DATA
    assert {entry.name for entry in tmp_path.iterdir()} == {"tiny_skin.onnx", "tiny_skin.onnx.lock"}


def test_a_rate_limit_names_the_token_that_would_help(github: GitHub, tmp_path: Path, setenv: SetEnv) -> None:
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1800)}
    github.faults[LISTED].extend([Answer(403, limit, b"{}")] * 2)
    with pytest.raises(WeightsError, match=r"for 30 min \(HTTP 403, rate limit\); a GITHUB_TOKEN"):
        fetch(released(), tmp_path)
    assert len(github.bodies(LISTED)) == 1
    setenv(GITHUB_TOKEN=TOKEN)
    with pytest.raises(WeightsError, match=r"\(HTTP 403, rate limit\)\."):
        fetch(released(), tmp_path)


def test_the_token_follows_nothing_to_another_host(github: GitHub, tmp_path: Path, setenv: SetEnv) -> None:
    setenv(GITHUB_TOKEN=TOKEN)
    with running() as foreign:
        foreign.release(REPO, "v1", {"skin_tiny.onnx": DATA})
        github.faults[LISTED].append(Answer(301, {"Location": foreign.other_host + LISTED}))
        fetch(released(), tmp_path / "a")
        assert foreign.bodies(LISTED)
        github.faults[LISTED].append(Answer(200, {"Link": f'<{foreign.url}{LISTED}>; rel="next"'}, b"[]"))
        with pytest.raises(WeightsError, match=NONE_FITS):
            fetch(released(), tmp_path / "b")
        assert len(foreign.bodies(LISTED)) == 1
        assert not any("Authorization" in request.headers for request in foreign.seen)


def test_the_token_is_not_sent_in_the_clear(github: GitHub, tmp_path: Path, setenv: SetEnv, listed: Model) -> None:
    setenv(GITHUB_TOKEN=TOKEN, REMBG_SKIN_GITHUB_API="http://api.invalid", http_proxy=github.url)
    fetch(listed, tmp_path)
    assert github.bodies(LISTED)[0].headers["Host"] == "api.invalid"
    assert "Authorization" not in github.bodies(LISTED)[0].headers


@pytest.fixture
def _netrc(tmp_path: Path, setenv: SetEnv) -> None:
    """Give the user passwords for every host of these tests."""
    path = tmp_path / "netrc"
    path.write_text("".join(f"machine {host} login me password s3cret\n" for host in ("127.0.0.1", "localhost")))
    path.chmod(0o600)
    setenv(NETRC=str(path))


@pytest.mark.usefixtures("_netrc")
@pytest.mark.parametrize("token", ["", TOKEN])
def test_no_password_of_netrc_goes_anywhere(github: GitHub, tmp_path: Path, setenv: SetEnv, token: str) -> None:
    setenv(GITHUB_TOKEN=token)
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    fetch(released(), tmp_path / "a")
    source = pinned(github)
    fetch(model(source), tmp_path / "b")
    expected = {LISTED: f"Bearer {token}"} if token else {}
    assert {r.path: r.headers["Authorization"] for r in github.seen if "Authorization" in r.headers} == expected
    assert github.bodies(ASSET)
    with running() as other:
        other.put(PINNED, DATA)
        github.faults[PINNED].append(Answer(302, {"Location": other.other_host + PINNED}))
        fetch(model(source), tmp_path / "c")
        assert [request.headers.get("Authorization") for request in other.seen] == [None]


@pytest.mark.usefixtures("_netrc")
def test_the_login_of_a_mirror_is_the_mirrors(github: GitHub, tmp_path: Path, setenv: SetEnv) -> None:
    setenv(REMBG_SKIN_MIRROR=github.url.replace("//", "//user:pass@") + "/mir")
    source = pinned(github)
    github.put(f"/mir/{source.mirror}", DATA)
    fetch(model(source), tmp_path)
    assert github.seen[-1].headers["Authorization"] == f"Basic {b64encode(b'user:pass').decode()}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_is_left_out(github: GitHub, tmp_path: Path, setenv: SetEnv, status: int) -> None:
    setenv(GITHUB_TOKEN=TOKEN)
    github.page_size = 1
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    github.release(REPO, "v2", {"other.onnx": DATA})
    github.faults[LISTED].append(Answer(status, {}, b'{"message": "Bad credentials"}'))
    with pytest.warns(RuntimeWarning, match=rf"GITHUB_TOKEN: 127\.0\.0\.1 refuses it \(HTTP {status}\); renew"):
        fetch(released(), tmp_path / "a")
    sent = [request.headers.get("Authorization") for request in github.bodies(LISTED)]
    assert sent == [f"Bearer {TOKEN}", None, None]
    github.faults[LISTED].extend([Answer(status), Answer(404)])  # without the token too
    words = r"does not have it \(HTTP 404\); GITHUB_TOKEN: 127\.0\.0\.1 refuses it"
    with pytest.raises(WeightsError, match=words) as caught:
        fetch(released(), tmp_path / "b")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "not\u00e9", "line\nbreak"])
def test_what_cannot_be_a_token_is_not_sent(github: GitHub, tmp_path: Path, setenv: SetEnv, token: str) -> None:
    setenv(GITHUB_TOKEN=token)
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    with pytest.warns(RuntimeWarning, match="GITHUB_TOKEN is not a token"):
        fetch(released(), tmp_path)
    assert "Authorization" not in github.seen[0].headers


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("socks5://127.0.0.1:9", r'pip install "requests\[socks\]"'),
        ("socks5h://me:s3cret@127.0.0.1:9", r'pip install "requests\[socks\]"'),
        ("http://", "HTTPS_PROXY"),
        ("http://me:s3cret@127.0.0.1:9", r"configured proxy cannot reach far\.invalid"),
    ],
)
def test_a_useless_proxy_is_explained(github: GitHub, tmp_path: Path, setenv: SetEnv, proxy: str, words: str) -> None:
    if proxy.startswith("socks") and find_spec("socks") is not None:
        pytest.skip("PySocks is installed")
    setenv(http_proxy=proxy)
    with pytest.raises(WeightsError, match=words) as caught:
        fetch(model(replace(pinned(github), url="http://far.invalid" + PINNED)), tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "status", "words"),
    [
        ("https", b"407 Login", r"HTTP 407\); put its login into HTTPS_PROXY"),
        ("https", b"403 No", r"refuses 127\.0\.0\.1 \(HTTP 403\)"),
        ("http", b"407 Login", r"is behind a proxy that asks for a login; put it into HTTPS_PROXY \(HTTP 407\)"),
    ],
)
def test_a_proxy_that_refuses_says_why(tmp_path: Path, setenv: SetEnv, scheme: str, status: bytes, words: str) -> None:
    with listening(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n") as proxy:
        setenv(**{f"{scheme}_proxy": proxy}, REMBG_SKIN_GITHUB_API=f"{scheme}://127.0.0.1:9")
        with pytest.raises(WeightsError, match=words):
            fetch(released(), tmp_path)
