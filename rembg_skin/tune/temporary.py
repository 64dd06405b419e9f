"""Where photos and masks lie while the page is open, and nowhere afterwards."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from rembg_skin.errors import DataError

_PREFIX = "rembg-skin-tune-"
_LOCK = "lock"


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder that takes every temporary file of this process, and remove it with all that is in it.

    Folders of earlier processes that were killed are removed, too: the lock in each dies with its process.

    Raises
    ------
    DataError
        If the system has no temporary folder that can be written to.

    """
    before = tempfile.tempdir
    with contextlib.ExitStack() as stack:
        try:
            for old in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
                _remove_if_abandoned(old)
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True))
            lock = FileLock(Path(name) / _LOCK)
            lock.acquire()
        except OSError as error:
            raise DataError(f"No temporary folder can be made for the photos: {error}") from error
        tempfile.tempdir = name
        try:
            yield Path(name)
        finally:
            tempfile.tempdir = before
            lock.release()


def _remove_if_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError, Timeout):
        if folder.is_symlink() or not _own(folder) or not (folder / _LOCK).exists():
            return  # another user's, or one that is being made at this moment
        with FileLock(folder / _LOCK, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)


def _own(folder: Path) -> bool:
    return os.name != "posix" or folder.lstat().st_uid == os.getuid()
