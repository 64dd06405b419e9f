"""Files: written whole or not at all; which names are photographs, and which are a system's own litter.

Light to import: a session's start reads it, too.
"""

import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from rembg_skin.errors import DataError, printable

PART = ".part"  # the end of an unfinished file's name


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a draft beside `path`, then move it there; a failure leaves nothing behind.

    The draft's name cannot be guessed and is new, so that nothing is ever written through a link that others planted;
    a link at `path` itself is replaced, not followed.

    Raises
    ------
    DataError
        If the system does not allow it, such as in a full or foreign folder; its cause is the system's error.

    """
    draft = path.with_name(f".{token_hex(8)}{PART}")  # short: `path` may have the longest name possible
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            write(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be written: {error.strerror or error}") from error
