"""From a catalogue entry to a verified file: what is on disk is checked, what is not is fetched."""

import contextlib
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import WeightsError
from rembg_skin.weights import receipts
from rembg_skin.weights.download import bring
from rembg_skin.weights.http import Retry, SourceError, UncheckedError
from rembg_skin.weights.receipts import Receipt, file_name, on_disk, vouched
from rembg_skin.weights.settings import Environment
from rembg_skin.weights.sources import assets, digest_origin, label, offer


def obtain(model: Model, folders: Sequence[Path], environment: Environment, retry: Retry) -> Path:
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
            if not environment.checks or accept(path, model, environment, retry):
                return path
            _set_aside(path, model)
        return _download(model, folders[0], environment, retry)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def accept(path: Path, model: Model, environment: Environment, retry: Retry) -> Receipt | None:
    """Hash `path` and return its receipt, or None where its bytes are not those of the receipt that it has.

    A file without a receipt is checked like a download. The receipt is written, where the folder allows it.

    Raises
    ------
    WeightsError
        If a file without a receipt has none of the hashes that `model` may have.

    """
    sha256 = sha256_of(path)
    known = receipts.read(path)
    if known is not None and known.sha256 != sha256:
        return None
    if known is not None and known.trust != "nothing" and known.suits(model):
        receipt = receipts.make(path, sha256, known.trust, known.hash_origin, known.url)
    else:
        receipt = _identify(path, sha256, model, environment, retry)
    if receipt.trust == "nothing":
        receipts.warn_unchecked(path, model, receipt)
    with contextlib.suppress(OSError):  # in a folder that cannot be written the file is hashed at every start
        receipts.write(path, receipt)
    return receipt


def _identify(path: Path, sha256: str, model: Model, environment: Environment, retry: Retry) -> Receipt:
    pins = {source.sha256: source for source in model.sources if isinstance(source, FileSource)}
    if sha256 in pins:
        return receipts.make(path, sha256, "catalogue", pins[sha256].hash_origin, None)
    comparable, doubts = bool(pins), []
    for source in model.sources:
        if isinstance(source, ReleaseSource):
            try:
                # One try: there is a file, and nobody should wait minutes for a network that is not there.
                announced = assets(source, environment, replace(retry, tries=1))
            except SourceError as error:
                doubts.append(str(error))
                continue
            for asset in announced:
                if asset.sha256 == sha256:
                    return receipts.make(path, sha256, "release", digest_origin(source, asset), None)
            comparable |= any(asset.sha256 for asset in announced)
    if comparable:
        raise WeightsError(
            f"{model.name}: {path} is none of the files known for this model (its sha256 is {sha256[:16]}...).\n"
            "Remove it to have the right one fetched, or set MODEL_CHECKSUM_DISABLED=1 to use it as it is."
        )
    return receipts.make(path, sha256, "nothing", "; ".join(doubts) or "no hash of it is known", None)


@contextlib.contextmanager
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


def _download(model: Model, folder: Path, environment: Environment, retry: Retry) -> Path:
    path = folder / file_name(model)
    errors = []
    for source in model.sources:
        place = label(source)
        try:
            found = offer(source, environment, retry)
            place = found.shown
            bring(found, path, model.name, retry, check=environment.checks)
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
