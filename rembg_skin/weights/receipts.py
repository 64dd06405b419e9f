"""Where the files of a model lie, and their receipts: what was verified, so that a start need not hash it again."""

import json
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args

from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import printable
from rembg_skin.weights.outside import record

Trust = Literal["catalogue", "release", "nothing"]

_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Receipt:
    """What is known of a file: its hash, what that hash was checked against, and how to see that it is unchanged."""

    sha256: str
    size: int  # bytes
    mtime_ns: int  # of the file, when it was hashed
    trust: Trust  # whose hash it was checked against; "nothing": no hash was available
    hash_origin: str  # the same, in words
    url: str | None  # where the file came from; None: placed by hand
    time: str  # of the check, ISO 8601

    def describes(self, status: os.stat_result) -> bool:
        """Whether size and modification time are as they were when the file was hashed."""
        if status.st_size != self.size:
            return False
        # Image layers and archives cut times to whole seconds.
        cut = status.st_mtime_ns % _SECOND == 0 and status.st_mtime_ns == self.mtime_ns - self.mtime_ns % _SECOND
        return cut or status.st_mtime_ns == self.mtime_ns

    def suits(self, model: Model) -> bool:
        """Whether the hash is one that `model` may have; a later catalogue may know better than an old receipt."""
        if any(isinstance(source, FileSource) and source.sha256 == self.sha256 for source in model.sources):
            return True
        return self.trust != "catalogue" and any(isinstance(source, ReleaseSource) for source in model.sources)


def path_of(file: Path) -> Path:
    """Return where the receipt of `file` is."""
    return file.with_name(f"{file.name}.receipt.json")


def make(file: Path, sha256: str, trust: Trust, hash_origin: str, url: str | None) -> Receipt:
    """Return a receipt for `file` as it is now."""
    status = file.stat()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Receipt(sha256, status.st_size, status.st_mtime_ns, trust, hash_origin, url, now)


def read(file: Path) -> Receipt | None:
    """Return the receipt of `file`, or None if there is none that makes sense."""
    found = record(path_of(file))
    if found is None:
        return None
    sha256, size, mtime, trust, origin, url, time = (found.get(name) for name in Receipt.__dataclass_fields__)
    if (
        isinstance(sha256, str)
        and re.fullmatch(r"[0-9a-f]{64}", sha256)
        and type(size) is type(mtime) is int
        and trust in get_args(Trust)
        and isinstance(origin, str)
        and isinstance(url, str | None)
        and isinstance(time, str)
    ):
        shown = None if url is None else printable(url)
        return Receipt(sha256, size, mtime, cast("Trust", trust), printable(origin), shown, printable(time))
    return None


def write(file: Path, receipt: Receipt) -> None:
    """Put `receipt` beside `file`, whole or not at all.

    Raises
    ------
    DataError
        If the folder cannot be written.

    """
    from rembg_skin.files import write_whole

    text = json.dumps(asdict(receipt), indent=1) + "\n"
    write_whole(path_of(file), lambda draft: draft.write_text(text, encoding="utf-8"))


def file_name(model: Model) -> str:
    """Return the name under which the weights of `model` lie in a folder."""
    return f"{model.name}{model.suffix}"


def on_disk(model: Model, folders: Sequence[Path]) -> Iterator[Path]:
    """Give the files of `model` that there are, in the order of the folders."""
    # Not Path.is_file, which raises for a folder that may not be read.
    return (path for folder in folders if os.path.isfile(path := folder / file_name(model)))  # noqa: PTH113


def vouched(model: Model, folders: Sequence[Path]) -> Path | None:
    """Return the first file of `model` if its receipt still holds, None otherwise; no byte of it is read.

    A file that could not be checked is vouched for only as long as asking again would be in vain.
    """
    path = next(on_disk(model, folders), None)
    receipt = None if path is None else read(path)
    try:
        if path is None or receipt is None or not (receipt.suits(model) and receipt.describes(path.stat())):
            return None
    except OSError:  # gone by now
        return None
    if receipt.trust == "nothing":
        from rembg_skin.weights import failures
        from rembg_skin.weights.settings import Settings

        if failures.recalled(path, Settings.read().fingerprint) is None:
            return None
        warn_unchecked(path, model, receipt)
    return path


def warn_unchecked(path: Path, model: Model, receipt: Receipt) -> None:
    """Say that a file is used of which nothing is known."""
    warnings.warn(
        f"{model.name}: {path} was placed by hand and could not be checked ({receipt.hash_origin}); it is used as is.",
        RuntimeWarning,
        stacklevel=2,
    )
