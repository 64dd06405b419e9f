"""End a command at a signal: finished work is kept, and a second signal ends it at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

INTERRUPTED = 128  # added to the signal's number in the exit status, as shells do
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
_before: dict[int, Any] = {}  # what the signals did before the outermost block


@dataclass
class Stop:
    """The exit status after a signal to end; 0 without one."""

    status: int = 0

    def is_set(self) -> bool:
        """Return True after a signal to end."""
        return self.status > 0


def status_of(stopped: KeyboardInterrupt) -> int:
    """Return the exit status after the signal whose number is the argument of `stopped`, by default Ctrl-C."""
    return INTERRUPTED + int(stopped.args[0] if stopped.args else signal.SIGINT)


@contextmanager
def signals_heard(*, noted: bool = False) -> Iterator[Stop]:
    """Raise KeyboardInterrupt with the signal's number at the first signal to end, Ctrl-C among them, or only note it.

    Noted are signals for a block that must complete a file. After the first, all do what they did before the outermost
    block. Signals that the command was started to ignore (``nohup``, a shell's background jobs) stay ignored.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():  # only this one hears signals
        yield stop
        return
    current = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = {number: handler for number, handler in current.items() if handler not in (signal.SIG_IGN, None)}
    outermost = not _before
    if outermost:
        _before.update(heard)

    def hear(number: int, _frame: FrameType | None) -> None:
        for each, handler in _before.items():
            signal.signal(each, handler)
        stop.status = INTERRUPTED + number
        if not noted:
            raise KeyboardInterrupt(number)

    for number in heard:
        signal.signal(number, hear)
    try:
        yield stop
    finally:
        for number, handler in heard.items():
            if signal.getsignal(number) is hear:
                signal.signal(number, handler)
        if outermost:
            _before.clear()
