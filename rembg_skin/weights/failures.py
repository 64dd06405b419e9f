"""What was asked of hosts in vain: for an hour, neither this process nor the next one asks again.

The stamp lies beside the place of the file. One that is unreadable, from the future or written by others is harmless:
at worst the network is left alone for an hour.
"""

import contextlib
import json
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rembg_skin.errors import DataError, printable
from rembg_skin.files import write_whole
from rembg_skin.weights.outside import moment, record

KEPT = 3600.0  # seconds
_REASON = 300  # characters


@dataclass(frozen=True)
class Failure:
    """Why no source gave a file, in one clause, when, and under which settings."""

    reason: str
    when: float  # seconds since the epoch
    settings: str  # their fingerprint
    patience: float  # seconds for which a host was waited for

    def holds(self, settings: str, seconds: float = KEPT) -> bool:
        """Whether it happened in the last `seconds` under the same settings."""
        return self.settings == settings and 0 <= time.time() - self.when < seconds

    @property
    def told(self) -> str:
        """The reason, and how long ago that was."""
        minutes = (time.time() - self.when) / 60
        return f"{self.reason}, tried {minutes:.0f} min ago" if minutes >= 1 else self.reason


_failures: dict[Path, Failure] = {}
_guard = threading.Lock()


def stamp_of(file: Path) -> Path:
    """Return where the stamp of `file` is."""
    return file.with_name(f"{file.name}.tried.json")


def note(file: Path, reason: str, settings: str, patience: float) -> Failure:
    """Remember in this process that `file` could not be fetched."""
    failure = Failure(printable(reason)[:_REASON], time.time(), settings, patience)
    with _guard:
        _failures[file] = failure
    return failure


def stamp(file: Path, failure: Failure) -> None:
    """Tell other processes, too, if the folder can be written."""
    when = datetime.fromtimestamp(failure.when, UTC).isoformat(timespec="milliseconds")
    text = json.dumps({"file": file.name, **asdict(failure), "when": when}, indent=1) + "\n"
    with contextlib.suppress(DataError):
        write_whole(stamp_of(file), lambda draft: draft.write_text(text, encoding="utf-8"))


def noted(file: Path) -> Failure | None:
    """Return the last failure of this process."""
    with _guard:
        return _failures.get(file)


def recalled(file: Path, settings: str) -> Failure | None:
    """Return a failure of this or another process that still holds under these settings."""
    for failure in (noted(file), _stamped(file)):
        if failure is not None and failure.holds(settings):
            return failure
    return None


def forget(file: Path) -> None:
    """Ask again at the next opportunity."""
    with _guard:
        _failures.pop(file, None)
    with contextlib.suppress(OSError):
        stamp_of(file).unlink()


def _stamped(file: Path) -> Failure | None:
    found = record(stamp_of(file)) or {}
    reason, settings, patience = (found.get(name) for name in ("reason", "settings", "patience"))
    when = moment(found.get("when"))
    if not (isinstance(reason, str) and isinstance(settings, str) and isinstance(patience, int | float)):
        return None
    return None if when is None else Failure(printable(reason)[:_REASON], when, settings, patience)
