"""GitHub's release list: which asset is the newest that fits, and what is announced of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urljoin, urlsplit

import requests

from rembg_skin.catalog import ReleaseSource
from rembg_skin.weights.http import PassingError, SourceError, chunks, opened, persist
from rembg_skin.weights.patience import Patience
from rembg_skin.weights.settings import Environment

_PAGES = 10
_PAGE_BYTES = 8 << 20
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SAFE = re.compile(r"[\w][\w.+ -]*", re.ASCII)  # one part of a path, on any system


@dataclass(frozen=True)
class Asset:
    """A file of a release, as the host announces it."""

    tag: str
    name: str
    url: str
    size: int  # bytes
    sha256: str | None  # None: uploaded before GitHub kept digests


def matching(source: ReleaseSource, environment: Environment, patience: Patience) -> list[Asset]:
    """Return the assets that fit `source`: the newest release's first, pre-releases last, drafts never.

    Raises
    ------
    SourceError
        If the list cannot be had, or is not what GitHub's API gives.

    """
    listed = []
    for release in _releases(source, environment, patience):
        tag, assets = release.get("tag_name"), release.get("assets")
        if release.get("draft") or not isinstance(tag, str) or not isinstance(assets, list):
            continue
        if source.tag in (None, tag) and _SAFE.fullmatch(tag):
            found = [asset for entry in assets if (asset := _asset(tag, entry, source.pattern))]
            listed.append((not release.get("prerelease"), str(release.get("published_at") or ""), found))
    listed.sort(key=lambda item: item[:2], reverse=True)
    return [asset for *_, assets in listed for asset in assets]


def _asset(tag: str, entry: object, pattern: str) -> Asset | None:
    # Names come from the network and must never lead out of a folder.
    if not isinstance(entry, dict):
        return None
    name, url, size, digest = (entry.get(key) for key in ("name", "browser_download_url", "size", "digest"))
    if not (isinstance(name, str) and _SAFE.fullmatch(name) and re.fullmatch(pattern, name)):
        return None
    if not (isinstance(url, str) and url.startswith(("https://", "http://")) and isinstance(size, int)):
        return None
    known = isinstance(digest, str) and re.fullmatch(r"sha256:[0-9a-fA-F]{64}", digest)
    return Asset(tag, name, url, size, str(digest).removeprefix("sha256:").lower() if known else None)


def _releases(source: ReleaseSource, environment: Environment, patience: Patience) -> Iterator[dict[str, object]]:
    url = f"{environment.api}/repos/{source.owner}/{source.repo}/releases?per_page=100"
    headers = {"Accept": "application/vnd.github+json"}
    if environment.token and _private(environment.api):
        headers["Authorization"] = f"Bearer {environment.token}"
    with requests.Session() as session:
        session.max_redirects = 5
        for _ in range(_PAGES):
            page, following = persist(partial(_page, session, url, headers, patience), patience)
            yield from (release for release in page if isinstance(release, dict))
            # The token goes along: the next page has to be on the same host.
            if following is None or urlsplit(following)[:2] != urlsplit(url)[:2]:
                return
            url = following


def _private(api: str) -> bool:
    parts = urlsplit(api)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _page(
    session: requests.Session, url: str, headers: dict[str, str], patience: Patience
) -> tuple[list[object], str | None]:
    try:
        with opened(session, url, headers, patience) as response:
            body = b""
            for chunk in chunks(response, patience):
                body += chunk
                if len(body) > _PAGE_BYTES:
                    raise SourceError(f"the release list of {urlsplit(url).hostname} is too large to be one")
            following = response.links.get("next", {}).get("url")
    except PassingError as fault:
        if "rate limit" in str(fault) and "Authorization" not in headers:
            raise PassingError(
                f"{fault}; a GITHUB_TOKEN in the environment raises that limit", fault.retry_after
            ) from None
        raise
    try:
        page = json.loads(body)
    except (ValueError, RecursionError):
        page = None
    if not isinstance(page, list):
        raise SourceError(f"{urlsplit(url).hostname} did not answer with a release list: is a login page in between?")
    return page, urljoin(url, following) if following else None
