"""The downloader that pooch calls: large chunks, tries, and resumption from a partial file."""

import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

import requests
from tqdm import tqdm

from rembg_skin.messages import on_terminal
from rembg_skin.weights import receipts
from rembg_skin.weights.faults import PassingError, SourceError
from rembg_skin.weights.http import Client
from rembg_skin.weights.outside import host_of, record, regular_file, whole_number
from rembg_skin.weights.sources import Offer

_PART, _ORIGIN = "part", "part.json"
_LARGEST = 1 << 30  # bytes; no network of the catalogue comes near it
_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')  # a weak tag names a meaning, not bytes: it cannot vouch for a rest


def part_of(path: Path) -> Path:
    """Return where what has arrived of `path` is kept while it is fetched, and after a broken download."""
    return path.with_name(f".{path.name}.download") / _PART


def bring(offer: Offer, path: Path, title: str, client: Client, *, check: bool = True) -> None:
    """Fetch what is offered to `path`, with a receipt if `check` is set.

    The final name appears only once the file is complete and verified. What has arrived of a broken download stays in
    a hidden folder beside it, for the next try. The caller makes sure that nobody else does the same at the same time.

    Raises
    ------
    SourceError
        If it is unavailable or not what is offered.
    OSError, DataError
        If the folder cannot be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _staging(part_of(path).parent) as staging:
        arrived = _retrieve(offer, staging, path.name, title, client, check=check)
        if check and offer.sha256 is not None:
            # The receipt before the file: an existing file means that it was verified.
            receipt = receipts.make(arrived, offer.sha256, offer.trust, offer.hash_origin, offer.shown)
            receipts.write(path, receipt)
        arrived.replace(path)


@contextmanager
def _staging(usual: Path) -> Iterator[Path]:
    """Give a folder that nobody else can have put anything into; only a broken download leaves it."""
    staging = usual
    with suppress(FileExistsError):
        staging.mkdir(mode=0o700)
    if not _own(staging):
        # Planted, or of another user of a shared model folder.
        with suppress(OSError):
            # Only a folder: what empties one opens it first, and would wait for ever at a pipe.
            shutil.rmtree(staging) if stat.S_ISDIR(staging.lstat().st_mode) else staging.unlink()
        try:
            staging.mkdir(mode=0o700)
        except OSError:
            staging = Path(mkdtemp(prefix=".", suffix=".download", dir=usual.parent))
    keep = False
    try:
        for stray in staging.iterdir():  # of a process that was killed
            if stray.name not in (_PART, _ORIGIN):
                stray.unlink()
        yield staging
    except SourceError:
        keep = staging == usual and (staging / _PART).exists()
        raise
    except KeyboardInterrupt:
        keep = staging == usual
        raise
    finally:
        if not keep:
            shutil.rmtree(staging, ignore_errors=True)


def _own(folder: Path) -> bool:
    """Whether it is a real folder that only this user can write."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


def _retrieve(offer: Offer, staging: Path, name: str, title: str, client: Client, *, check: bool) -> Path:
    import pooch

    for last in (False, True):
        downloader = Downloader(offer.location, offer.size, staging, client, title)
        try:
            known_hash = f"sha256:{offer.sha256}" if check else None
            return Path(pooch.retrieve(offer.shown, known_hash, fname=name, path=staging, downloader=downloader))
        except ValueError:
            # A partial file that went bad is no fault of the host: once more, from the start.
            if last or not downloader.resumed:
                break
    raise SourceError("the bytes that came do not have the sha256 that they should have")


class Downloader:
    """Brings one file into pooch's temporary file.

    What has arrived is kept in `staging` as ``part``, with the URL and the entity tag of its host beside it, so that
    a later try, also of another process, asks for the rest alone. Only one process may use `staging` at a time.
    """

    def __init__(self, location: str | Path, size: int | None, staging: Path, client: Client, title: str) -> None:
        self.location = location
        self.size = size
        self.client = client
        self.title = title
        self.resumed = False  # whether the file is of several pieces
        self._part = staging / _PART
        self._origin = staging / _ORIGIN

    def __call__(self, url: str, output_file: str, pooch: object) -> None:  # noqa: ARG002 - pooch's signature
        """Fill `output_file`; `url` is for pooch's log alone.

        Raises
        ------
        SourceError
            If the file is unavailable, with the reason.
        OSError
            If it cannot be written.

        """
        if isinstance(self.location, Path):
            self._copy(self.location)
        else:
            location = self.location
            try:
                self.client.persist(lambda: self._continue(location))
            except PassingError:
                raise
            except SourceError:
                self.forget()
                raise
        self._origin.unlink(missing_ok=True)
        # A move, so that the file has the mode that the umask gives, not a temporary file's 0600.
        self._part.replace(output_file)

    def forget(self) -> None:
        """Throw away what has arrived."""
        self._part.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def _copy(self, source: Path) -> None:
        self.forget()
        try:
            file = regular_file(source)
        except (OSError, ValueError) as error:
            raise SourceError(f"the mirror folder cannot give it ({getattr(error, 'strerror', error)})") from None
        with file, self._part.open("xb") as part:
            self._expect(os.fstat(file.fileno()).st_size)
            shutil.copyfileobj(file, part, 1 << 20)

    def _resumable(self) -> tuple[int, str] | None:
        origin = record(self._origin)
        try:
            status = self._part.lstat()
        except OSError:
            return None
        # A link, also a hard one, would lead what arrives elsewhere.
        if origin is None or not (stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size):
            return None
        etag = origin.get("etag")
        if origin.get("url") != self.location or not (isinstance(etag, str) and _ETAG.fullmatch(etag)):
            return None
        return status.st_size, etag

    def _continue(self, url: str) -> None:
        offset, etag = self._resumable() or (0, "")
        if offset and offset == self.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
        with self.client.request(url, headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self.forget()
                raise PassingError("the host no longer has the rest of the file", 0)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                host = host_of(response.url)
                raise SourceError(f"{host} answered with a web page instead of the file: is a login page in between?")
            if response.status_code == HTTPStatus.OK:
                offset = 0
            self.resumed = offset > 0
            total = self._announced(response, offset)
            self._expect(total)
            if offset == 0:
                self._begin(url, response.headers.get("ETag", ""))
            with self._part.open("ab" if offset else "xb") as part:
                self._receive(response, part, offset, total)

    def _begin(self, url: str, etag: str) -> None:
        self.forget()
        if _ETAG.fullmatch(etag):
            with self._origin.open("x", encoding="utf-8") as file:
                json.dump({"url": url, "etag": etag}, file)

    def _announced(self, response: requests.Response, offset: int) -> int | None:
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""), re.ASCII)
            if match is None or whole_number(match[1]) != offset:
                self.forget()
                raise PassingError("the host sent another part of the file than was asked for", 0)
            return whole_number(match[2])
        length = response.headers.get("Content-Length")
        if length is None:
            return None
        if (size := whole_number(length)) is None:
            raise SourceError(f"{host_of(response.url)} announces a length that is no number")
        return size

    def _expect(self, size: int | None) -> None:
        if size is not None and self.size is not None and size != self.size:
            raise SourceError(f"it has {size:,} bytes there and should have {self.size:,}")
        if (size or self.size or 0) > _LARGEST:
            raise SourceError(f"it has {size or self.size:,} bytes there, more than any network that is known here")

    def _receive(self, response: requests.Response, part: IO[bytes], offset: int, total: int | None) -> None:
        whole = total if self.size is None else self.size
        quiet = not on_terminal()
        with tqdm(desc=self.title, total=whole, initial=offset, unit="B", unit_scale=True, disable=quiet) as bar:
            reason = "the connection broke"
            try:
                for chunk in self.client.chunks(response):
                    offset += len(chunk)
                    if offset > (whole or _LARGEST):
                        raise SourceError("more bytes come than the file has")
                    part.write(chunk)
                    bar.update(len(chunk))
                if whole is None or offset == whole:
                    return
            except PassingError as error:
                reason = str(error)
        of_whole = "" if whole is None else f" of {whole:,}"
        raise PassingError(f"{reason} after {offset:,}{of_whole} bytes")
