"""Find a file at the catalog's source or in GitHub's release list, and download it: resume, verify, move into place."""

import errno
import json
import os
import random
import re
import shutil
import stat
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote, urljoin, urlsplit

import pooch
import requests
from tqdm import tqdm

from rembg_skin.catalog import FileSource, ReleaseSource, Source
from rembg_skin.messages import on_terminal
from rembg_skin.weights import receipts
from rembg_skin.weights.http import BrokenError, Client, RefusedError, SourceError, UnreachableError, host_of, redacted
from rembg_skin.weights.receipts import Trust

_PAGE_BYTES = 8 << 20  # of a release list; ten pages are read
_SAFE = re.compile(r"[\w][\w.+ -]{0,199}", re.ASCII)  # one part of a path, on any system
_URL = re.compile(r"https?://.{1,2000}", re.DOTALL)
_LARGEST = 1 << 30  # bytes; no network of the catalog comes near it
_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')  # weak tags do not promise equal bytes, so they cannot be resumed from


@dataclass(frozen=True)
class Offer(FileSource):
    """An available file, as the catalog or its host announces it; no `sha256` if GitHub kept no digest of it."""

    trust: Trust = "catalog"

    def location(self, client: Client) -> str | Path:
        """Return the URL, or the path in a mirror folder; raise SourceError if the network is off."""
        mirror = client.settings.mirror
        if mirror and not mirror.lower().startswith(("http://", "https://")):
            return Path(mirror).expanduser() / self.mirror
        if client.settings.offline:
            raise SourceError("REMBG_SKIN_OFFLINE is set")
        return f"{mirror.rstrip('/')}/{quote(self.mirror)}" if mirror else self.url


def offers(source: Source, client: Client) -> list[Offer]:
    """Return what `source` offers: newest release first, pre-releases last, no drafts; raise SourceError if nothing."""
    if isinstance(source, FileSource):
        return [Offer(**vars(source))]
    if client.settings.offline:
        raise SourceError("its release list needs the network, and REMBG_SKIN_OFFLINE is set")
    ranked = []
    for release in _releases(source, client):
        match release:
            case {"tag_name": str(tag), "assets": list(entries), **more} if not more.get("draft"):
                if source.tag in (None, tag) and _SAFE.fullmatch(tag):
                    rank = not more.get("prerelease"), str(more.get("published_at") or "")
                    ranked += [(rank, offer) for entry in entries if (offer := _asset(source, tag, entry))]
    if not ranked:
        raise SourceError("no release has a matching file")
    return [offer for _, offer in sorted(ranked, key=lambda pair: pair[0], reverse=True)]


def _asset(source: ReleaseSource, tag: str, entry: object) -> Offer | None:
    """Return the offer of an entry of a release, None if it does not fit: its name must never lead out of a folder."""
    match entry:
        case {"name": str(name), "browser_download_url": str(url), "size": int(size), **more}:
            if _SAFE.fullmatch(name) and re.fullmatch(source.pattern, name) and _URL.fullmatch(url) and size >= 0:
                digest = re.fullmatch(r"sha256:([0-9a-fA-F]{64})", str(more.get("digest")))
                repository = f"{source.owner}/{source.repo}"
                origin = f"digest in the release list of {repository}, {tag}"
                known = digest[1].lower() if digest else ""
                return Offer(url, known, origin, f"{repository}/{tag}/{name}", size, "release")
    return None


def _releases(source: ReleaseSource, client: Client) -> Iterator[object]:
    url = f"{client.settings.api}/repos/{source.owner}/{source.repo}/releases?per_page=100"
    private = url.startswith("https://") or urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    token = client.settings.token if private else None
    for _ in range(10):
        try:
            page, following = _page(client, url, token)
        except RefusedError as refusal:
            if token is None:
                raise
            token, refused = None, f"GITHUB_TOKEN: {refusal}; renew or unset it"
            try:  # the list is public
                page, following = _page(client, url, None)
            except SourceError as error:
                raise SourceError(f"{error}; {refused}") from None
            warnings.warn(f"{refused}. The release list was read without it.", RuntimeWarning, stacklevel=2)
        yield from page
        if not following:
            return
        url = following


def _page(client: Client, url: str, token: str | None) -> tuple[list[object], str | None]:
    headers = {"Accept": "application/vnd.github+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = b""
    with client.ask(url, headers) as response:
        for chunk in client.chunks(response):
            body += chunk
            if len(body) > _PAGE_BYTES:
                raise SourceError(f"the release list of {host_of(url)} is too large to be one")
    page = None
    with suppress(ValueError, RecursionError):
        following = urljoin(url, response.links.get("next", {}).get("url", url))
        # The token goes along: the next page has to be on the same host.
        same = following != url and urlsplit(following)[:2] == urlsplit(url)[:2]
        page = json.loads(body)
    if not isinstance(page, list):
        raise SourceError(f"{host_of(url)} did not answer with a release list: is a login page in between?")
    return page, following if same else None


def part_of(path: Path) -> Path:
    """Return the path of what has arrived of `path`, during a download and after a broken one."""
    return path.with_name(f".{path.name}.download") / "part"


def bring(offer: Offer, path: Path, client: Client) -> None:
    """Download what is offered to `path`, which appears only once it is complete and verified, with its receipt.

    The caller holds the lock of `path`, beside which the part of a broken download stays in a hidden folder. Raises
    SourceError if it is unavailable or not what is offered, OSError or DataError if the folder cannot be written.
    """
    location, checks = offer.location(client), client.settings.checks
    shown = redacted(str(location))
    if checks and not offer.sha256:
        raise SourceError(f"{shown} has no digest to check it against; MODEL_CHECKSUM_DISABLED=1 does without")
    path.parent.mkdir(parents=True, exist_ok=True)
    known_hash = f"sha256:{offer.sha256}" if checks else None
    with _staging(part_of(path)) as part:
        transfer = _Transfer(location, offer.size, part, client, path.stem)
        for attempt in range(2):
            try:
                arrived = Path(pooch.retrieve(shown, known_hash, path.name, part.parent, downloader=transfer))
                break
            except ValueError:  # a part of an earlier call that went bad is not the host's fault
                if attempt or not transfer.resumed:
                    raise SourceError("the bytes that came do not have the sha256 that they should have") from None
        if checks:
            # The receipt before the file: an existing file means that it was verified.
            receipts.write(path, receipts.make(arrived, offer.sha256, offer.trust, offer.hash_origin, shown))
        arrived.replace(path)


@contextmanager
def _staging(part: Path) -> Iterator[Path]:
    """Give `part`, or the same in another private folder; the folder stays only after a broken download."""
    usual, folder, keep = part.parent, part.parent, False
    try:
        usual.mkdir(mode=0o700)
    except FileExistsError:
        status = usual.lstat()
        own = not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)
        if not (own and stat.S_ISDIR(status.st_mode)):  # planted, or of another user of a shared model folder
            folder = Path(mkdtemp(prefix=".", suffix=".download", dir=usual.parent))
    try:
        for stray in {*folder.iterdir()} - {part, part.with_suffix(".json")}:  # of a process that was killed
            stray.unlink()
        yield folder / part.name
    except (BrokenError, UnreachableError, KeyboardInterrupt):
        keep = folder == usual and part.exists()
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


class _Transfer:
    """pooch's downloader, by way of `part`, beside which its URL and entity tag are kept; for one process at a time."""

    def __init__(self, location: str | Path, size: int | None, part: Path, client: Client, title: str) -> None:
        self.location = location
        self.size = size
        self.part = part
        self.client = client
        self.title = title
        self.resumed = False  # True if the file is of several pieces
        self._origin = part.with_suffix(".json")

    def __call__(self, _url: str, output_file: str, _pooch: object) -> None:
        """Fill `output_file`; raise SourceError, or OSError if it cannot be written."""
        if isinstance(self.location, Path):
            self._copy(self.location)
        else:
            self._download(self.location)
        self._origin.unlink(missing_ok=True)
        self.part.replace(output_file)  # moved, so that its mode is the umask's, not a temporary file's 0600

    def _download(self, url: str) -> None:
        settings = self.client.settings
        for attempt in range(1, settings.tries):
            try:
                return self._continue(url)
            except BrokenError:
                time.sleep(settings.backoff * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311
        return self._continue(url)

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def _copy(self, source: Path) -> None:
        self._forget()
        try:
            if not source.is_file():  # a pipe would never end
                raise FileNotFoundError(errno.ENOENT, "it is not a file")
            file = source.open("rb")
        except OSError as error:
            raise SourceError(f"the mirror folder cannot give it ({error.strerror})") from None
        with file, self.part.open("xb") as part:
            self._expect(os.fstat(file.fileno()).st_size)
            shutil.copyfileobj(file, part, 1 << 20)

    def _continue(self, url: str) -> None:
        offset, etag = self._arrived(url)
        self.resumed = offset > 0
        if offset and offset == self.size:
            return
        resuming = {"Range": f"bytes={offset}-", "If-Range": etag} if offset else {}
        with self.client.ask(url, {"Accept-Encoding": "identity", **resuming}) as response:
            headers = response.headers
            if headers.get("Content-Type", "").startswith("text/html"):
                host = host_of(response.url)
                raise SourceError(f"{host} answered with a web page instead of the file: is a login page in between?")
            if response.status_code == HTTPStatus.OK:
                offset, self.resumed = 0, False
            elif not headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                self._forget()
                raise BrokenError("the host no longer has the rest of the file")
            encoded = headers.get("Content-Encoding", "identity") != "identity"  # this was not asked for
            length = None if encoded else response.raw.length_remaining
            total = None if length is None else offset + length
            self._expect(total)
            if offset == 0:
                self._forget()
                if not encoded and _ETAG.fullmatch(tag := headers.get("ETag", "")):
                    self._origin.write_text(json.dumps({"url": url, "etag": tag}), encoding="utf-8")
            self._receive(response, offset, self.size or total)

    def _arrived(self, url: str) -> tuple[int, str]:
        match receipts.record(self._origin):
            case {"url": origin, "etag": str(etag)} if origin == url and _ETAG.fullmatch(etag) and self.part.exists():
                status = self.part.lstat()
                # A link, also a hard one, would lead what arrives elsewhere.
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                    return status.st_size, etag
        return 0, ""

    def _expect(self, size: int | None) -> None:
        if size is not None and self.size not in (None, size):
            raise SourceError(f"it has {size:,} bytes there and should have {self.size:,}")
        if (size or self.size or 0) > _LARGEST:
            raise SourceError(f"it has {size or self.size:,} bytes there, more than any network that is known here")

    def _receive(self, response: requests.Response, offset: int, whole: int | None) -> None:
        reason, quiet = "the connection broke", not on_terminal()
        bar = tqdm(desc=self.title, total=whole, initial=offset, unit="B", unit_scale=True, disable=quiet)
        with self.part.open("ab" if offset else "xb") as part, bar:
            try:
                for chunk in self.client.chunks(response):
                    offset += len(chunk)
                    if offset > (whole or _LARGEST):
                        raise SourceError("more bytes come than the file has")
                    part.write(chunk)
                    bar.update(len(chunk))
                if whole is None or offset == whole:
                    return
            except BrokenError as error:
                reason = str(error)
        raise BrokenError(f"{reason} after {offset:,}{f' of {whole:,}' if whole else ''} bytes")
