"""Which asset of which release is taken, what is believed of a release list, and who gets to see the token."""

import time
from pathlib import Path

import pytest

from rembg_skin.errors import WeightsError
from tests.support.github import Answer, GitHub, running
from tests.support.weights import ASSET, DATA, LISTED, OTHER, REPO, fetch, released

OLD = DATA[:1000]
TOKEN = "ghp_notARealToken"


def test_the_newest_release_with_a_matching_asset_wins(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": OLD}, published="2024-04-01T00:00:00Z")
    github.release(REPO, "v2", {"tiny.onnx": DATA}, published="2026-01-01T00:00:00Z")
    github.release(REPO, "v3", {"other.onnx": OTHER}, published="2026-02-01T00:00:00Z")
    assert fetch(released(), tmp_path).read_bytes() == DATA


def test_drafts_are_never_taken_and_pre_releases_last(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"tiny.onnx": DATA})
    github.release(REPO, "v2-rc", {"tiny.onnx": OTHER}, prerelease=True, published="2026-03-01T00:00:00Z")
    github.release(REPO, "v3", {"tiny.onnx": OTHER}, draft=True, published="2026-04-01T00:00:00Z")
    assert fetch(released(), tmp_path / "a").read_bytes() == DATA
    github.releases[REPO] = github.releases[REPO][:2]
    assert fetch(released(), tmp_path / "b").read_bytes() == OTHER
    github.releases[REPO] = github.releases[REPO][:1]
    with pytest.raises(WeightsError, match="no release has a matching file"):
        fetch(released(), tmp_path / "c")


def test_a_tag_in_the_catalog_is_kept_to(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"tiny.onnx": DATA})
    github.release(REPO, "v2", {"tiny.onnx": OTHER})
    assert fetch(released(tag="v1"), tmp_path).read_bytes() == DATA


def test_a_list_without_end_is_not_read_to_the_end(github: GitHub, tmp_path: Path) -> None:
    github.page_size = 1
    for number in range(30):
        github.release(REPO, f"v{number}", {"other.onnx": OLD})
    with pytest.raises(WeightsError, match="no release has a matching file"):
        fetch(released(), tmp_path)
    assert len(github.bodies(LISTED)) == 10


def test_a_list_too_large_to_be_one_is_not_held_in_memory(github: GitHub, tmp_path: Path) -> None:
    github.faults[LISTED].append(Answer(200, {}, b"[" + b" " * (9 << 20)))
    with pytest.raises(WeightsError, match="too large"):
        fetch(released(), tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../../tiny.onnx",
        "/etc/tiny.onnx",
        "..\\..\\tiny.onnx",
        "C:\\Windows\\tiny.onnx",
        "sub/tiny.onnx",
        "..",
        "tiny.onnx\n",
        "tiny\x00.onnx",
        "",
    ],
)
@pytest.mark.parametrize("pattern", [r"(?s).*", r"(skin_)?tiny\.onnx"])
def test_a_name_that_leads_elsewhere_is_no_asset(github: GitHub, tmp_path: Path, name: str, pattern: str) -> None:
    github.release(REPO, "v1", {name: OTHER})
    with pytest.raises(WeightsError, match="no release has a matching file"):
        fetch(released(pattern), tmp_path / "home")
    assert {path.name for path in tmp_path.rglob("*")} == {"home", "tiny_skin.onnx.lock"}


@pytest.mark.parametrize("tag", ["../../v1", "..\\v1", "..", "/v1"])
def test_a_tag_that_leads_elsewhere_is_no_release(
    github: GitHub, tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMBG_SKIN_MIRROR", str(tmp_path / "mirror"))
    github.release(REPO, tag, {"tiny.onnx": OTHER})
    with pytest.raises(WeightsError, match="no release has a matching file"):
        fetch(released(), tmp_path / "home")


@pytest.mark.parametrize(
    "change",
    [
        {"size": "3000000"},
        {"size": None},
        {"browser_download_url": "file:///etc/passwd"},
        {"browser_download_url": None},
        {"name": ["tiny.onnx"]},
    ],
)
def test_an_entry_that_is_not_what_github_gives_is_passed_over(
    github: GitHub, tmp_path: Path, change: dict[str, object]
) -> None:
    github.release(REPO, "v1", {"tiny.onnx": DATA}, published="2025-01-01T00:00:00Z")
    github.release(REPO, "v2", {"tiny.onnx": OTHER}, published="2026-01-01T00:00:00Z")
    github.releases[REPO][0]["assets"][0].update(change)
    assert fetch(released(), tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("body", [b'{"message": "Moved"}', b"[1, null]", b"\xff\xfe", b"[" * 100_000, b""])
def test_a_list_that_is_none_is_an_error(github: GitHub, tmp_path: Path, body: bytes) -> None:
    github.faults[LISTED].append(Answer(200, {"Content-Type": "application/json"}, body))
    with pytest.raises(WeightsError, match=r"release list|no release has"):
        fetch(released(), tmp_path)


@pytest.mark.parametrize("digest", [None, "md5:" + "0" * 32, "sha256:xyz", 7])
def test_without_a_digest_nothing_is_fetched(github: GitHub, tmp_path: Path, digest: object) -> None:
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    github.releases[REPO][0]["assets"][0]["digest"] = digest
    with pytest.raises(WeightsError, match=r"no digest to check it against(.|\n)*MODEL_CHECKSUM_DISABLED=1") as caught:
        fetch(released(), tmp_path)
    assert str(tmp_path / "tiny_skin.onnx") in str(caught.value)
    assert f"{github.url}/{REPO}/releases/download/v1/skin_tiny.onnx" in str(caught.value)
    assert not github.bodies(ASSET)


def test_rembgs_switch_fetches_without_a_digest_and_says_so(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA}, digests=False)
    with pytest.warns(RuntimeWarning, match="MODEL_CHECKSUM_DISABLED is set"):
        path = fetch(released(), tmp_path)
    assert path.read_bytes() == DATA
    assert {entry.name for entry in tmp_path.iterdir()} == {"tiny_skin.onnx", "tiny_skin.onnx.lock"}


def test_a_rate_limit_names_the_token_that_would_help(github: GitHub, tmp_path: Path) -> None:
    reset = str(int(time.time()) + 1800)
    github.faults[LISTED].append(Answer(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}, b"{}"))
    with pytest.raises(WeightsError, match=r"for 30 min \(HTTP 403, rate limit\); a GITHUB_TOKEN"):
        fetch(released(), tmp_path)
    assert len(github.bodies(LISTED)) == 1


def test_the_token_follows_no_redirect_and_no_page_to_another_host(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with running() as foreign:
        foreign.release(REPO, "v1", {"skin_tiny.onnx": DATA})
        github.faults[LISTED].append(Answer(301, {"Location": foreign.other_host + LISTED}))
        fetch(released(), tmp_path / "a")
        assert foreign.bodies(LISTED)
        github.faults[LISTED].append(Answer(200, {"Link": f'<{foreign.url}{LISTED}>; rel="next"'}, b"[]"))
        with pytest.raises(WeightsError, match="no release has a matching file"):
            fetch(released(), tmp_path / "b")
        assert len(foreign.bodies(LISTED)) == 1
        assert not any("Authorization" in request.headers for request in foreign.seen)


def test_the_token_is_not_sent_in_the_clear(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", "http://api.invalid")
    monkeypatch.setenv("http_proxy", github.url)
    github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
    fetch(released(), tmp_path)
    assert github.bodies(LISTED)[0].headers["Host"] == "api.invalid"
    assert "Authorization" not in github.bodies(LISTED)[0].headers
