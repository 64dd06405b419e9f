"""Atomic writes: a file appears complete or not at all.

Light to import, because a session's start reads it, too.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from rembg_skin.errors import DataError, printable

PART = ".part"  # the end of an unfinished file's name

_OF_ONE_PATH = frozenset(
    (
        *(errno.EACCES, errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
        *(errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.EPERM),
    )
)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a draft beside `path`, then move it there; a failure leaves nothing behind.

    The draft's name cannot be guessed and is new, so that nothing is ever written through a link that others planted;
    a link at `path` itself is replaced, not followed.

    Raises
    ------
    DataError
        If the system does not allow it, such as in a full or foreign folder; its cause is the system's error.

    """
    with _draft(path) as draft:
        write(draft)
        draft.replace(path)


def write_new(path: Path, text: str) -> bool:
    """Write a file whole, unless there is one: of several processes that try, one does, and is told so.

    Raises
    ------
    DataError
        As :func:`write_whole`.

    """
    with _draft(path) as draft:
        draft.write_text(text, "utf-8")
        try:
            os.link(draft, path, follow_symlinks=False)
        except FileExistsError:
            return False
        except (OSError, NotImplementedError):  # a disk without links: the last one of several at once wins
            if path.exists():
                return False
            draft.replace(path)
        return True


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a new, empty file beside `path`, which is removed with the block if it is still there."""
    draft = path.with_name(f".{token_hex(8)}{PART}")  # short: `path` may have the longest name possible
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be written: {error.strerror or error}") from error


def is_of_one_path(error: DataError) -> bool:
    """Whether a file could not be written because of its own path: otherwise, as on a full disk, none could."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _OF_ONE_PATH
