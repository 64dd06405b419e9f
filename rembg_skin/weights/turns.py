"""One thread of one process at a time fetches a file; the others wait, but not for one that gets nowhere."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError, server_log
from rembg_skin.messages import waiting
from rembg_skin.weights.download import part_of
from rembg_skin.weights.http import Retry

_LOOK = 0.25  # seconds between two looks at whether another fetch gets anywhere
_SERVED = 2.0  # seconds; a server's threads are for other requests, too

_turns: "WeakValueDictionary[Path, threading.Lock]" = WeakValueDictionary()
_guard = threading.Lock()


@contextlib.contextmanager
def turn(target: Path, model: Model, retry: Retry) -> Iterator[None]:
    """Let one thread of one process at a time into the block.

    Others wait as long as that one gets on with a download, but not long if nothing moves; in a server never long.

    Raises
    ------
    WeightsError
        If it is another one's turn for too long.

    """
    with _guard:
        mine = _turns.setdefault(target, threading.Lock())
    patience = _Patience(target, retry)
    with waiting(f"{model.name} is fetched by another process"):
        while not mine.acquire(timeout=_LOOK):
            patience.check(model)
        try:
            lock = _lock_file(target)
            while lock is not None:
                try:
                    lock.acquire(timeout=_LOOK)
                    break
                except Timeout:
                    patience.check(model)
                except (OSError, NotImplementedError):
                    # Nobody can download into a folder that cannot be written; if only locks are missing, hashes hold.
                    lock = None
        except BaseException:
            mine.release()
            raise
    try:
        yield
    finally:
        if lock is not None:
            lock.release()
        mine.release()


def _lock_file(target: Path) -> FileLock | None:
    path = target.with_name(f"{target.name}.lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():  # it would be followed
            path.unlink()
    except OSError:
        return None
    return FileLock(path)


class _Patience:
    """How long to wait for another one's fetch."""

    def __init__(self, target: Path, retry: Retry) -> None:
        self._part = part_of(target)
        self._served = server_log() is not None
        self._limit = min(retry.turn, _SERVED) if self._served else retry.turn
        self._since, self._size = time.monotonic(), self._arrived()

    def _arrived(self) -> int:
        try:
            return self._part.stat().st_size
        except OSError:
            return -1

    def check(self, model: Model) -> None:
        """Raise WeightsError if nothing has moved for too long."""
        size = self._arrived()
        if size != self._size and not self._served:
            self._since, self._size = time.monotonic(), size
        if time.monotonic() - self._since > self._limit:
            error = WeightsError(
                f"{model.name}: its weights are being fetched by another thread or process.\nTry again later."
            )
            error.reason = "it is being fetched by another process"
            raise error
