"""HTTP as a user meets it: tries, waits, proxies that ask for a login, hosts that trickle. Faults are put in words."""

import email.utils
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3

CHUNK = 1 << 20  # bytes
T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """How long to keep trying. Times are in seconds."""

    tries: int = 5
    first_wait: float = 1.0  # doubled after each try, with jitter
    longest_wait: float = 60.0  # a host that asks for a longer one gets no further try
    connect: float = 10.0
    read: float = 30.0  # without a byte, or over which `slowest` is measured
    slowest: int = 1024  # bytes a second; below it a connection counts as broken


class SourceError(Exception):
    """Why a source cannot give a file; the message is one clause for the user."""


class UncheckedError(SourceError):
    """There is a file, but nothing to check it against."""


class PassingError(SourceError):
    """A fault that may be gone at the next try; `retry_after` is the wait that the host asks for, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def persist(action: Callable[[], T], retry: Retry) -> T:
    """Return what `action` returns, trying again after a :class:`PassingError` as `retry` says."""
    for attempt in range(1, retry.tries):
        try:
            return action()
        except PassingError as fault:
            backoff = retry.first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311
            wait = backoff if fault.retry_after is None else fault.retry_after
            if wait > retry.longest_wait:
                raise
            time.sleep(wait)
    return action()


def without_secrets(url: str) -> str:
    """Return `url` without user, password, query and fragment, fit for messages and receipts."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@contextmanager
def request(session: requests.Session, url: str, headers: dict[str, str], retry: Retry) -> Iterator[requests.Response]:
    """Give the answer to a GET of `url`, after redirects, with a status of 200, 206 or 416; its body is not read yet.

    Raises
    ------
    PassingError
        If nothing answers, or the host says that it is busy.
    SourceError
        If the answer is final: not there, not allowed, redirected without end.

    """
    host = urlsplit(url).hostname or url
    try:
        response = session.get(url, headers=headers, stream=True, timeout=(retry.connect, retry.read))
    except requests.TooManyRedirects:
        raise SourceError(f"{host} redirects without end") from None
    except requests.exceptions.SSLError:
        raise SourceError(
            f"the certificate of {host} is not trusted; behind a proxy that opens TLS, point REQUESTS_CA_BUNDLE to its"
            " certificate"
        ) from None
    except requests.exceptions.ProxyError:
        raise PassingError(f"the proxy set in the environment gives no way to {host}") from None
    except requests.Timeout:
        raise PassingError(f"{host} did not answer in time") from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise PassingError(f"no connection to {host}") from None
    except (requests.RequestException, ValueError) as error:
        raise SourceError(f"{without_secrets(url)} cannot be asked for ({type(error).__name__})") from None
    except OSError as error:  # a CA bundle of the environment that is not there
        raise SourceError(str(error)) from None
    with response:
        _judge(response)
        yield response


_BUSY = (408, 500, 502, 503, 504)


def _judge(response: requests.Response) -> None:
    status = response.status_code
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        return
    host = urlsplit(response.url).hostname
    wait = retry_after(response)
    if _limited(response):
        reset = response.headers.get("X-RateLimit-Reset", "")
        if wait is None and reset.isdecimal():
            wait = max(int(reset) - time.time(), 0)
        until = "" if wait is None else f" for {_duration(wait)}"
        raise PassingError(f"{host} refuses further requests{until} (HTTP {status}, rate limit)", wait)
    if status in _BUSY:
        raise PassingError(f"{host} is out of order (HTTP {status})", wait)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise SourceError(f"{host} does not have it (HTTP {status})")
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise SourceError("the proxy asks for a login (HTTP 407); put it into HTTPS_PROXY")
    raise SourceError(f"{host} refuses it (HTTP {status})")


def _limited(response: requests.Response) -> bool:
    # GitHub says 403 as well as 429, with one of these headers.
    if response.status_code == HTTPStatus.FORBIDDEN:
        return response.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in response.headers
    return response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the host asks to wait, not below 0; None where it does not ask."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0)
    except ValueError:
        return None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004


def chunks(response: requests.Response, retry: Retry) -> Iterator[bytes]:
    """Give the body as it arrives, undecoded, at most :data:`CHUNK` bytes at a time.

    Raises
    ------
    PassingError
        If the connection breaks or is slower than `retry` allows.

    """
    since, received = time.monotonic(), 0
    while True:
        try:
            chunk = response.raw.read1(CHUNK, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            raise PassingError("the connection broke") from None
        if not chunk:
            return
        yield chunk
        received += len(chunk)
        elapsed = time.monotonic() - since
        if elapsed >= retry.read:
            if received < retry.slowest * elapsed:
                raise PassingError(f"the connection is too slow ({received / elapsed:.0f} bytes a second)")
            since, received = time.monotonic(), 0
