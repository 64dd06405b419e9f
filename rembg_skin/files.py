"""Files that are either whole or not there."""

import os
from collections.abc import Callable
from pathlib import Path

from rembg_skin.errors import DataError

PART = ".part"  # what the name of an unfinished file ends with


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then move it there; a failure leaves nothing behind.

    Raises
    ------
    DataError
        If the system does not let it, such as in a full or foreign folder.

    """
    part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}") from error
