"""Messages for people: lines on stderr, waits on a terminal, lines in a server's log.

Nothing here fails or writes to stdout, which belongs to results: windowed programs and services have no stderr.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rembg_skin.errors import printable, server_log

_PATIENT = 0.5  # seconds; a shorter wait is not worth a line


def tell(line: str) -> None:
    """Write a line to stderr, if there is one."""
    _write(f"{line}\n")


def on_terminal() -> bool:
    """Return True if stderr is a terminal."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed by now
        return False


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal what the block waits for, from half a second on, and take it away in the end."""
    if not on_terminal():
        yield
        return
    line = f"{printable(what)} ..."
    shown = threading.Event()

    def show() -> None:
        shown.set()
        _write(f"\r{line}")

    timer = threading.Timer(_PATIENT, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if shown.is_set():
            _write(f"\r{' ' * len(line)}\r")


def _write(text: str) -> None:
    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # closed by now
            sys.stderr.write(text)
            sys.stderr.flush()


_logged: set[str] = set()
_logging = threading.Lock()


def log_once(line: str, level: int = logging.INFO) -> None:
    """Write a line into the log of the server that runs in this process, if one does; the same line once."""
    log = server_log()
    if log is None:
        return
    with _logging:
        if line in _logged:
            return
        _logged.add(line)
    log.log(level, "%s", printable(line))
