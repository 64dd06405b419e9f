"""Record in a folder which settings made its masks, so that no later run mixes models or keeps outdated masks."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from rembg_skin.catalog import MODELS
from rembg_skin.errors import DataError, printable
from rembg_skin.files import read_plain, replace_text, write_new

NAME = "masks.json"
_TICK = 20_000_000  # nanoseconds that a file's time may be behind the clock


class Epoch(NamedTuple):
    """The start of a folder's record, in nanoseconds: older masks are made again if it was begun `anew`, or kept."""

    start: int = 0
    anew: bool = False


ALWAYS = Epoch()


@dataclass(frozen=True)
class Record:
    """The settings of a run, and the SHA-256 of the weights that are known, by model.

    If `anew` is set, masks that are older than the record were made with other settings and are not kept; otherwise
    those from before `begun` (nanoseconds) are not of rembg-skin and are never replaced.
    """

    model: str
    extras: Mapping[str, object]
    weights: Mapping[str, str]
    version: str
    anew: bool = False
    labels: bool = False
    begun: int = 0

    @classmethod
    def of(cls, model: str, extras: Mapping[str, object], *, labels: bool = False) -> "Record":
        """Return the record of a run that starts now; the weights are on disk already."""
        from rembg_skin.weights import files_in_use, sha256_of

        if model in MODELS:
            files = files_in_use(MODELS[model])
        else:  # one of rembg's own, maybe with a network of the user's
            own = Path(str(extras.get("model_path", "")))
            files = {own: sha256_of(own)} if own.is_file() else {}
        weights = {path.stem: sha256 for path, sha256 in files.items()}
        return cls(model, dict(extras), weights, version("rembg-skin"), labels=labels, begun=time.time_ns() - _TICK)

    def differences(self, other: "Record") -> str:
        """Describe how the settings of `other` differ; empty if they do not."""
        if self.settings() != other.settings():
            return f"{self.settings()}, and this run is {other.settings()}"
        common = self.weights.keys() & other.weights.keys()
        changed = sorted(name for name in common if self.weights[name] != other.weights[name])
        return f"other weights of {' and '.join(changed)} than those here now" if changed else ""

    def settings(self) -> str:
        """Return model, extras and kind of the masks in one line."""
        extras = f" with {json.dumps(self.extras, sort_keys=True)}" if self.extras else ""
        return f"{self.model}{extras}{' as labels' if self.labels else ''}"


def read(target: Path) -> Record | None:
    """Return the record of the folder `target`, or None if there is none.

    Raises DataError if a file of its name is something else.
    """
    path = target / NAME
    try:
        found = json.loads(read_plain(path))
        record = Record(**found)
        kinds = ((record.model, str), (record.extras, dict), (record.weights, dict), (record.begun, int))
        known = all(isinstance(value, kind) for value, kind in kinds)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{printable(path)} cannot be read ({error}); name another folder, or remove it.") from error
    if not known:
        raise DataError(f"{printable(path)} is no record of rembg-skin masks; name another folder, or remove it.")
    return record


def check(target: Path, found: Record, wanted: Record) -> None:
    """Raise DataError with a remedy if `target` was begun with other settings than `wanted`."""
    if difference := found.differences(wanted):
        raise DataError(
            f"The masks in {printable(target)} were made by {difference}. Name another folder, give the same settings,"
            " or have all masks made again with --overwrite."
        )


def begin(target: Path, wanted: Record) -> None:
    """Write the record of a run into `target`, or check that the one there, of whatever process, has its settings.

    Raises DataError if it has others, or cannot be written.
    """
    found = read(target)
    if found is None and not write_new(target / NAME, _text(wanted)):
        found = read(target)  # another process was first
    if found is not None:
        check(target, found, wanted)


def begin_anew(target: Path, wanted: Record) -> None:
    """Write the record of a run that keeps no mask that is older than it; raises DataError if it cannot."""
    replace_text(target / NAME, _text(replace(wanted, anew=True)))


def _text(record: Record) -> str:
    return json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"


def epoch(target: Path) -> Epoch:
    """Return when the record of the folder `target` was begun; now if there is none."""
    found = read(target)
    if found is None:
        return Epoch(time.time_ns())
    return Epoch((target / NAME).stat().st_mtime_ns, anew=True) if found.anew else Epoch(found.begun)
