"""Claims on photographs among processes, also of several machines, that fill one folder: each is masked once.

A claim is a lock on one byte of a file that all of them see, far behind its end. The system frees it however its owner
ends, so that nothing is left behind.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

# A process keeps the file open: closing it anywhere would free all its locks.
_open: dict[Path, int] = {}


@contextmanager
def claimed(file: Path, name: str) -> Iterator[bool]:
    """Claim `name` for the block; False if another process holds it now.

    Where the system or the disk has no such locks the claim is always given.
    """
    descriptor = _descriptor(file)
    place = int.from_bytes(blake2b(os.fsencode(name), digest_size=7).digest()) >> 1
    if descriptor is None:
        yield True
        return
    given = _lock(descriptor, place)
    try:
        yield given
    finally:
        if given:
            _unlock(descriptor, place)


def _descriptor(file: Path) -> int | None:
    if file not in _open:
        try:
            _open[file] = os.open(file, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except OSError:  # a folder in which others may write, but not this user
            return None
    return _open[file]


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, place: int) -> bool:
        os.lseek(descriptor, _near(place), os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int, place: int) -> None:
        os.lseek(descriptor, _near(place), os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    def _near(place: int) -> int:
        return (1 << 20) + place % (1 << 30)  # msvcrt has 31 bits

else:
    import fcntl

    def _lock(descriptor: int, place: int) -> bool:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, (1 << 20) + place)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:  # no locks on this disk
            return True
        return True

    def _unlock(descriptor: int, place: int) -> None:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, (1 << 20) + place)
        except OSError:
            return
