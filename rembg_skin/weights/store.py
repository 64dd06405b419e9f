"""From a catalogue entry to a verified file: what is on disk is checked, what is not is fetched."""

import contextlib
import hashlib
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import DataError, WeightsError, expected, server_log
from rembg_skin.weights import failures, receipts
from rembg_skin.weights.download import bring
from rembg_skin.weights.faults import PassingError, SourceError, UncheckedError
from rembg_skin.weights.http import SOON, Client, Retry
from rembg_skin.weights.receipts import Receipt, file_name, on_disk, vouched
from rembg_skin.weights.settings import Settings, warn_unchecked_by_choice
from rembg_skin.weights.sources import assets, digest_origin, label, offer
from rembg_skin.weights.turns import turn

_SERVED_FAILURE = 60.0  # seconds for which a server asks no host again for a model


def obtain(model: Model, folders: Sequence[Path], settings: Settings, retry: Retry) -> Path:
    """Return a verified file the slow way: hash what is on disk, or download it into ``folders[0]``.

    Raises
    ------
    WeightsError
        If neither leads to a file that is what it should be.

    """
    if not settings.checks:
        warn_unchecked_by_choice()
    target = folders[0] / file_name(model)
    since = time.time()
    with turn(target, model, retry):
        # Another thread or process may have done all of it while this one waited.
        if path := vouched(model, folders):
            return path
        for path in on_disk(model, folders):
            if not settings.checks or accept(path, model, settings, retry):
                return path
            _set_aside(path, model)
        failure = failures.recalled(target, settings.fingerprint)
        if failure is not None and _is_ours(failure, since, settings, retry):
            raise _unavailable(model, target, failure.told, "Try again later", failure.told)
        return _download(model, target, settings, retry)


def _is_ours(failure: failures.Failure, since: float, settings: Settings, retry: Retry) -> bool:
    """Whether asking again would only repeat what another one did while this one waited, or a server did just now."""
    recent = server_log() is not None and failure.holds(settings.fingerprint, _SERVED_FAILURE)
    return failure.patience >= retry.answer and (failure.when >= since or recent)


def obtain_soon(model: Model, folders: Sequence[Path], settings: Settings, retry: Retry | None = None) -> Path:
    """Do the same for a caller with another way: give up soon, and for an hour ask no host again.

    Raises
    ------
    WeightsError
        As :func:`obtain`; a server's log does not hear of it.

    """
    target = folders[0] / file_name(model)
    with expected():
        failure = failures.recalled(target, settings.fingerprint)
        if failure is not None and not any(on_disk(model, folders)):
            raise _unavailable(model, target, failure.told, "Try again later", failure.told)
        return _lasting(model, folders, settings, retry or SOON)


def obtain_anew(model: Model, folders: Sequence[Path], settings: Settings, retry: Retry | None = None) -> Path:
    """Do the same for a user who asks for it: try again whatever was tried in vain, and check what was not checked.

    Raises
    ------
    WeightsError
        As :func:`obtain`.

    """
    for folder in folders:
        failures.forget(folder / file_name(model))
    return vouched(model, folders) or _lasting(model, folders, settings, retry or Retry())


def _lasting(model: Model, folders: Sequence[Path], settings: Settings, retry: Retry) -> Path:
    """Obtain, and tell other processes of a failure."""
    target = folders[0] / file_name(model)
    since = time.time()
    try:
        return obtain(model, folders, settings, retry)
    except WeightsError:
        failure = failures.noted(target)
        if failure is not None and failure.when >= since:
            failures.stamp(target, failure)
        raise


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def accept(path: Path, model: Model, settings: Settings, retry: Retry) -> Receipt | None:
    """Hash `path` and return its receipt, or None if its bytes are not those of the receipt that it has.

    A file without a receipt is checked like a download. The receipt is written, if the folder allows it.

    Raises
    ------
    WeightsError
        If a file without a receipt has none of the hashes that `model` may have, or cannot be read.

    """
    try:
        sha256 = sha256_of(path)
        known = receipts.read(path)
        if known is not None and known.sha256 != sha256:
            return None
        if known is not None and known.trust != "nothing" and known.suits(model):
            receipt = receipts.make(path, sha256, known.trust, known.hash_origin, known.url)
        else:
            receipt = _identify(path, sha256, model, settings, retry)
    except OSError as error:
        raise WeightsError(
            f"{model.name}: {path} cannot be read ({error.strerror or error}).\nGive this user the right to read it."
        ) from None
    if receipt.trust == "nothing":
        failures.stamp(path, failures.note(path, receipt.hash_origin, settings.fingerprint, SOON.answer))
        receipts.warn_unchecked(path, model, receipt)
    with contextlib.suppress(DataError):  # in a folder that cannot be written the file is hashed at every start
        receipts.write(path, receipt)
    return receipt


def _identify(path: Path, sha256: str, model: Model, settings: Settings, retry: Retry) -> Receipt:
    pins = {source.sha256: source for source in model.sources if isinstance(source, FileSource)}
    if sha256 in pins:
        return receipts.make(path, sha256, "catalogue", pins[sha256].hash_origin, None)
    comparable, doubts = bool(pins), []
    # There is a file: nobody should wait long for a network that is not there.
    with Client(min(SOON, retry, key=lambda one: one.answer)) as client:
        for source in model.sources:
            if isinstance(source, ReleaseSource):
                try:
                    announced = assets(source, settings, client)
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
    return receipts.make(path, sha256, "nothing", "; ".join(dict.fromkeys(doubts)) or "no hash of it is known", None)


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


def _download(model: Model, target: Path, settings: Settings, retry: Retry) -> Path:
    errors: list[tuple[str, SourceError]] = []
    with Client(retry) as client:
        for source in model.sources:
            place = label(source)
            try:
                found = offer(source, settings, client)
                place = found.shown
                bring(found, target, model.name, client, check=settings.checks)
            except SourceError as error:
                errors.append((place, error))
            except (OSError, DataError) as error:
                cause = error.__cause__ if isinstance(error, DataError) else error
                raise WeightsError(
                    f"{model.name}: its weights cannot be written into {target.parent}"
                    f" ({getattr(cause, 'strerror', None) or error}).\n"
                    "Make room or give write permission there, or name another folder with U2NET_HOME."
                ) from None
            else:
                failures.forget(target)
                return target
    reasons = "; ".join(f"{place}: {error}" for place, error in errors) or "No source is known"
    brief = ", ".join(dict.fromkeys(error.brief for _, error in errors)) or "no source is known"
    if any(isinstance(error, UncheckedError) for _, error in errors):
        remedy = "Set MODEL_CHECKSUM_DISABLED=1 to do without the check"
    else:
        remedy = "Unset REMBG_SKIN_OFFLINE" if settings.offline else "Try again later"
    if client.asked and not any(_passes(error, retry) for _, error in errors):
        failures.note(target, brief, settings.fingerprint, retry.answer)
    raise _unavailable(model, target, reasons, remedy, brief)


def _passes(error: SourceError, retry: Retry) -> bool:
    """Whether the fault may be gone with the next session."""
    return isinstance(error, PassingError) and (error.retry_after or 0) <= retry.longest_wait


def _unavailable(model: Model, target: Path, reasons: str, remedy: str, brief: str) -> WeightsError:
    error = WeightsError(
        f"{model.name}: its weights could not be fetched. {reasons}.\n{remedy}, or place the file at {target}."
    )
    error.reason = brief
    return error
