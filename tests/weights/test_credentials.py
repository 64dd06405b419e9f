"""Who gets to see which credentials, what a token that is refused does, and what is said of proxies."""

from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path

import pytest

from rembg_skin.errors import WeightsError
from tests.support.github import Answer, GitHub, running
from tests.support.silence import listening
from tests.support.weights import ASSET, DATA, LISTED, PINNED, REPO, fetch, model, pinned, released

TOKEN = "ghp_notARealToken"


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the user passwords for every host of these tests."""
    path = tmp_path / "netrc"
    path.write_text("".join(f"machine {host} login me password s3cret\n" for host in ("127.0.0.1", "localhost")))
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("token", [None, TOKEN])
def test_no_password_of_netrc_goes_anywhere(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token:
        monkeypatch.setenv("GITHUB_TOKEN", token)
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    fetch(released(), tmp_path / "a")
    fetch(model(pinned(github)), tmp_path / "b")
    expected = {LISTED: f"Bearer {token}"} if token else {}
    assert {r.path: r.headers["Authorization"] for r in github.seen if "Authorization" in r.headers} == expected
    assert github.bodies(ASSET)


@pytest.mark.usefixtures("netrc")
def test_a_redirect_brings_no_password_either(github: GitHub, tmp_path: Path) -> None:
    source = pinned(github)
    with running() as other:
        other.put(PINNED, DATA)
        github.faults[PINNED].append(Answer(302, {"Location": other.other_host + PINNED}))
        fetch(model(source), tmp_path)
        assert not any("Authorization" in request.headers for request in other.seen)


@pytest.mark.usefixtures("netrc")
def test_the_login_of_a_mirror_is_the_mirrors(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMBG_SKIN_MIRROR", github.url.replace("//", "//user:pass@") + "/mir")
    source = pinned(github)
    github.put(f"/mir/{source.mirror}", DATA)
    fetch(model(source), tmp_path)
    assert github.seen[-1].headers["Authorization"] == f"Basic {b64encode(b'user:pass').decode()}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_is_named_and_left_out(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    github.page_size = 1
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    github.release(REPO, "v2", {"other.onnx": DATA})
    github.faults[LISTED].append(Answer(status, {}, b'{"message": "Bad credentials"}'))
    with pytest.warns(RuntimeWarning, match=rf"GITHUB_TOKEN: 127\.0\.0\.1 refuses it \(HTTP {status}\); renew"):
        fetch(released(), tmp_path)
    sent = [request.headers.get("Authorization") for request in github.bodies(LISTED)]
    assert sent == [f"Bearer {TOKEN}", None, None]


def test_a_list_that_is_refused_without_the_token_too_names_it(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    github.faults[LISTED].extend([Answer(401), Answer(404)])
    with pytest.raises(
        WeightsError, match=r"does not have it \(HTTP 404\); GITHUB_TOKEN: 127\.0\.0\.1 refuses it"
    ) as caught:
        fetch(released(), tmp_path)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "not\u00e9", "line\nbreak"])
def test_what_cannot_be_a_token_is_not_sent(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
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
def test_a_proxy_that_cannot_be_used_is_told_with_the_cure(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str, words: str
) -> None:
    if proxy.startswith("socks") and find_spec("socks") is not None:
        pytest.skip("PySocks is installed")
    monkeypatch.setenv("http_proxy", proxy)
    source = pinned(github)
    far = model(type(source)("http://far.invalid" + PINNED, source.sha256, "computed here", source.mirror))
    with pytest.raises(WeightsError, match=words) as caught:
        fetch(far, tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "words"),
    [(b"407 Login", r"HTTP 407\); put its login into HTTPS_PROXY"), (b"403 No", r"refuses 127\.0\.0\.1 \(HTTP 403\)")],
)
def test_a_proxy_that_refuses_a_tunnel_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: bytes, words: str
) -> None:
    with listening(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", "https://127.0.0.1:9")
        with pytest.raises(WeightsError, match=words):
            fetch(released(), tmp_path)
