"""From a catalogue entry to a verified file: what is on disk is checked, what is not is fetched."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError
from rembg_skin.weights import receipts
from rembg_skin.weights.download import bring
from rembg_skin.weights.http import SourceError, UncheckedError
from rembg_skin.weights.identity import accept
from rembg_skin.weights.patience import Patience
from rembg_skin.weights.settings import Environment
from rembg_skin.weights.shelf import file_name, on_disk, vouched
from rembg_skin.weights.sources import label, offer


def obtain(model: Model, folders: Sequence[Path], environment: Environment, patience: Patience) -> Path:
    """Return a verified file the slow way: hash what is on disk, or download it into ``folders[0]``.

    Raises
    ------
    WeightsError
        If neither leads to a file that is what it should be.

    """
    if not environment.checks:
        warnings.warn(
            "MODEL_CHECKSUM_DISABLED is set: weights of skin models are used unchecked.", RuntimeWarning, stacklevel=2
        )
    with _alone(folders[0], model):
        # Another process may have done all of it while this one waited.
        if path := vouched(model, folders):
            return path
        for path in on_disk(model, folders):
            if not environment.checks or accept(path, model, environment, patience):
                return path
            _set_aside(path, model)
        return _download(model, folders[0], environment, patience)


@contextmanager
def _alone(folder: Path, model: Model) -> Iterator[None]:
    lock = FileLock(folder / f"{file_name(model)}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError):
        # Nobody can download into a folder that cannot be written; where only locks are missing, hashes still hold.
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _set_aside(path: Path, model: Model) -> None:
    aside = path.with_name(f"{path.name}.corrupt")
    try:
        path.replace(aside)
        receipts.path_of(path).unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(
            f"{model.name}: {path} no longer has the bytes of its receipt and cannot be moved ({error.strerror}).\n"
            "Remove it, or make its folder writable."
        ) from None
    warnings.warn(
        f"{model.name}: {path} no longer had the bytes of its receipt; it is kept as {aside.name}.",
        RuntimeWarning,
        stacklevel=2,
    )


def _download(model: Model, folder: Path, environment: Environment, patience: Patience) -> Path:
    path = folder / file_name(model)
    errors = []
    for source in model.sources:
        place = label(source)
        try:
            found = offer(source, environment, patience)
            place = found.shown
            bring(found, path, model.name, patience, check=environment.checks)
        except SourceError as error:
            errors.append((place, error))
        except OSError as error:
            raise WeightsError(
                f"{model.name}: its weights cannot be written into {folder} ({error.strerror or error}).\n"
                "Make room or give write permission there, or name another folder with U2NET_HOME."
            ) from None
        else:
            return path
    reasons = "; ".join(f"{place}: {error}" for place, error in errors) or "No source is known"
    if any(isinstance(error, UncheckedError) for _, error in errors):
        remedy = "Set MODEL_CHECKSUM_DISABLED=1 to do without the check"
    else:
        remedy = "Unset REMBG_SKIN_OFFLINE" if environment.offline else "Try again later"
    raise WeightsError(
        f"{model.name}: its weights could not be fetched. {reasons}.\n{remedy}, or place the file at {path}."
    )
