"""Weights on this disk: where they lie, and receipts beside them of what was verified, so that starts need not hash."""

import atexit
import json
import os
import re
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import file_digest
from importlib import resources
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from rembg_skin.catalog import FileSource, Model
from rembg_skin.errors import WeightsError, printable
from rembg_skin.files import read_plain, replace_text

Trust = Literal["catalog", "release", "nothing"]
_UNCHECKED_KEPT = timedelta(hours=1)  # until a file that could not be verified is checked again
_unpacked = ExitStack()  # files from a zip archive, for this process
atexit.register(_unpacked.close)


def model_folders(name: str) -> tuple[Path, ...]:
    """Return rembg's folders for the files of `name`, the first for downloads; raise ImportError without rembg."""
    named: Any = type("Named", (_base_session(),), {"name": classmethod(lambda *_: name)})
    if hasattr(named, "model_dir"):
        return Path(named.model_dir()), Path(named.legacy_home())
    return (Path(named.u2net_home()),)


def _base_session() -> Any:
    # `import rembg` takes seconds, and a minute or more the first time on a machine (numba compiles). The command needs
    # its folders only, and the one file of rembg that has them needs nothing else of it.
    rembg = find_spec("rembg")
    if "rembg" not in sys.modules and rembg is not None and rembg.origin is not None:
        base: Any = ModuleType("rembg_base")
        with suppress(ImportError, OSError):  # another rembg, whose file does not stand alone
            SourceFileLoader(base.__name__, str(Path(rembg.origin).parent / "sessions" / "base.py")).exec_module(base)
            return base.BaseSession
    from rembg.sessions.base import BaseSession

    return BaseSession


def file_name(model: Model) -> str:
    """Return the name under which the weights of `model` lie in a folder."""
    return f"{model.name}{model.suffix}"


def on_disk(model: Model, folders: Sequence[Path] | None = None) -> list[Path]:
    """Return the files of `model` in `folders`, by default rembg's, in their order."""
    searched = model_folders(model.name) if folders is None else folders
    # Not Path.is_file, which raises for a folder that may not be read.
    return [path for folder in searched if os.path.isfile(path := folder / file_name(model))]  # noqa: PTH113


@cache
def packaged_file(model: Model) -> Path:
    """Return the path of weights that ship inside this package; raise WeightsError if this installation lacks them."""
    file = resources.files("rembg_skin") / "data" / file_name(model)
    if not file.is_file():
        raise WeightsError(
            f"{model.name}: {printable(file)} is missing. Reinstall rembg-skin; a packed application needs the"
            " package's data, which PyInstaller adds by itself if the program imports rembg_skin."
        )
    return _unpacked.enter_context(resources.as_file(file))


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
        with suppress(OSError):  # gone by now
            status = path.stat()
            # Image layers and archives cut times to whole seconds.
            times = (self.mtime_ns, self.mtime_ns // 10**9 * 10**9)
            return status.st_size == self.size and status.st_mtime_ns in times
        return False

    def suits(self, model: Model) -> bool:
        """Return True if `model` may have this hash; a later catalog may know better than an old receipt."""
        hashes = [source.sha256 for source in model.sources if isinstance(source, FileSource)]
        return self.sha256 in hashes or (self.trust != "catalog" and len(hashes) < len(model.sources))

    def is_due(self) -> bool:
        """Return True if the file could not be verified, and that was an hour ago or more."""
        now = datetime.now(UTC)  # compared as text, so that no text is an error
        return self.trust == "nothing" and not (now - _UNCHECKED_KEPT).isoformat() < self.time <= now.isoformat()

    def warn_if_unchecked(self, path: Path, model: Model) -> None:
        """Warn if `path` is used although it could not be verified."""
        if self.trust == "nothing":
            warnings.warn(
                f"{model.name}: {printable(path)} was placed by hand and could not be checked"
                f" ({printable(self.hash_origin)}); it is used as is.",
                RuntimeWarning,
                stacklevel=2,
            )


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
    try:
        receipt = Receipt(**record(path_of(file)))
    except TypeError:  # not the fields of a receipt
        return None
    match receipt:
        case Receipt(str(sha256), int(), int(), trust, str(), None | str(), str()):
            return receipt if trust in get_args(Trust) and re.fullmatch(r"[0-9a-f]{64}", sha256) else None
    return None


def record(path: Path) -> dict[str, Any]:
    """Return the JSON object in a small file, an empty one for anything else."""
    with suppress(OSError, ValueError, RecursionError):
        if isinstance(found := json.loads(read_plain(path)), dict):
            return found
    return {}


def write(file: Path, receipt: Receipt) -> None:
    """Write `receipt` beside `file`, atomically; raise DataError if the folder cannot be written."""
    replace_text(path_of(file), json.dumps(asdict(receipt), indent=1) + "\n")


def vouched(model: Model, folders: Sequence[Path]) -> Path | None:
    """Return the first file of `model` on disk if its receipt still holds, None otherwise; the file is not read."""
    for path in on_disk(model, folders)[:1]:
        receipt = read(path)
        if receipt and not receipt.is_due() and receipt.suits(model) and receipt.describes(path):
            receipt.warn_if_unchecked(path, model)
            return path
    return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
