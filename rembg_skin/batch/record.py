"""What made the masks of a folder, written into it: a later run neither mixes models nor keeps outdated masks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from rembg_skin.catalog import MODELS
from rembg_skin.errors import DataError, printable
from rembg_skin.files import read_own, replace_text, write_new

NAME = "masks.json"


@dataclass(frozen=True)
class Record:
    """The settings of a run, and the SHA-256 of the weights that are known, by model.

    If `anew` is set, masks that are older than the record were made with other settings and are not kept.
    """

    model: str
    extras: Mapping[str, object]
    weights: Mapping[str, str]
    version: str
    anew: bool = False

    @classmethod
    def of(cls, model: str, extras: Mapping[str, object]) -> "Record":
        """Return the record of a run that starts now; the weights are on disk already."""
        from rembg_skin.weights import files_in_use

        weights = {path.stem: sha256 for path, sha256 in files_in_use(MODELS[model]).items()}
        return cls(model, dict(extras), weights, version("rembg-skin"))

    def differences(self, model: str, extras: Mapping[str, object], weights: Mapping[str, str]) -> str:
        """Return in words what of the settings is another; an empty text if nothing is."""
        if (self.model, self.extras) != (model, dict(extras)):
            return f"{_in_words(self.model, self.extras)}, and this run is {_in_words(model, extras)}"
        changed = [name for name in self.weights.keys() & weights.keys() if self.weights[name] != weights[name]]
        return f"other weights of {' and '.join(sorted(changed))} than those here now" if changed else ""


def _in_words(model: str, extras: Mapping[str, object]) -> str:
    return f"{model} with {json.dumps(extras, sort_keys=True)}" if extras else model


def read(target: Path) -> Record | None:
    """Return the record of the folder `target`, or None if there is none.

    Raises
    ------
    DataError
        If a file of its name is something else.

    """
    path = target / NAME
    try:
        found = json.loads(read_own(path))
        record = Record(**found)
        known = isinstance(record.model, str) and isinstance(record.extras, dict) and isinstance(record.weights, dict)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{printable(path)} cannot be read ({error}); name another folder, or remove it.") from error
    if not known:
        raise DataError(f"{printable(path)} is no record of rembg-skin masks; name another folder, or remove it.")
    return record


def check(target: Path, found: Record, wanted: Record) -> None:
    """Raise DataError, which says what to do, if `target` was begun with other settings than `wanted`."""
    if difference := found.differences(wanted.model, wanted.extras, wanted.weights):
        raise DataError(
            f"The masks in {printable(target)} were made by {difference}. Name another folder, give the same settings,"
            " or have all masks made again with --overwrite."
        )


def begin(target: Path, wanted: Record) -> None:
    """Write the record of a run into `target`, or check that the one there, of whatever process, has its settings.

    Raises
    ------
    DataError
        If it has others, or cannot be written.

    """
    found = read(target)
    if found is None and not write_new(target / NAME, _text(wanted)):
        found = read(target)  # another process was first
    if found is not None:
        check(target, found, wanted)


def begin_anew(target: Path, wanted: Record) -> None:
    """Write the record of a run that keeps no mask that is older than it.

    Raises
    ------
    DataError
        If it cannot be written.

    """
    replace_text(target / NAME, _text(replace(wanted, anew=True)))


def _text(record: Record) -> str:
    return json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"


def oldest_kept(target: Path) -> int:
    """Return the modification time, in nanoseconds, from which on the masks in `target` count as this record's."""
    found = read(target)
    return (target / NAME).stat().st_mtime_ns if found is not None and found.anew else 0
