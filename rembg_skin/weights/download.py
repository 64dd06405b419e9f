"""Download one file with pooch, whose downloader here goes on with what has arrived before."""

import errno
import json
import os
import random
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any

import pooch
import requests
from tqdm import tqdm

from rembg_skin.messages import on_terminal
from rembg_skin.weights import receipts
from rembg_skin.weights.http import BrokenError, Client, SourceError, UnreachableError, host_of, number, without_secrets
from rembg_skin.weights.settings import Settings
from rembg_skin.weights.sources import Offer

_PART, _ORIGIN = "part", "part.json"
_LARGEST = 1 << 30  # bytes; no network of the catalog comes near it
_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')  # weak tags do not promise equal bytes, so they cannot be resumed from


def part_of(path: Path) -> Path:
    """Return the path of what has arrived of `path`, during a download and after a broken one."""
    return path.with_name(f".{path.name}.download") / _PART


def bring(offer: Offer, path: Path, title: str, settings: Settings, client: Client) -> None:
    """Download what is offered to `path`, which appears only once it is complete and verified, with its receipt.

    What has arrived of a broken download stays in a hidden folder beside it, for the next try. The caller holds the
    lock of `path`.

    Raises
    ------
    SourceError
        If it is unavailable or not what is offered.
    OSError, DataError
        If the folder cannot be written.

    """
    location = offer.location(settings)
    shown = without_secrets(str(location))
    if settings.checks and offer.sha256 is None:
        raise SourceError(f"{shown} has no digest to check it against; MODEL_CHECKSUM_DISABLED=1 does without")
    known_hash = f"sha256:{offer.sha256}" if settings.checks else None
    path.parent.mkdir(parents=True, exist_ok=True)
    with _staging(part_of(path).parent) as staging:
        downloader = _Downloader(location, offer.size, staging, client, title)
        for attempt in range(2):
            try:
                arrived = Path(pooch.retrieve(shown, known_hash, path.name, staging, downloader=downloader))
                break
            except ValueError:  # a part of an earlier call that went bad is not the host's fault
                if attempt or not downloader.resumed:
                    raise SourceError("the bytes that came do not have the sha256 that they should have") from None
        if known_hash and offer.sha256:
            # The receipt before the file: an existing file means that it was verified.
            receipts.write(path, receipts.make(arrived, offer.sha256, offer.trust, offer.hash_origin, shown))
        arrived.replace(path)


@contextmanager
def _staging(usual: Path) -> Iterator[Path]:
    """Give a private folder, which stays only after a broken download."""
    staging, keep = usual, False
    try:
        staging.mkdir(mode=0o700)
    except FileExistsError:
        if not _own(usual):  # planted, or of another user of a shared model folder
            staging = Path(mkdtemp(prefix=".", suffix=".download", dir=usual.parent))
    try:
        for stray in staging.iterdir():  # of a process that was killed
            if stray.name not in (_PART, _ORIGIN):
                stray.unlink()
        yield staging
    except (BrokenError, UnreachableError, KeyboardInterrupt):
        keep = staging == usual and (staging / _PART).exists()
        raise
    finally:
        if not keep:
            shutil.rmtree(staging, ignore_errors=True)


def _own(folder: Path) -> bool:
    """Return True if it is a real folder that only this user can write."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


class _Downloader:
    """Fill pooch's temporary file by way of ``part`` in `staging`, beside which its URL and entity tag are kept.

    Only one process may use `staging` at a time.
    """

    def __init__(self, location: str | Path, size: int | None, staging: Path, client: Client, title: str) -> None:
        self.location = location
        self.size = size
        self.client = client
        self.title = title
        self.resumed = False  # whether the file is of several pieces
        self._part = staging / _PART
        self._origin = staging / _ORIGIN

    def __call__(self, _url: str, output_file: str, _pooch: object) -> None:
        """Fill `output_file`, as pooch calls it; raise SourceError, or OSError if it cannot be written."""
        if isinstance(self.location, Path):
            self._copy(self.location)
        else:
            self._download(self.location)
        self._origin.unlink(missing_ok=True)
        # A move, so that the file has the mode that the umask gives, not a temporary file's 0600.
        self._part.replace(output_file)

    def _copy(self, source: Path) -> None:
        self._forget()
        try:
            if not source.is_file():  # a pipe would never end
                raise FileNotFoundError(errno.ENOENT, "it is not a file")
            file = source.open("rb")
        except OSError as error:
            raise SourceError(f"the mirror folder cannot give it ({error.strerror})") from None
        with file, self._part.open("xb") as part:
            self._expect(os.fstat(file.fileno()).st_size)
            shutil.copyfileobj(file, part, 1 << 20)

    def _download(self, url: str) -> None:
        limits = self.client.limits
        for attempt in range(limits.tries):
            try:
                return self._continue(url)
            except BrokenError:
                if attempt == limits.tries - 1:
                    raise
                time.sleep(limits.backoff * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
        return None

    def _continue(self, url: str) -> None:
        offset, etag = self._resumable(url)
        if offset and offset == self.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
        with self.client.get(url, headers) as response:
            if response.headers.get("Content-Type", "").startswith("text/html"):
                host = host_of(response.url)
                raise SourceError(f"{host} answered with a web page instead of the file: is a login page in between?")
            if response.status_code == HTTPStatus.OK:
                offset = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                self._forget()
                raise BrokenError("the host no longer has the rest of the file")
            self.resumed = offset > 0
            encoded = response.headers.get("Content-Encoding", "identity") != "identity"  # this was not asked for
            length = None if encoded else number(response.headers.get("Content-Length", ""))
            total = None if length is None else offset + length
            self._expect(total)
            if offset == 0:
                self._forget()
                if not encoded and _ETAG.fullmatch(tag := response.headers.get("ETag", "")):
                    self._origin.write_text(json.dumps({"url": url, "etag": tag}), encoding="utf-8")
            with self._part.open("ab" if offset else "xb") as part:
                self._receive(response, part, offset, self.size or total)

    def _resumable(self, url: str) -> tuple[int, str]:
        """Return the bytes that have arrived and their entity tag; 0 and an empty text if they cannot be used."""
        origin = receipts.record(self._origin)
        etag: Any = origin.get("etag")
        known = origin.get("url") == url and isinstance(etag, str) and _ETAG.fullmatch(etag)
        if not known or not self._part.exists():
            return 0, ""
        status = self._part.lstat()
        # A link, also a hard one, would lead what arrives elsewhere.
        return (status.st_size, etag) if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 else (0, "")

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def _expect(self, size: int | None) -> None:
        if size is not None and self.size is not None and size != self.size:
            raise SourceError(f"it has {size:,} bytes there and should have {self.size:,}")
        if (size or self.size or 0) > _LARGEST:
            raise SourceError(f"it has {size or self.size:,} bytes there, more than any network that is known here")

    def _receive(self, response: requests.Response, part: IO[bytes], offset: int, whole: int | None) -> None:
        reason, quiet = "the connection broke", not on_terminal()
        with tqdm(desc=self.title, total=whole, initial=offset, unit="B", unit_scale=True, disable=quiet) as bar:
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
