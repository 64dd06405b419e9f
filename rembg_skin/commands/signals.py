"""End a command at a signal: finished work is kept, and a second signal ends it at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
_INTERRUPTED = 128  # added to the signal's number, as shells do


class Stopped(KeyboardInterrupt):
    """A signal to end the command; the one argument is the signal's number."""

    @property
    def status(self) -> int:
        """The exit status."""
        return _INTERRUPTED + int(self.args[0])


@dataclass
class Stop:
    """The exit status after a signal to end; 0 without one."""

    status: int = 0

    def is_set(self) -> bool:
        """Return True after a signal to end."""
        return self.status > 0


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise :class:`Stopped` in the block at a signal to end, Ctrl-C among them."""

    def end(number: int) -> None:
        raise Stopped(number)

    with _heard(end):
        yield


@contextmanager
def noted_signals() -> Iterator[Stop]:
    """Note a signal to end instead of raising it, for a block that must complete a file."""
    stop = Stop()

    def note(number: int) -> None:
        stop.status = Stopped(number).status

    with _heard(note):
        yield stop


_before: dict[int, Any] = {}  # what the signals did before the outermost block


@contextmanager
def _heard(first: Callable[[int], None]) -> Iterator[None]:
    """Call `first` with the first signal; after that, all do what they did before the outermost block.

    Signals that the command was started to ignore (``nohup``, a shell's background jobs) stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():  # only this one hears signals
        yield
        return
    current = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number in _SIGNALS if current[number] not in (signal.SIG_IGN, None)]
    outermost = not _before
    if outermost:
        _before.update((number, current[number]) for number in heard)

    def hear(number: int, _frame: FrameType | None) -> None:
        for each, handler in _before.items():
            signal.signal(each, handler)
        first(number)

    for number in heard:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in heard:
            if signal.getsignal(number) is hear:
                signal.signal(number, current[number])
        if outermost:
            _before.clear()
