"""Receipts: small files beside weights that record what was verified, so that a start need not hash them again."""

import errno
import json
import os
import re
import stat
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import IO, Literal, cast, get_args

from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import printable
from rembg_skin.weights.folders import on_disk

Trust = Literal["catalogue", "release", "nothing"]

UNCHECKED_KEPT = 3600  # seconds until a file that could not be verified is checked again
_SECOND = 1_000_000_000
_RECORD_BYTES = 64 << 10


@dataclass(frozen=True)
class Receipt:
    """A verified file: its hash, what that was compared with, and what shows that the file is unchanged."""

    sha256: str
    size: int  # bytes
    mtime_ns: int  # of the file, when it was hashed
    trust: Trust  # whose hash it was compared with; "nothing": no hash was available
    hash_origin: str  # the same, in words
    url: str | None  # where the file came from; None: placed by hand
    time: str  # of the check, ISO 8601

    def describes(self, path: Path) -> bool:
        """Return True if size and modification time of `path` are as they were when it was hashed."""
        try:
            status = path.stat()
        except OSError:  # gone by now
            return False
        # Image layers and archives cut times to whole seconds.
        times = (self.mtime_ns, self.mtime_ns - self.mtime_ns % _SECOND)
        return status.st_size == self.size and status.st_mtime_ns in times

    def suits(self, model: Model) -> bool:
        """Return True if `model` may have this hash; a later catalogue may know better than an old receipt."""
        if any(isinstance(source, FileSource) and source.sha256 == self.sha256 for source in model.sources):
            return True
        return self.trust != "catalogue" and any(isinstance(source, ReleaseSource) for source in model.sources)

    def is_due(self) -> bool:
        """Return True if the file could not be verified, and that was an hour ago or more."""
        try:
            age = int(time.time()) - datetime.fromisoformat(self.time).timestamp()
        except (ValueError, OverflowError):
            return True
        return self.trust == "nothing" and not 0 <= age < UNCHECKED_KEPT


def path_of(file: Path) -> Path:
    """Return the path of the receipt of `file`."""
    return file.with_name(f"{file.name}.receipt.json")


def make(file: Path, sha256: str, trust: Trust, hash_origin: str, url: str | None) -> Receipt:
    """Return a receipt for `file` as it is now."""
    status = file.stat()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Receipt(sha256, status.st_size, status.st_mtime_ns, trust, hash_origin, url, now)


def read(file: Path) -> Receipt | None:
    """Return the receipt of `file`, None if there is none that makes sense."""
    found = record(path_of(file)) or {}
    sha256, size, mtime, trust, origin, url, moment = (found.get(name) for name in Receipt.__dataclass_fields__)
    if (
        isinstance(sha256, str)
        and re.fullmatch(r"[0-9a-f]{64}", sha256)
        and type(size) is type(mtime) is int
        and trust in get_args(Trust)
        and isinstance(origin, str)
        and isinstance(url, str | None)
        and isinstance(moment, str)
    ):
        shown = None if url is None else printable(url)
        return Receipt(sha256, size, mtime, cast("Trust", trust), printable(origin), shown, moment)
    return None


def write(file: Path, receipt: Receipt) -> None:
    """Write `receipt` beside `file`, atomically; raise DataError if the folder cannot be written."""
    from rembg_skin.files import replace_text

    text = json.dumps(asdict(receipt), indent=1) + "\n"
    replace_text(path_of(file), text)


def vouched(model: Model, folders: Sequence[Path] | None = None) -> Path | None:
    """Return the first file of `model` on disk if its receipt still holds, None otherwise; the file is not read."""
    path = next(iter(on_disk(model, folders)), None)
    receipt = None if path is None else read(path)
    if path is None or receipt is None or receipt.is_due() or not (receipt.suits(model) and receipt.describes(path)):
        return None
    if receipt.trust == "nothing":
        warn_unchecked(path, model, receipt)
    return path


def warn_unchecked(path: Path, model: Model, receipt: Receipt) -> None:
    """Warn that a file is used although nothing is known of it."""
    reason = f"could not be checked ({receipt.hash_origin})"
    warnings.warn(
        f"{model.name}: {printable(path)} was placed by hand and {reason}; it is used as is.",
        RuntimeWarning,
        stacklevel=2,
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def known_hash(path: Path) -> str:
    """Return the SHA-256 of a file: that of its receipt, or else computed."""
    receipt = read(path)
    return receipt.sha256 if receipt and receipt.describes(path) else sha256_of(path)


def record(path: Path) -> dict[str, object] | None:
    """Return the JSON object in a small file, None for anything else."""
    try:
        with regular_file(path) as file:
            found = json.loads(file.read(_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def regular_file(path: Path) -> IO[bytes]:
    """Open a file to read; raise OSError for anything else, such as a pipe, which would never end."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return open(handle, "rb")  # noqa: PTH123 - a handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it is not a regular file")
