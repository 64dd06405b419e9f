"""HTTP as a user meets it: hosts are asked with patience, but none that is silent or slow is waited for without end."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Self, TypeVar

import requests
import urllib3

from rembg_skin.messages import waiting
from rembg_skin.weights.faults import PassingError, UnreachableError, in_words, judge
from rembg_skin.weights.outside import host_of
from rembg_skin.weights.wire import Session, Wire, current

CHUNK = 1 << 20  # bytes
_LOOK = 0.25  # seconds; so often a wait looks for Ctrl-C, which a lock of Windows does not hear
T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """How long to keep trying. Tries and waits of a download; times are in seconds."""

    tries: int = 5
    first_wait: float = 1.0  # doubled after each try, with jitter
    longest_wait: float = 60.0  # a host that asks for a longer one gets no further try
    answer: float = 14.0  # from the question to the end of the answer's head: names, connections, redirects, headers
    silence: float = 28.0  # of one fetch, for all hosts that do not answer
    turn: float = 10.0  # for another thread or process that fetches the same file and gets nowhere
    read: float = 30.0  # over which `slowest` is measured
    slowest: int = 1024  # bytes a second; below it a connection counts as broken


# For a caller with another way: it gives up before a user would wonder.
SOON = Retry(tries=2, first_wait=0.5, longest_wait=2.0, answer=1.7, silence=1.7, turn=2.0, read=5.0)


class Client:
    """Asks the hosts of one fetch, in one thread. A host out of reach or silent is asked once, whatever it is for.

    Attributes
    ----------
    retry
        How long to keep trying.
    asked
        Whether any host was asked.

    """

    def __init__(self, retry: Retry) -> None:
        self.retry = retry
        self.asked = False
        self._silence = retry.silence
        self._unreachable: dict[str, UnreachableError] = {}
        self._renew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def _renew(self) -> None:
        self._wire = Wire()
        self._session = Session()

    def persist(self, action: Callable[[], T]) -> T:
        """Return what `action` returns, trying again after a :class:`PassingError` as `retry` says."""
        for attempt in range(1, self.retry.tries):
            try:
                return action()
            except PassingError as fault:
                backoff = self.retry.first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311
                wait = backoff if fault.retry_after is None else fault.retry_after
                if wait > self.retry.longest_wait:
                    raise
                with waiting(f"{fault}: the next try in {wait:.0f} s"):
                    time.sleep(wait)
        return action()

    @contextmanager
    def request(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """Give the answer to a GET of `url`, after redirects, with a status of 200, 206 or 416; its body is not read.

        Raises
        ------
        UnreachableError
            If nothing answers.
        PassingError
            If the connection breaks, or the host says that it is busy.
        SourceError
            If the answer is final: not there, not allowed, redirected without end.

        """
        host = host_of(url)
        if host in self._unreachable:
            raise self._unreachable[host]
        self.asked = True
        try:
            response = self._head(url, headers, host)
        except UnreachableError as error:
            self._unreachable[host] = error
            raise
        with response:
            judge(response)
            yield response

    def _head(self, url: str, headers: dict[str, str], host: str) -> requests.Response:
        # In a thread, as a system that looks for a name, or a host that sends a byte a second, knows no time limit.
        limit = min(self.retry.answer, self._silence)
        if limit <= 0:
            raise UnreachableError(f"{host} was not asked, as other hosts did not answer")
        wire, session = self._wire, self._session
        answers: SimpleQueue[requests.Response | BaseException] = SimpleQueue()
        timeouts = (limit, max(limit, self.retry.read))

        def ask() -> None:
            current.set(wire)
            try:
                answers.put(session.get(url, headers=headers, stream=True, timeout=timeouts))
            except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
                answers.put(error)

        start = time.monotonic()
        threading.Thread(target=ask, name=f"rembg-skin asks {host}", daemon=True).start()
        answer: requests.Response | BaseException | None = None
        try:
            with waiting(f"asking {host}"):
                while answer is None and (left := start + limit - time.monotonic()) > 0:
                    with suppress(Empty):
                        answer = answers.get(timeout=min(left, _LOOK))
        finally:
            if not isinstance(answer, requests.Response):
                wire.cut()
                self._renew()
        if isinstance(answer, requests.Response):
            return answer
        if answer is None:
            self._silence -= limit
            raise UnreachableError(f"{wire.host or host} does not answer", f"waited for {limit:.1f} s")
        fault = in_words(answer, url, host)
        if isinstance(fault, UnreachableError):
            self._silence -= time.monotonic() - start
        raise fault from None

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Give the body as it arrives, decompressed, about :data:`CHUNK` bytes at a time.

        Raises
        ------
        PassingError
            If the connection breaks or is slower than `retry` allows.

        """
        wire = self._wire
        received = 0
        speed: list[float] = []  # filled by the watch, if it is too low
        done = threading.Event()

        def watch() -> None:
            before = 0
            while not done.wait(self.retry.read):
                now = received
                if now - before < self.retry.slowest * self.retry.read:
                    speed.append((now - before) / self.retry.read)
                    wire.cut()
                    return
                before = now

        # Another thread, as bytes that only frame a body hold up a read for as long as they trickle.
        threading.Thread(target=watch, name="rembg-skin watches a download", daemon=True).start()
        try:
            while chunk := _next(response):
                received += len(chunk)
                yield chunk
        except PassingError:
            self._renew()
            if not speed:
                raise
        finally:
            done.set()
        if speed:
            self._renew()
            raise PassingError(f"the connection is too slow ({speed[0]:.0f} bytes a second)")


def _next(response: requests.Response) -> bytes:
    try:
        return response.raw.read1(CHUNK, decode_content=True) or b""
    except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
        raise PassingError("the connection broke") from None
