"""A catalogue source in, an offer out: where exactly a file is, and what it has to be.

Of GitHub's release list: which asset is the newest that fits, and what is announced of it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import requests

from rembg_skin.catalog import FileSource, ReleaseSource, Source
from rembg_skin.weights.http import (
    PassingError,
    Retry,
    SourceError,
    UncheckedError,
    chunks,
    persist,
    request,
    without_secrets,
)
from rembg_skin.weights.receipts import Trust
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


@dataclass(frozen=True)
class Offer:
    """One file to be had: a URL or, from a mirror folder, a path; its hash and size as far as they are known."""

    location: str | Path
    sha256: str | None
    size: int | None  # bytes
    trust: Trust
    hash_origin: str

    @property
    def shown(self) -> str:
        """The location, fit for messages and receipts."""
        return without_secrets(self.location) if isinstance(self.location, str) else str(self.location)


def label(source: Source) -> str:
    """Return a name of `source` for messages."""
    return source.url if isinstance(source, FileSource) else f"the releases of {source.owner}/{source.repo}"


def offer(source: Source, environment: Environment, retry: Retry) -> Offer:
    """Return what `source` offers, asking the release list where the catalogue does not know it.

    Raises
    ------
    SourceError
        If the network is needed but switched off, if the list cannot be had or has no such asset, or if it gives no
        digest of the asset while checks are on (:class:`UncheckedError`).

    """
    if isinstance(source, FileSource):
        location = _location(source.url, source.mirror, environment)
        return Offer(location, source.sha256, source.size, "catalogue", source.hash_origin)
    asset = assets(source, environment, retry)[0]
    if asset.sha256 is None and environment.checks:
        raise UncheckedError(f"{without_secrets(asset.url)} has no digest to check it against, so it is not fetched")
    location = _location(asset.url, f"{source.owner}/{source.repo}/{asset.tag}/{asset.name}", environment)
    return Offer(location, asset.sha256, asset.size, "release", digest_origin(source, asset))


def digest_origin(source: ReleaseSource, asset: Asset) -> str:
    """Return in words where the digest of `asset` is from."""
    return f"digest in the release list of {source.owner}/{source.repo}, {asset.tag}"


def assets(source: ReleaseSource, environment: Environment, retry: Retry) -> list[Asset]:
    """Return the assets that fit `source`, best first; at least one.

    Raises
    ------
    SourceError
        As :func:`offer`.

    """
    if environment.offline:
        raise SourceError("its release list needs the network, and REMBG_SKIN_OFFLINE is set")
    found = matching(source, environment, retry)
    if not found:
        raise SourceError("no release has a matching file")
    return found


def _location(url: str, path: str, environment: Environment) -> str | Path:
    if (folder := environment.mirror_folder) is not None:
        return folder.joinpath(*path.split("/"))
    if environment.offline:
        raise SourceError("REMBG_SKIN_OFFLINE is set")
    return url if environment.mirror is None else f"{environment.mirror.rstrip('/')}/{quote(path)}"


def matching(source: ReleaseSource, environment: Environment, retry: Retry) -> list[Asset]:
    """Return the assets that fit `source`: the newest release's first, pre-releases last, drafts never.

    Raises
    ------
    SourceError
        If the list cannot be had, or is not what GitHub's API gives.

    """
    listed = []
    for release in _releases(source, environment, retry):
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


def _releases(source: ReleaseSource, environment: Environment, retry: Retry) -> Iterator[dict[str, object]]:
    url = f"{environment.api}/repos/{source.owner}/{source.repo}/releases?per_page=100"
    headers = {"Accept": "application/vnd.github+json"}
    if environment.token and _private(environment.api):
        headers["Authorization"] = f"Bearer {environment.token}"
    with requests.Session() as session:
        session.max_redirects = 5
        for _ in range(_PAGES):
            page, following = persist(partial(_page, session, url, headers, retry), retry)
            yield from (release for release in page if isinstance(release, dict))
            # The token goes along: the next page has to be on the same host.
            if following is None or urlsplit(following)[:2] != urlsplit(url)[:2]:
                return
            url = following


def _private(api: str) -> bool:
    parts = urlsplit(api)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _page(
    session: requests.Session, url: str, headers: dict[str, str], retry: Retry
) -> tuple[list[object], str | None]:
    try:
        with request(session, url, headers, retry) as response:
            body = b""
            for chunk in chunks(response, retry):
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
