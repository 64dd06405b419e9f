"""The record of a folder of masks: the settings that made them, and claims on the photos that runs work on.

No later run mixes models or keeps outdated masks, and each photo is masked once, however many machines fill the folder.
A claim is a lock on one byte of the record, far behind its end: the system frees it however its owner ends.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from rembg_skin.catalog import MODELS
from rembg_skin.errors import DataError, printable
from rembg_skin.files import read_plain, replace_text, write_new

NAME = "masks.json"
_TICK = 20_000_000  # nanoseconds that a file's time may be behind the clock
_BEHIND = 1 << 20  # bytes: the first place of a claim

# A process keeps the file open: closing it anywhere would free all its locks.
_open: dict[Path, int] = {}


class Epoch(NamedTuple):
    """The start of a folder's record, in nanoseconds: older masks are made again if it was begun `anew`, or kept."""

    start: int = 0
    anew: bool = False


ALWAYS = Epoch()


@dataclass(frozen=True)
class Record:
    """The settings of a run, and the SHA-256 of the weights that are known, by model.

    If `anew` is set, masks that are older than the record were made with other settings and are not kept; otherwise
    those from before `begun` (nanoseconds) are not of rembg-skin and are never replaced.
    """

    model: str
    extras: Mapping[str, object]
    weights: Mapping[str, str]
    version: str
    anew: bool = False
    labels: bool = False
    begun: int = 0

    @classmethod
    def of(cls, model: str, extras: Mapping[str, object], *, labels: bool = False) -> "Record":
        """Return the record of a run that starts now; the weights are on disk already."""
        from rembg_skin.weights import files_in_use, sha256_of

        if model in MODELS:
            files = files_in_use(MODELS[model])
        else:  # one of rembg's own, maybe with a network of the user's
            own = Path(str(extras.get("model_path", "")))
            files = {own: sha256_of(own)} if own.is_file() else {}
        weights = {path.stem: sha256 for path, sha256 in files.items()}
        return cls(model, dict(extras), weights, version("rembg-skin"), labels=labels, begun=time.time_ns() - _TICK)

    def settings(self) -> str:
        """Return model, extras and kind of the masks in one line."""
        extras = f" with {json.dumps(self.extras, sort_keys=True)}" if self.extras else ""
        return f"{self.model}{extras}{' as labels' if self.labels else ''}"

    def text(self) -> str:
        """Return the contents of the record's file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read(target: Path) -> Record | None:
    """Return the record of the folder `target`, None if there is none; raise DataError if its file is no record."""
    path = target / NAME
    try:
        record = Record(**json.loads(read_plain(path)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{printable(path)} cannot be read ({error}); name another folder, or remove it.") from error
    kinds = {"model": str, "extras": dict, "weights": dict, "begun": int}
    if not all(isinstance(getattr(record, name), kind) for name, kind in kinds.items()):
        raise DataError(f"{printable(path)} is no record of rembg-skin masks; name another folder, or remove it.")
    return record


def check(target: Path, found: Record, wanted: Record) -> None:
    """Raise DataError with a remedy if `target` was begun with other settings, or other weights, than `wanted`."""
    difference = ""
    if found.settings() != wanted.settings():
        difference = f"{found.settings()}, and this run is {wanted.settings()}"
    elif changed := sorted(name for name, known in found.weights.items() if wanted.weights.get(name, known) != known):
        difference = f"other weights of {' and '.join(changed)} than those here now"
    if difference:
        raise DataError(
            f"The masks in {printable(target)} were made by {difference}. Name another folder, give the same settings,"
            " or have all masks made again with --overwrite."
        )


def begin(target: Path, wanted: Record) -> None:
    """Write the record of a run into `target`, or check that the one there, of whatever process, has its settings.

    Raises DataError if it has others, or cannot be written.
    """
    found = read(target)
    if found is None and not write_new(target / NAME, wanted.text()):
        found = read(target)  # another process was first
    if found is not None:
        check(target, found, wanted)


def begin_anew(target: Path, wanted: Record) -> None:
    """Write the record of a run that keeps no mask that is older than it; raises DataError if it cannot."""
    replace_text(target / NAME, replace(wanted, anew=True).text())


def epoch(target: Path) -> Epoch:
    """Return when the record of the folder `target` was begun; now if there is none."""
    found = read(target)
    if found is None:
        return Epoch(time.time_ns())
    return Epoch((target / NAME).stat().st_mtime_ns, anew=True) if found.anew else Epoch(found.begun)


@contextmanager
def claimed(record: Path, name: str) -> Iterator[bool]:
    """Claim `name` for the block; False if another process holds it now.

    The claim is always given if the record may not be opened, and where the system or the disk has no such locks.
    """
    if record not in _open:
        with suppress(OSError):  # a folder in which others may write, but not this user
            _open[record] = os.open(record, os.O_RDWR | getattr(os, "O_BINARY", 0))
    place = int.from_bytes(blake2b(os.fsencode(name), digest_size=7).digest()) >> 1
    given, descriptor = True, _open.get(record)
    try:
        if descriptor is not None:
            _lock(descriptor, _CLAIM, place)
    except OSError as error:  # of another kind if the disk has no locks
        given, descriptor = not isinstance(error, BlockingIOError | PermissionError), None
    try:
        yield given
    finally:
        if descriptor is not None:
            with suppress(OSError):
                _lock(descriptor, _FREE, place)


if sys.platform == "win32":
    import msvcrt

    _CLAIM, _FREE = msvcrt.LK_NBLCK, msvcrt.LK_UNLCK

    def _lock(descriptor: int, how: int, place: int) -> None:
        os.lseek(descriptor, _BEHIND + place % (1 << 30), os.SEEK_SET)  # it has 31 bits
        msvcrt.locking(descriptor, how, 1)

else:
    import fcntl

    _CLAIM, _FREE = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN

    def _lock(descriptor: int, how: int, place: int) -> None:
        fcntl.lockf(descriptor, how, 1, _BEHIND + place)
