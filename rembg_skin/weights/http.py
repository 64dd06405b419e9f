"""HTTP for one fetch: requests with urllib3's retries, limits of time, and every fault as one clause for the user."""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry, exceptions

from rembg_skin.errors import printable
from rembg_skin.messages import waiting
from rembg_skin.weights.settings import Limits

CHUNK = 1 << 20  # bytes
_SHOWN = 300  # characters of what others say
_READ = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
_BUSY = (408, 429, 500, 502, 503, 504)
_CLOCK = {9: "is not valid yet", 10: "has expired"}  # OpenSSL's codes


class SourceError(Exception):
    """A source cannot give a file; the message is one clause for the user."""


class UnreachableError(SourceError):
    """A host is out of reach, silent or busy: another try at once would end in the same way."""


class RefusedError(SourceError):
    """A host answers, but not to this user."""


class BrokenError(SourceError):
    """A transfer broke: another try may go on from there."""


class _Retries(Retry):
    """Retries for a busy host and a broken connection, but not for a silent host or one that asks for a long wait."""

    RETRY_AFTER_STATUS_CODES = frozenset((403, 413, 429, 503))  # GitHub's rate limit is 403, too
    LONGEST_WAIT = 60.0  # seconds

    def increment(self, *args: Any, **kwargs: Any) -> Any:
        response, error = kwargs.get("response"), kwargs.get("error")
        if isinstance(error, exceptions.ReadTimeoutError):
            raise error
        if isinstance(getattr(error, "original_error", None), ConnectionResetError | BrokenPipeError):
            kwargs["error"] = exceptions.ProtocolError("the proxy closed the connection", error)
        if response is not None and (self.get_retry_after(response) or 0) > self.LONGEST_WAIT:
            raise exceptions.MaxRetryError(kwargs["_pool"], str(args[1]))
        return super().increment(*args, **kwargs)

    def get_retry_after(self, response: Any) -> float | None:
        try:
            return super().get_retry_after(response)
        except (exceptions.InvalidHeader, ValueError, OverflowError):
            return None


class _Session(requests.Session):
    """A session that takes proxies and certificates from the environment, and no password from ``~/.netrc``."""

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        self.trust_env = False
        try:
            return super().prepare_request(request)
        finally:
            self.trust_env = True

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        before, now = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(before, now):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)


class Client:
    """Ask the hosts of one fetch. A host that is out of reach or silent is asked once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._silence = 2 * limits.silence
        self._deadline = time.monotonic() + limits.whole
        self._unreachable: dict[str, UnreachableError] = {}
        retries = _Retries(
            total=limits.tries - 1,
            connect=0,
            other=0,
            backoff_factor=limits.backoff,
            backoff_jitter=limits.backoff,
            status_forcelist=_BUSY,
            raise_on_status=False,
        )
        self._session = _Session()
        self._session.max_redirects = 10
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retries))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    @contextmanager
    def get(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """Give the answer to a GET of `url`, after redirects, with a status of 200, 206 or 416; its body is not read.

        Raises SourceError if the host does not give it, UnreachableError if nothing answers.
        """
        host = host_of(url)
        if host in self._unreachable:
            raise self._unreachable[host]
        if self._silence <= 0:
            raise UnreachableError(f"{host} was not asked, as other hosts did not answer")
        timeouts = (self.limits.connect, min(self.limits.silence, self._silence))
        start = time.monotonic()
        try:
            with waiting(f"asking {host}"):
                response = self._session.get(url, headers=headers, stream=True, timeout=timeouts)
        except (requests.RequestException, exceptions.HTTPError, OSError, ValueError) as error:
            fault = in_words(error, url)
            if isinstance(fault, UnreachableError):
                self._unreachable[host] = fault
                # Without a name server each host would cost the system's wait for it.
                unnamed = any(isinstance(one, socket.gaierror) for one in _causes(error))
                self._silence = 0 if unnamed else self._silence - (time.monotonic() - start)
            raise fault from None
        with response:
            judge(response)
            yield response

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Give the body as it arrives, decompressed; raise BrokenError if the connection breaks or is too slow."""
        since, received = time.monotonic(), 0
        while chunk := _next(response):
            yield chunk
            received += len(chunk)
            seconds = time.monotonic() - since
            if time.monotonic() > self._deadline:
                raise SourceError(f"it takes longer than {self.limits.whole / 3600:.0f} hours")
            if seconds > self.limits.read:
                if received < self.limits.slowest * seconds:
                    raise BrokenError(f"the connection is too slow ({received / seconds:.0f} bytes a second)")
                since, received = time.monotonic(), 0


def _next(response: requests.Response) -> bytes:
    try:
        return response.raw.read1(CHUNK, decode_content=True) or b""
    except (exceptions.HTTPError, OSError, ValueError, AttributeError):
        raise BrokenError("the connection broke") from None


def judge(response: requests.Response) -> None:
    """Raise what the status of an answer means, unless it is 200, 206 or 416."""
    status, host, headers = response.status_code, host_of(response.url), response.headers
    limited = headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers
    if status in _READ:
        return
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.FORBIDDEN and limited):
        wait = _Retries().get_retry_after(response)
        if wait is None and (reset := number(headers.get("X-RateLimit-Reset", ""))) is not None:  # since the epoch
            wait = max(reset - time.time(), 0)
        until = "" if wait is None else f" for {wait / 60:.0f} min"
        raise UnreachableError(f"{host} refuses further requests{until} (HTTP {status}, rate limit)")
    if status in _BUSY:
        raise UnreachableError(f"{host} is temporarily unavailable (HTTP {status})")
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise SourceError(f"{host} does not have it (HTTP {status})")
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise SourceError("the proxy asks for a login (HTTP 407); put it into HTTPS_PROXY")
    kind = RefusedError if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) else SourceError
    raise kind(f"{host} refuses it (HTTP {status})")


def in_words(error: Exception, url: str) -> SourceError:
    """Return the meaning of a failed request as one of the errors of this module."""
    host = host_of(getattr(getattr(error, "request", None), "url", None) or url)  # a redirect may have led away
    reason = _reason(_causes(error))
    words = printable(re.sub(r"//[^/\s@'\"]*@", "//", str(error)))[:_SHOWN].rstrip(".") or type(error).__name__
    fault = SourceError(words)  # such as a CA bundle of the environment that does not exist
    if isinstance(error, requests.TooManyRedirects):
        fault = SourceError(f"{host} redirects without end")
    elif isinstance(error, requests.exceptions.SSLError):
        fault = SourceError(f"the certificate of {host} {_of_certificate(error)}")
    elif isinstance(error, requests.exceptions.ProxyError):
        fault = UnreachableError(f"the configured proxy cannot reach {host} ({reason})")
        if refusal := re.search(r"Tunnel connection failed: (\d{3})", words):
            login = "; put its login into HTTPS_PROXY" if refusal[1] == "407" else ""
            fault = SourceError(f"the configured proxy refuses {host} (HTTP {refusal[1]}){login}")
    elif isinstance(error, requests.Timeout):
        fault = UnreachableError(f"{host} does not answer")
    elif isinstance(error, requests.ConnectionError):
        fault = UnreachableError(f"{host} cannot be reached ({reason})")
    elif isinstance(error, requests.RequestException | ValueError | exceptions.HTTPError):
        if "SOCKS" in words:
            words += '; a SOCKS proxy is written socks5h://HOST:PORT and needs pip install "requests[socks]"'
        elif isinstance(error, requests.exceptions.InvalidProxyURL):
            words += "; look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
        fault = SourceError(f"{without_secrets(url)} cannot be asked for: {words}")
    return fault


def _of_certificate(error: Exception) -> str:
    code = next((one.verify_code for one in _causes(error) if isinstance(one, ssl.SSLCertVerificationError)), None)
    if code in _CLOCK:
        now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
        return f"{_CLOCK[code]} on {now}: if that is not the time, set this machine's clock"
    return "is not trusted; behind a proxy that opens TLS, point REQUESTS_CA_BUNDLE to its certificate"


def _causes(error: BaseException) -> list[BaseException]:
    """Return the error and every error that it holds or follows from."""
    causes = [error]
    for one in causes:  # grows
        held = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        causes += [part for part in held if isinstance(part, BaseException) and part not in causes]
    return causes


def _reason(causes: list[BaseException]) -> str:
    """Return why nothing is at the other end, or that something was."""
    if any(isinstance(one, socket.gaierror) for one in causes):
        return "name not resolved"
    system = next((one.strerror.lower() for one in causes if isinstance(one, OSError) and one.strerror), None)
    silent = any(isinstance(one, TimeoutError | exceptions.ConnectTimeoutError) for one in causes)
    return system or ("no answer" if silent else "the connection broke")


def number(text: str) -> int | None:
    """Return the number that at most 15 ASCII digits say, None for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text.strip()) else None


def host_of(url: object) -> str:
    """Return the host that a URL names, fit for messages; of a URL without one, the URL itself."""
    try:
        host = urlsplit(str(url)).hostname
    except ValueError:
        host = None
    return printable(host or without_secrets(str(url)))[:_SHOWN]


def without_secrets(url: str) -> str:
    """Return `url` without user, password, query and fragment, fit for messages and receipts."""
    try:
        parts = urlsplit(url)
        shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        shown = re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url)[0])
    return printable(shown)
