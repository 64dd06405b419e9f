"""Receipts: small files beside weights that record what was verified, so that a start need not hash them again."""

import json
import re
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args

from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import printable
from rembg_skin.files import read_plain, replace_text
from rembg_skin.weights.folders import on_disk

Trust = Literal["catalog", "release", "nothing"]
_TRUSTS = get_args(Trust)

UNCHECKED_KEPT = 3600  # seconds until a file that could not be verified is checked again
_SECOND = 1_000_000_000


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
        """Return True if `model` may have this hash; a later catalog may know better than an old receipt."""
        if any(isinstance(source, FileSource) and source.sha256 == self.sha256 for source in model.sources):
            return True
        return self.trust != "catalog" and any(isinstance(source, ReleaseSource) for source in model.sources)

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
    found = record(path_of(file))
    if found.keys() != Receipt.__dataclass_fields__.keys():
        return None
    shown: dict[str, Any] = {
        name: printable(value) if isinstance(value, str) else value for name, value in found.items()
    }
    receipt = Receipt(**shown)
    kinds = [type(value) for value in astuple(receipt)]
    good = kinds in ([str, int, int, str, str, kind, str] for kind in (str, NoneType))
    return receipt if good and re.fullmatch(r"[0-9a-f]{64}", receipt.sha256) and receipt.trust in _TRUSTS else None


def record(path: Path) -> dict[str, Any]:
    """Return the JSON object in a small file, an empty one for anything else."""
    try:
        found = json.loads(read_plain(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write(file: Path, receipt: Receipt) -> None:
    """Write `receipt` beside `file`, atomically; raise DataError if the folder cannot be written."""
    replace_text(path_of(file), json.dumps(asdict(receipt), indent=1) + "\n")


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
    warnings.warn(
        f"{model.name}: {printable(path)} was placed by hand and could not be checked ({receipt.hash_origin}); it is"
        " used as is.",
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
