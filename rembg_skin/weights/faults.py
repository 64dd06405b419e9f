"""Faults of HTTP in words: what a source cannot give, why, and whether another try may help."""

import errno
import re
import socket
import time
from http import HTTPStatus

import requests
import urllib3

from rembg_skin.errors import printable
from rembg_skin.weights.outside import host_of, seconds_to_wait, without_secrets


class SourceError(Exception):
    """Why a source cannot give a file; the message is one clause for the user."""

    @property
    def brief(self) -> str:
        """The message, without what only an expert asks for."""
        return str(self)


class UncheckedError(SourceError):
    """There is a file, but nothing to check it against."""


class UnreachableError(SourceError):
    """A host is out of reach or silent: another try at once would end in the same way."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(f"{message} ({detail})" if detail else message)
        self._brief = message

    @property
    def brief(self) -> str:
        """The message without its detail."""
        return self._brief


class RefusedError(SourceError):
    """A host answers, but not to this user."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class PassingError(SourceError):
    """A fault that may be gone at the next try; `retry_after` is the wait that the host asks for, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ENETUNREACH: "no network",
    errno.EHOSTUNREACH: "no way to it",
    errno.ENETDOWN: "no network",
    errno.EADDRNOTAVAIL: "no network",
    errno.EACCES: "not permitted here",
    errno.EPERM: "not permitted here",
}


def in_words(error: BaseException, url: str, host: str) -> BaseException:
    """Return what `error` of a request means to the user, as one of the errors of this module."""
    asked = getattr(getattr(error, "request", None), "url", None)
    host = host_of(asked) if asked else host  # a redirect may have led away
    if isinstance(error, requests.TooManyRedirects):
        fault: BaseException = SourceError(f"{host} redirects without end")
    elif isinstance(error, requests.exceptions.SSLError):
        fault = SourceError(
            f"the certificate of {host} is not trusted; behind a proxy that opens TLS, point REQUESTS_CA_BUNDLE to its"
            " certificate"
        )
    elif isinstance(error, requests.exceptions.ProxyError):
        fault = _of_proxy(error, host)
    elif isinstance(error, requests.Timeout):
        fault = UnreachableError(f"{host} does not answer")
    elif isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        reason = _unreachable(error)
        broke = PassingError(f"the connection to {host} broke")
        fault = broke if reason is None else UnreachableError(f"{host} cannot be reached", reason)
    elif isinstance(error, requests.RequestException | ValueError | urllib3.exceptions.HTTPError):
        fault = SourceError(f"{without_secrets(url)} cannot be asked for: {_advice(error)}")
    elif isinstance(error, OSError):  # such as a CA bundle of the environment that is not there
        fault = SourceError(_clean(str(error)))
    else:
        fault = error
    return fault


def _of_proxy(error: requests.RequestException, host: str) -> SourceError:
    refusal = re.search(r"Tunnel connection failed: (\d{3})", str(error))
    if refusal is None:
        reason = _unreachable(error)
        return UnreachableError(f"the proxy set in the environment gives no way to {host}", reason or "")
    status = int(refusal[1])
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return SourceError(_LOGIN)
    if status in _BUSY:
        return PassingError(f"the proxy set in the environment gives no way to {host} (HTTP {status})")
    return SourceError(f"the proxy set in the environment refuses {host} (HTTP {status})")


def _unreachable(error: BaseException) -> str | None:
    """Return why nothing is at the other end; None if something was."""
    causes: list[BaseException] = [error]
    for one in causes:  # grows: what each error holds or follows from
        held = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        causes += [part for part in held if isinstance(part, BaseException) and part not in causes]
    if any(isinstance(one, socket.gaierror) for one in causes):
        return "name not resolved"
    for one in causes:
        if isinstance(one, OSError) and one.errno in _REASONS:
            return _REASONS[one.errno]
    silent = any(isinstance(one, TimeoutError | urllib3.exceptions.ConnectTimeoutError) for one in causes)
    return "no answer" if silent else None


def _advice(error: BaseException) -> str:
    """Return what the HTTP library says, and the cure if there is one."""
    words = _clean(str(error)) or type(error).__name__
    if "SOCKS" in words:
        return (
            'the proxy set in the environment is a SOCKS proxy, which needs a package: pip install "requests[socks]"'
            if "dependencies" in words
            else f"{words}; write socks5h://HOST:PORT"
        )
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        return f"{words}; look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
    return words


def _clean(text: str) -> str:
    """Return what a library says on one line, without passwords."""
    return printable(re.sub(r"//[^/\s@'\"]*@", "//", text))[:300].rstrip(".")


_BUSY = (408, 500, 502, 503, 504)
_LOGIN = "the proxy asks for a login (HTTP 407); put it into HTTPS_PROXY"


def judge(response: requests.Response) -> None:
    """Raise what the status of an answer means, unless it is 200, 206 or 416."""
    status = response.status_code
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        return
    host = host_of(response.url)
    wait = seconds_to_wait(response.headers)
    if _limited(response):
        reset = seconds_to_wait(response.headers, "X-RateLimit-Reset")  # since the epoch
        if wait is None and reset is not None:
            wait = max(reset - time.time(), 0)
        until = "" if wait is None else f" for {_duration(wait)}"
        raise PassingError(f"{host} refuses further requests{until} (HTTP {status}, rate limit)", wait)
    if status in _BUSY:
        raise PassingError(f"{host} is out of order (HTTP {status})", wait)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise SourceError(f"{host} does not have it (HTTP {status})")
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise SourceError(_LOGIN)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise RefusedError(f"{host} refuses it (HTTP {status})", status)
    raise SourceError(f"{host} refuses it (HTTP {status})")


def _limited(response: requests.Response) -> bool:
    # GitHub says 403 as well as 429, with one of these headers.
    if response.status_code == HTTPStatus.FORBIDDEN:
        return response.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in response.headers
    return response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= 100):  # noqa: PLR2004
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
