"""HTTP for one fetch: settings, requests with urllib3's retries and limits of time, faults as clauses for the user."""

import os
import re
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry, exceptions

from rembg_skin.errors import SettingError, printable
from rembg_skin.messages import waiting

_ON, _OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")  # as in `rembg_skin_hook`
_SHOWN = 300  # characters of what others say
_BUSY = (408, 429, 500, 502, 503, 504)
_CLOCK = {9: "is not valid yet", 10: "has expired"}  # OpenSSL's codes


@dataclass(frozen=True)
class Settings:
    """The settings of one fetch, from environment variables, not from session extras; and its limits, in seconds."""

    offline: bool = False  # REMBG_SKIN_OFFLINE
    mirror: str | None = None  # REMBG_SKIN_MIRROR: a base URL, or a folder
    api: str = ""  # REMBG_SKIN_GITHUB_API
    token: str | None = None  # GITHUB_TOKEN
    checks: bool = True  # rembg's own MODEL_CHECKSUM_DISABLED turns them off, whatever its value
    tries: int = 5
    backoff: float = 1.0  # before the second retry; doubled after each
    connect: float = 3.1  # for each address of a host
    silence: float = 14.0  # of a host that has been reached; in one fetch all hosts together may take twice that
    pace: float = 30.0  # over which `slowest` is measured
    slowest: int = 1024  # bytes a second; a slower connection counts as broken
    whole: float = 6 * 3600.0  # for all of a fetch
    turn: float = 30.0  # for another download of the same file that does not grow

    @classmethod
    def read(cls) -> "Settings":
        """Return the settings as they are now; raise SettingError for a value that means nothing."""
        offline = os.environ.get("REMBG_SKIN_OFFLINE", "")
        if (word := offline.strip().lower()) not in (*_ON, *_OFF):
            raise SettingError(
                f'REMBG_SKIN_OFFLINE="{printable(offline)}" is neither on ({", ".join(_ON)}) nor off'
                f" ({', '.join(_OFF[1:])})."
            )
        token = os.environ.get("GITHUB_TOKEN", "").strip()
        if not re.fullmatch(r"[\x21-\x7e]*", token):
            warnings.warn("GITHUB_TOKEN is not a token: GitHub is asked without it.", RuntimeWarning, stacklevel=2)
            token = ""
        return cls(
            offline=word in _ON,
            mirror=os.environ.get("REMBG_SKIN_MIRROR") or None,
            api=(os.environ.get("REMBG_SKIN_GITHUB_API") or "https://api.github.com").rstrip("/"),
            token=token or None,
            checks="MODEL_CHECKSUM_DISABLED" not in os.environ,
        )


class SourceError(Exception):
    """A source cannot give a file; the message is one clause for the user."""


class UnreachableError(SourceError):
    """A host is out of reach, silent or busy: another try at once would end in the same way."""


class RefusedError(SourceError):
    """A host answers, but not to this user."""


class BrokenError(SourceError):
    """A transfer broke: another try may go on from there."""


_MEANINGS: dict[int, tuple[type[SourceError], str]] = {
    **dict.fromkeys(_BUSY, (UnreachableError, "is temporarily unavailable")),
    **dict.fromkeys((401, 403), (RefusedError, "refuses it")),
    **dict.fromkeys((404, 410), (SourceError, "does not have it")),
    407: (SourceError, "is behind a proxy that asks for a login; put it into HTTPS_PROXY"),
}


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
        with suppress(exceptions.InvalidHeader, ValueError, OverflowError):
            return super().get_retry_after(response)
        return None


class Client(requests.Session):
    """Ask the hosts of one fetch, a silent one once; take proxies from the environment, but not from ``~/.netrc``."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.max_redirects = 10
        self._silence = 2 * settings.silence
        self._deadline = time.monotonic() + settings.whole
        self._unreachable: dict[str, UnreachableError] = {}
        retries = _Retries(settings.tries - 1, connect=0, other=0, status_forcelist=_BUSY, raise_on_status=False)
        retries.backoff_factor = retries.backoff_jitter = settings.backoff
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=retries))

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Return the request with the headers to send."""
        self.trust_env = False
        try:
            return super().prepare_request(request)
        finally:
            self.trust_env = True

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Take the token from a request that a redirect leads to another host."""
        before, now = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(before, now):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)

    @contextmanager
    def ask(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """Give the answer to a GET of `url`, after redirects, with a status of 200, 206 or 416; raise SourceError."""
        host = host_of(url)
        if host in self._unreachable:
            raise self._unreachable[host]
        if self._silence <= 0:
            raise UnreachableError(f"{host} was not asked, as other hosts did not answer")
        timeouts = (self.settings.connect, min(self.settings.silence, self._silence))
        start = time.monotonic()
        try:
            with waiting(f"asking {host}"):
                response = self.get(url, headers=headers, stream=True, timeout=timeouts)
        except (requests.RequestException, exceptions.HTTPError, OSError, ValueError) as error:
            fault = in_words(error, url)
            if isinstance(fault, UnreachableError):
                self._unreachable[host] = fault
                # Without a name server each host would cost the system's wait for it.
                unnamed = any(isinstance(one, socket.gaierror) for one in _causes(error))
                self._silence = 0 if unnamed else self._silence - (time.monotonic() - start)
            raise fault from None
        with response:
            judge(response, has_token="Authorization" in headers)
            yield response

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Give the body as it arrives, decompressed; raise BrokenError if the connection breaks or is too slow."""
        since, received = time.monotonic(), 0
        while True:
            try:
                chunk = response.raw.read1(1 << 20, decode_content=True)
            except (exceptions.HTTPError, OSError, ValueError, AttributeError):
                raise BrokenError("the connection broke") from None
            if not chunk:
                return
            yield chunk
            received += len(chunk)
            seconds = time.monotonic() - since
            if time.monotonic() > self._deadline:
                raise SourceError(f"it takes longer than {self.settings.whole / 3600:.0f} hours")
            if seconds > self.settings.pace:
                if received < self.settings.slowest * seconds:
                    raise BrokenError(f"the connection is too slow ({received / seconds:.0f} bytes a second)")
                since, received = time.monotonic(), 0


def judge(response: requests.Response, *, has_token: bool = False) -> None:
    """Raise the error that the status of an answer means; none for 200, 206 and 416."""
    status, host, headers = response.status_code, host_of(response.url), response.headers
    if status in (200, 206, 416):
        return
    used_up = headers.get("X-RateLimit-Remaining") == "0"
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.FORBIDDEN and (used_up or "Retry-After" in headers)
    ):
        wait = _Retries().get_retry_after(response)
        if wait is None and re.fullmatch(r"[0-9]{1,15}", reset := headers.get("X-RateLimit-Reset", "")):
            wait = max(int(reset) - time.time(), 0)
        until = "" if wait is None else f" for {wait / 60:.0f} min"
        hint = "; a GITHUB_TOKEN in the environment raises that limit" if used_up and not has_token else ""
        raise UnreachableError(f"{host} refuses further requests{until} (HTTP {status}, rate limit){hint}")
    kind, words = _MEANINGS.get(status, (SourceError, "refuses it"))
    raise kind(f"{host} {words} (HTTP {status})")


def in_words(error: Exception, url: str) -> SourceError:
    """Return the meaning of a failed request as one of the errors of this module."""
    host = host_of(getattr(getattr(error, "request", None), "url", None) or url)  # a redirect may have led away
    words = printable(re.sub(r"//[^/\s@'\"]*@", "//", str(error)))[:_SHOWN].rstrip(".") or type(error).__name__
    match error:
        case requests.TooManyRedirects():
            fault = SourceError(f"{host} redirects without end")
        case requests.exceptions.SSLError():
            wrong = "is not trusted; behind a proxy that opens TLS, point REQUESTS_CA_BUNDLE to its certificate"
            if codes := _CLOCK.keys() & {getattr(one, "verify_code", None) for one in _causes(error)}:
                now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
                wrong = f"{_CLOCK[codes.pop()]} on {now}: if that is not the time, set this machine's clock"
            fault = SourceError(f"the certificate of {host} {wrong}")
        case requests.exceptions.ProxyError():
            fault = UnreachableError(f"the configured proxy cannot reach {host} ({_reason(error)})")
            if refusal := re.search(r"Tunnel connection failed: (\d{3})", words):
                login = "; put its login into HTTPS_PROXY" if refusal[1] == "407" else ""
                fault = SourceError(f"the configured proxy refuses {host} (HTTP {refusal[1]}){login}")
        case requests.Timeout():
            fault = UnreachableError(f"{host} does not answer")
        case requests.ConnectionError():
            fault = UnreachableError(f"{host} cannot be reached ({_reason(error)})")
        case _:  # such as a URL that is none, or a CA bundle of the environment that does not exist
            if "SOCKS" in words:
                words += '; a SOCKS proxy is written socks5h://HOST:PORT and needs pip install "requests[socks]"'
            elif isinstance(error, requests.exceptions.InvalidProxyURL):
                words += "; look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
            fault = SourceError(f"{redacted(url)} cannot be asked for: {words}")
    return fault


def _reason(error: Exception) -> str:
    causes = list(_causes(error))
    if any(isinstance(one, socket.gaierror) for one in causes):
        return "name not resolved"
    silent = any(isinstance(one, TimeoutError | exceptions.ConnectTimeoutError) for one in causes)
    system = (one.strerror.lower() for one in causes if isinstance(one, OSError) and one.strerror)
    return next(system, "no answer" if silent else "the connection broke")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


def host_of(url: str) -> str:
    """Return the host that a URL names, fit for messages; of a URL without one, the URL itself."""
    with suppress(ValueError):
        url = urlsplit(url).hostname or url
    return redacted(url)[:_SHOWN]


def redacted(url: str) -> str:
    """Return `url` without user, password, query and fragment, fit for messages and receipts."""
    return printable(re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url)[0], count=1))
