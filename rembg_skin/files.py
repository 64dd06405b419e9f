"""Files that are either whole or not there."""

import os
from collections.abc import Callable
from pathlib import Path

PART = ".part"  # what the name of an unfinished file ends with


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then move it there; a failure leaves nothing behind.

    Raises
    ------
    OSError
        If the folder cannot be written, or what `write` raises.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
