"""Atomic writes: a file appears complete or not at all, and only plain files are ever replaced.

Light to import, because a session's start reads it, too.
"""

import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from stat import S_ISDIR, S_ISLNK, S_ISREG

from rembg_skin.errors import DataError, printable

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows
    flock = None  # type: ignore[assignment]

# The name of a file in the making. Its writer holds a lock on it: one without a lock is of a run that was killed.
_DRAFT, _PART = ".rembg-skin-", ".part"
_DAY = 86_400  # seconds after which a draft is abandoned if the disk has no locks
_MOST_LINKS = 40  # as Linux

_OF_ONE_PATH = {
    *(errno.EACCES, errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.EPERM),
}
_NOT_REPLACED = {errno.EACCES, errno.EBUSY, errno.EPERM, errno.EXDEV}  # such as a mounted file

_drafts: set[Path] = set()  # of this process
_swept: set[Path] = set()  # folders


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill the draft of :func:`atomic`."""
    with atomic(path) as draft:
        write(draft)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a draft to fill, moved to `path` at the end, whose folder is made if need be; a failure leaves nothing.

    Links are followed, except another user's, which are replaced. A device, a pipe and a descriptor such as
    ``/dev/stdout`` are opened and get the draft's bytes, and so does a file that can be written but not replaced, such
    as one that is mounted into a container. Raises DataError, caused by the system's error, if it cannot be written.
    """
    with _naming(path):
        place = _followed(path)
        replaced = _is_replaced(place)
        with _draft(place.parent if replaced else Path(tempfile.gettempdir())) as draft:
            yield draft
            if replaced:
                try:
                    draft.replace(place)
                except OSError as error:
                    if error.errno not in _NOT_REPLACED or not place.is_file():
                        raise
                else:
                    return
            number = _descriptor(place)
            if number is not None and sys.stdout is not None:
                sys.stdout.flush()  # what was printed before comes first
            target = place if number is None else os.dup(number)
            with draft.open("rb") as source, open(target, "wb") as opened:  # noqa: PTH123 - may be a descriptor
                shutil.copyfileobj(source, opened)


def replace_text(path: Path, text: str) -> None:
    """Replace a file of the program's own, or a link there, which is not followed; raises DataError if it cannot."""
    with _naming(path), _draft(path.parent) as draft:
        draft.write_text(text, "utf-8")
        draft.replace(path)


def write_new(path: Path, text: str) -> bool:
    """Create `path` with `text`; return True in exactly one of several processes. Raises DataError if it cannot."""
    with _naming(path), _draft(path.parent) as draft:
        draft.write_text(text, "utf-8")
        try:
            os.link(draft, path, follow_symlinks=False)
        except (OSError, NotImplementedError):
            if os.path.lexists(path):
                return False
            draft.replace(path)  # a disk without links: the last one of several at once wins
        return True


def read_plain(path: Path, most: int = 1 << 20) -> bytes:
    """Return the bytes of a plain file; raise OSError if it is none, cannot be read, or has more than `most` bytes."""
    quick = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, os.O_RDONLY | quick), "rb") as file:  # noqa: PTH123 - a descriptor
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        if len(content := file.read(most + 1)) > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return content


def check_writable(path: Path) -> None:
    """Raise DataError if :func:`write_atomically` could not write `path` now; nothing is made."""
    with _naming(path):
        place = _followed(path)
        if not _is_replaced(place):
            if _descriptor(place) is None and not os.access(place, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        folder = next(parent for parent in place.absolute().parents if parent.exists())
        for part in place.absolute().relative_to(folder).parts:
            with suppress(FileNotFoundError):
                (folder / part).lstat()  # raises if it is too long for a name, or `folder` is a file
        with _draft(folder):
            pass


def replaced(path: Path) -> Path | None:
    """Return the file that :func:`atomic` replaces, None if it writes in place; raise OSError for a folder."""
    place = _followed(path)
    return place if _is_replaced(place) else None


def is_of_one_path(error: DataError) -> bool:
    """Return True if a file could not be written because of its own path; otherwise, as on a full disk, none could."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _OF_ONE_PATH


def remove_drafts() -> None:
    """Remove what this process has half written, before it is ended at once."""
    for draft in list(_drafts):
        with suppress(OSError):
            draft.unlink()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be written: {error.strerror or error}") from error


def _followed(path: Path) -> Path:
    """Return the file that the links of this user and of root lead to: one that another user planted leads anywhere."""
    for _ in range(_MOST_LINKS):
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return path
        own = not hasattr(os, "geteuid") or found.st_uid in (0, os.geteuid())
        if not S_ISLNK(found.st_mode) or not own or _descriptor(path) is not None:
            return path
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _descriptor(path: Path) -> int | None:
    """Return the number of this process's descriptor that `path` names, None for any other path."""
    folder = os.path.realpath(path.parent)
    return int(path.name) if path.name.isdecimal() and folder in (f"/proc/{os.getpid()}/fd", "/dev/fd") else None


def _is_replaced(place: Path) -> bool:
    """Return True if a draft can take the place of what is there, as of nothing; raise OSError for a folder."""
    try:
        mode = place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return True
    if S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    plain = (S_ISREG(mode) or S_ISLNK(mode)) and _descriptor(place) is None
    return plain and os.access(place.parent, os.W_OK)


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """Give a new, empty file in `folder`, which is removed with the block if it is still there."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder not in _swept:
        _swept.add(folder)
        _remove_abandoned(folder)
    draft, descriptor = _new_draft(folder)
    _drafts.add(draft)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)
        _drafts.discard(draft)
        if descriptor is not None:
            os.close(descriptor)


def _new_draft(folder: Path) -> tuple[Path, int | None]:
    """Return a new file, whose name cannot be guessed, and the descriptor that holds its lock."""
    while True:
        draft = folder / f"{_DRAFT}{token_hex(8)}{_PART}"  # short: `path` may have the longest name possible
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if flock is None:
            os.close(descriptor)
            return draft, None
        with suppress(OSError):  # a disk without locks
            flock(descriptor, LOCK_EX)
        if draft.exists():
            return draft, descriptor
        os.close(descriptor)  # taken for an abandoned one before it had its lock


def _remove_abandoned(folder: Path) -> None:
    """Remove the drafts of killed runs in `folder`: those without a lock, or the old ones on a disk without locks."""
    with suppress(OSError), os.scandir(folder) as entries:
        drafts = [Path(entry) for entry in entries if entry.name.startswith(_DRAFT) and entry.name.endswith(_PART)]
        for draft in drafts:
            with suppress(OSError), ExitStack() as stack:
                old = time.time() - draft.lstat().st_mtime > _DAY
                if flock is not None:
                    descriptor = os.open(draft, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
                    stack.callback(os.close, descriptor)  # after the removal: a writer that just made it waits for it
                    try:
                        flock(descriptor, LOCK_EX | LOCK_NB)
                        old = True
                    except BlockingIOError:  # its writer lives
                        old = False
                    except OSError:  # a disk without locks
                        pass
                if old:
                    draft.unlink()
