"""A catalogue source in, an offer out: where exactly a file is, and what it has to be.

Of GitHub's release list: which asset is the newest that fits, and what is announced of it.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

from rembg_skin.catalog import FileSource, ReleaseSource, Source
from rembg_skin.weights.faults import PassingError, RefusedError, SourceError, UncheckedError
from rembg_skin.weights.http import Client
from rembg_skin.weights.outside import document, host_of, joined, origin_of, without_secrets
from rembg_skin.weights.receipts import Trust
from rembg_skin.weights.settings import Settings

_PAGES = 10
_PAGE_BYTES = 8 << 20
_URL_LENGTH = 2000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SAFE = re.compile(r"[\w][\w.+ -]{0,199}", re.ASCII)  # one part of a path, on any system


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
    """An available file: its URL or, in a mirror folder, its path; its hash and size as far as they are known."""

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


def offer(source: Source, settings: Settings, client: Client) -> Offer:
    """Return what `source` offers, asking the release list if the catalogue does not know it.

    Raises
    ------
    SourceError
        If the network is needed but switched off, if the list is unavailable or has no such asset, or if it gives no
        digest of the asset while checks are on (:class:`UncheckedError`).

    """
    if isinstance(source, FileSource):
        location = _location(source.url, source.mirror, settings)
        return Offer(location, source.sha256, source.size, "catalogue", source.hash_origin)
    asset = assets(source, settings, client)[0]
    if asset.sha256 is None and settings.checks:
        raise UncheckedError(f"{without_secrets(asset.url)} has no digest to check it against, so it is not fetched")
    location = _location(asset.url, f"{source.owner}/{source.repo}/{asset.tag}/{asset.name}", settings)
    return Offer(location, asset.sha256, asset.size, "release", digest_origin(source, asset))


def digest_origin(source: ReleaseSource, asset: Asset) -> str:
    """Return in words where the digest of `asset` is from."""
    return f"digest in the release list of {source.owner}/{source.repo}, {asset.tag}"


def assets(source: ReleaseSource, settings: Settings, client: Client) -> list[Asset]:
    """Return the assets that fit `source`, at least one: the newest release's first, pre-releases last, drafts never.

    Raises
    ------
    SourceError
        As :func:`offer`.

    """
    if settings.offline:
        raise SourceError("its release list needs the network, and REMBG_SKIN_OFFLINE is set")
    listed = []
    for release in _releases(source, settings, client):
        tag, entries = release.get("tag_name"), release.get("assets")
        if release.get("draft") or not isinstance(tag, str) or not isinstance(entries, list):
            continue
        if source.tag in (None, tag) and _SAFE.fullmatch(tag):
            found = [asset for entry in entries if (asset := _asset(tag, entry, source.pattern))]
            listed.append((not release.get("prerelease"), str(release.get("published_at") or ""), found))
    listed.sort(key=lambda item: item[:2], reverse=True)
    if fitting := [asset for *_, found in listed for asset in found]:
        return fitting
    raise SourceError("no release has a matching file")


def _location(url: str, path: str, settings: Settings) -> str | Path:
    if (folder := settings.mirror_folder) is not None:
        return folder.joinpath(*path.split("/"))
    if settings.offline:
        raise SourceError("REMBG_SKIN_OFFLINE is set")
    return url if settings.mirror is None else f"{settings.mirror.rstrip('/')}/{quote(path)}"


def _asset(tag: str, entry: object, pattern: str) -> Asset | None:
    # Names come from the network and must never lead out of a folder.
    if not isinstance(entry, dict):
        return None
    name, url, size, digest = (entry.get(key) for key in ("name", "browser_download_url", "size", "digest"))
    if not (isinstance(name, str) and _SAFE.fullmatch(name) and re.fullmatch(pattern, name)):
        return None
    if not (isinstance(url, str) and url.startswith(("https://", "http://")) and len(url) <= _URL_LENGTH):
        return None
    if origin_of(url) is None or type(size) is not int or size < 0:
        return None
    known = isinstance(digest, str) and re.fullmatch(r"sha256:[0-9a-fA-F]{64}", digest)
    return Asset(tag, name, url, size, str(digest).removeprefix("sha256:").lower() if known else None)


def _releases(source: ReleaseSource, settings: Settings, client: Client) -> Iterator[dict[str, object]]:
    url = f"{settings.api}/repos/{source.owner}/{source.repo}/releases?per_page=100"
    headers = {"Accept": "application/vnd.github+json"}
    if settings.token and _private(settings.api):
        headers["Authorization"] = f"Bearer {settings.token}"
    for _ in range(_PAGES):
        page, following = client.persist(partial(_page, client, url, headers))
        yield from (release for release in page if isinstance(release, dict))
        # The token goes along: the next page has to be on the same host.
        if following is None or origin_of(following) != origin_of(url):
            return
        url = following


def _private(api: str) -> bool:
    try:
        parts = urlsplit(api)
    except ValueError:
        return False
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _page(client: Client, url: str, headers: dict[str, str]) -> tuple[list[object], str | None]:
    """Return the entries of one page, and where the next one is; takes a token out of `headers` that is refused."""
    try:
        return _read_page(client, url, headers)
    except RefusedError as refusal:
        if headers.pop("Authorization", None) is None:
            raise
        told = f"GITHUB_TOKEN is refused by {host_of(url)} (HTTP {refusal.status}): renew or unset it"
    # The list is public.
    try:
        page = _read_page(client, url, headers)
    except SourceError as error:
        raise SourceError(f"{error}; {told}") from None
    warnings.warn(f"{told}. The release list was read without it.", RuntimeWarning, stacklevel=2)
    return page


def _read_page(client: Client, url: str, headers: dict[str, str]) -> tuple[list[object], str | None]:
    try:
        with client.request(url, headers) as response:
            body = b""
            for chunk in client.chunks(response):
                body += chunk
                if len(body) > _PAGE_BYTES:
                    raise SourceError(f"the release list of {host_of(url)} is too large to be one")
            following = response.links.get("next", {}).get("url")
    except PassingError as fault:
        if "rate limit" in str(fault) and "Authorization" not in headers:
            raise PassingError(
                f"{fault}; a GITHUB_TOKEN in the environment raises that limit", fault.retry_after
            ) from None
        raise
    page = document(body)
    if not isinstance(page, list):
        raise SourceError(f"{host_of(url)} did not answer with a release list: is a login page in between?")
    return page, joined(url, following) if following else None
