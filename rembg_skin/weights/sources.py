"""A catalog source in, offers out: the URL of a file, and the hash and size that it has to have.

Of GitHub's release list, the newest asset that fits comes first.
"""

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from rembg_skin.catalog import FileSource, ReleaseSource, Source
from rembg_skin.weights.http import Client, RefusedError, SourceError, host_of
from rembg_skin.weights.receipts import Trust
from rembg_skin.weights.settings import Settings

_PAGES = 10
_PAGE_BYTES = 8 << 20
_URL_LENGTH = 2000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SAFE = re.compile(r"[\w][\w.+ -]{0,199}", re.ASCII)  # one part of a path, on any system


@dataclass(frozen=True)
class Offer:
    """An available file, as the catalog or its host announces it."""

    url: str
    mirror: str  # its path below a mirror
    sha256: str | None  # None: an asset uploaded before GitHub kept digests
    size: int | None  # bytes
    trust: Trust
    hash_origin: str

    def location(self, settings: Settings) -> str | Path:
        """Return the URL, or the path in a mirror folder; raise SourceError if the network is off."""
        if (folder := settings.mirror_folder) is not None:
            return folder.joinpath(*self.mirror.split("/"))
        if settings.offline:
            raise SourceError("REMBG_SKIN_OFFLINE is set")
        return self.url if settings.mirror is None else f"{settings.mirror.rstrip('/')}/{quote(self.mirror)}"


def label(source: Source) -> str:
    """Return a name of `source` for messages."""
    return source.url if isinstance(source, FileSource) else f"the releases of {source.owner}/{source.repo}"


def offers(source: Source, settings: Settings, client: Client) -> list[Offer]:
    """Return what `source` offers, at least one file: the newest release's first, pre-releases last, drafts never.

    Raises SourceError if the release list is needed and unavailable, or has no such asset.
    """
    if isinstance(source, FileSource):
        return [Offer(source.url, source.mirror, source.sha256, source.size, "catalog", source.hash_origin)]
    if settings.offline:
        raise SourceError("its release list needs the network, and REMBG_SKIN_OFFLINE is set")
    listed = []
    for release in _releases(source, settings, client):
        tag, entries = release.get("tag_name"), release.get("assets")
        if release.get("draft") or not isinstance(tag, str) or not isinstance(entries, list):
            continue
        if source.tag in (None, tag) and _SAFE.fullmatch(tag):
            found = [offer for entry in entries if (offer := _asset(source, tag, entry))]
            listed.append((not release.get("prerelease"), str(release.get("published_at") or ""), found))
    listed.sort(key=lambda item: item[:2], reverse=True)
    if fitting := [offer for *_, found in listed for offer in found]:
        return fitting
    raise SourceError("no release has a matching file")


def _asset(source: ReleaseSource, tag: str, entry: object) -> Offer | None:
    # Names come from the network and must never lead out of a folder.
    if not isinstance(entry, dict):
        return None
    name, url, size, digest = (entry.get(key) for key in ("name", "browser_download_url", "size", "digest"))
    if not (isinstance(name, str) and _SAFE.fullmatch(name) and re.fullmatch(source.pattern, name)):
        return None
    if not (isinstance(url, str) and url.startswith(("https://", "http://")) and len(url) <= _URL_LENGTH):
        return None
    if type(size) is not int or size < 0:
        return None
    known = isinstance(digest, str) and re.fullmatch(r"sha256:([0-9a-fA-F]{64})", digest)
    repository = f"{source.owner}/{source.repo}"
    origin = f"digest in the release list of {repository}, {tag}"
    return Offer(url, f"{repository}/{tag}/{name}", known[1].lower() if known else None, size, "release", origin)


def _releases(source: ReleaseSource, settings: Settings, client: Client) -> Iterator[dict[str, object]]:
    url = f"{settings.api}/repos/{source.owner}/{source.repo}/releases?per_page=100"
    headers = {"Accept": "application/vnd.github+json"}
    private = url.startswith("https://") or urlsplit(url).hostname in _LOOPBACK
    if settings.token and private:
        headers["Authorization"] = f"Bearer {settings.token}"
    for _ in range(_PAGES):
        page, url = _page(client, url, headers)
        yield from (release for release in page if isinstance(release, dict))
        if not url:
            return


def _page(client: Client, url: str, headers: dict[str, str]) -> tuple[list[object], str]:
    """Return the entries of one page and the URL of the next; takes a token out of `headers` that is refused."""
    try:
        return _read_page(client, url, headers)
    except RefusedError as refusal:
        if headers.pop("Authorization", None) is None:
            raise
        told = f"GITHUB_TOKEN: {refusal}; renew or unset it"
    except SourceError as error:
        if "rate limit" in str(error) and "Authorization" not in headers:
            raise SourceError(f"{error}; a GITHUB_TOKEN in the environment raises that limit") from None
        raise
    try:  # the list is public
        page = _read_page(client, url, headers)
    except SourceError as error:
        raise SourceError(f"{error}; {told}") from None
    warnings.warn(f"{told}. The release list was read without it.", RuntimeWarning, stacklevel=2)
    return page


def _read_page(client: Client, url: str, headers: dict[str, str]) -> tuple[list[object], str]:
    body = b""
    with client.get(url, headers) as response:
        for chunk in client.chunks(response):
            body += chunk
            if len(body) > _PAGE_BYTES:
                raise SourceError(f"the release list of {host_of(url)} is too large to be one")
    try:
        page = json.loads(body)
        following = urljoin(url, response.links.get("next", {}).get("url", url))
        # The token goes along: the next page has to be on the same host.
        same = following != url and urlsplit(following)[:2] == urlsplit(url)[:2]
    except (ValueError, RecursionError):
        page = None
    if not isinstance(page, list):
        raise SourceError(f"{host_of(url)} did not answer with a release list: is a login page in between?")
    return page, following if same else ""
