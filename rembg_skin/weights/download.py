"""The downloader that pooch calls: large chunks, tries, and resumption from a partial file."""

import json
import re
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from rembg_skin.weights import receipts
from rembg_skin.weights.http import PassingError, Retry, SourceError, chunks, persist, request
from rembg_skin.weights.sources import Offer

_PART, _ORIGIN = "part", "part.json"
_LARGEST = 1 << 30  # bytes; where neither the catalogue nor the host says how large a file is


def bring(offer: Offer, path: Path, title: str, retry: Retry, *, check: bool = True) -> None:
    """Fetch what is offered to `path`, with a receipt where `check` is set.

    Nothing is under the final name before it is whole and checked. What has arrived of a broken download stays in a
    hidden folder beside it, for the next try. The caller makes sure that nobody else does the same at the same time.

    Raises
    ------
    SourceError
        If it cannot be had or is not what is offered.
    OSError
        If the folder cannot be written.

    """
    staging = path.with_name(f".{path.name}.download")
    try:
        staging.mkdir(parents=True, exist_ok=True)
        for stray in staging.iterdir():  # of a process that was killed
            if stray.name not in (_PART, _ORIGIN):
                stray.unlink()
        arrived = _retrieve(offer, staging, path.name, title, retry, check=check)
        if check and offer.sha256 is not None:
            # First the receipt: who sees the file sees that it was checked.
            receipt = receipts.make(arrived, offer.sha256, offer.trust, offer.hash_origin, offer.shown)
            receipts.write(path, receipt)
        arrived.replace(path)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    except SourceError:
        if not (staging / _PART).exists():
            shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _retrieve(offer: Offer, staging: Path, name: str, title: str, retry: Retry, *, check: bool) -> Path:
    import pooch

    for last in (False, True):
        downloader = Downloader(offer.location, offer.size, staging, retry, title)
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

    def __init__(self, location: str | Path, size: int | None, staging: Path, retry: Retry, title: str) -> None:
        self.location = location
        self.size = size
        self.retry = retry
        self.title = title
        self.resumed = False  # whether the file is of several pieces
        self._part = staging / _PART
        self._origin = staging / _ORIGIN

    def __call__(self, url: str, output_file: str, pooch: object) -> None:  # noqa: ARG002 - pooch's signature
        """Fill `output_file`; `url` is for pooch's log alone.

        Raises
        ------
        SourceError
            If the file cannot be had, with the reason.
        OSError
            If it cannot be written.

        """
        if isinstance(self.location, Path):
            self._copy(self.location)
        else:
            with requests.Session() as session:
                session.max_redirects = 10
                try:
                    persist(lambda: self._continue(session, str(self.location)), self.retry)
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
        self._origin.unlink(missing_ok=True)
        try:
            size = source.stat().st_size
            file = source.open("rb")
        except OSError as error:
            raise SourceError(f"the mirror folder cannot give it ({error.strerror})") from None
        with file, self._part.open("wb") as part:
            self._expect(size)
            shutil.copyfileobj(file, part, 1 << 20)

    def _resumable(self) -> tuple[int, str] | None:
        try:
            origin = json.loads(self._origin.read_bytes())
            offset = self._part.stat().st_size
        except (OSError, ValueError):
            return None
        if not isinstance(origin, dict) or origin.get("url") != self.location or not offset:
            return None
        etag = origin.get("etag")
        return (offset, etag) if isinstance(etag, str) else None

    def _continue(self, session: requests.Session, url: str) -> None:
        offset, etag = self._resumable() or (0, "")
        if offset and offset == self.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
        with request(session, url, headers, self.retry) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self.forget()
                raise PassingError("the host no longer has the rest of the file", 0)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                host = urlsplit(response.url).hostname
                raise SourceError(f"{host} answered with a web page instead of the file: is a login page in between?")
            if response.status_code == HTTPStatus.OK:
                offset = 0
            self.resumed = offset > 0
            total = self._announced(response, offset)
            self._expect(total)
            if offset == 0:
                self._begin(url, response.headers.get("ETag", ""))
            with self._part.open("ab" if offset else "wb") as part:
                self._receive(response, part, offset, total)

    def _begin(self, url: str, etag: str) -> None:
        self.forget()
        # A weak tag names a meaning, not bytes: it cannot vouch for a rest.
        if re.fullmatch(r'"[^"]*"', etag):
            self._origin.write_text(json.dumps({"url": url, "etag": etag}), encoding="utf-8")

    def _announced(self, response: requests.Response, offset: int) -> int | None:
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != offset:
                self.forget()
                raise PassingError("the host sent another part of the file than was asked for", 0)
            return int(match[2])
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None

    def _expect(self, size: int | None) -> None:
        if size is not None and self.size is not None and size != self.size:
            raise SourceError(f"it has {size:,} bytes there and should have {self.size:,}")

    def _receive(self, response: requests.Response, part: IO[bytes], offset: int, total: int | None) -> None:
        whole = total if self.size is None else self.size
        with tqdm(desc=self.title, total=whole, initial=offset, unit="B", unit_scale=True, disable=None) as bar:
            reason = "the connection broke"
            try:
                for chunk in chunks(response, self.retry):
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
