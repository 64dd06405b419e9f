"""A catalog entry in, a verified file out: what is on disk is verified, what is not is downloaded."""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from rembg_skin.catalog import Model
from rembg_skin.errors import DataError, WeightsError, printable, server_log
from rembg_skin.messages import waiting
from rembg_skin.weights import receipts
from rembg_skin.weights.download import bring, part_of
from rembg_skin.weights.folders import file_name, on_disk
from rembg_skin.weights.http import Client, SourceError
from rembg_skin.weights.receipts import Receipt, sha256_of, vouched
from rembg_skin.weights.settings import Limits, Settings
from rembg_skin.weights.sources import label, offers

_LOOK = 0.25  # seconds between two looks at whether another download grows
_SERVED = 2.0  # seconds; a server's threads are for other requests, too


def obtain(model: Model, folders: Sequence[Path], settings: Settings, limits: Limits) -> Path:
    """Return a verified file: hash what is on disk, or download it into ``folders[0]``; raise WeightsError."""
    if not settings.checks:
        warnings.warn(
            "MODEL_CHECKSUM_DISABLED is set, to whatever value: weights of skin models are used unchecked. Unset it to"
            " have them checked.",
            RuntimeWarning,
            stacklevel=2,
        )
    target = folders[0] / file_name(model)
    with _turn(target, model, limits):
        # Another thread or process may have done all of it while this one waited.
        if path := vouched(model, folders):
            return path
        try:
            for path in on_disk(model, folders):
                if not settings.checks or accept(path, model, settings, limits):
                    return path
                _set_aside(path, model)
            _download(model, target, settings, limits)
        except (OSError, DataError) as error:
            cause = error.__cause__ if isinstance(error, DataError) else error
            raise WeightsError(
                f"{model.name}: its weights cannot be written into {printable(target.parent)}"
                f" ({getattr(cause, 'strerror', None) or error}).\n"
                "Make room or give write permission there, or name another folder with U2NET_HOME."
            ) from None
        return target


def accept(path: Path, model: Model, settings: Settings, limits: Limits) -> Receipt | None:
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
            receipt = _identified(path, sha256, model, settings, limits)
    except OSError as error:
        raise WeightsError(
            f"{model.name}: {printable(path)} cannot be read ({error.strerror or error}).\n"
            "Give this user the right to read it."
        ) from None
    if receipt.trust == "nothing":
        receipts.warn_unchecked(path, model, receipt)
    with suppress(DataError):  # in a folder that cannot be written the file is hashed at every start
        receipts.write(path, receipt)
    return receipt


def _identified(path: Path, sha256: str, model: Model, settings: Settings, limits: Limits) -> Receipt:
    comparable, doubts = False, []
    # There is a file: do not wait long for a network that does not answer.
    with Client(replace(limits, tries=1, silence=min(limits.silence, limits.connect))) as client:
        for source in model.sources:
            try:
                offered = offers(source, settings, client)
            except SourceError as error:
                doubts.append(str(error))
                continue
            for offer in offered:
                if offer.sha256 == sha256:
                    return receipts.make(path, sha256, offer.trust, offer.hash_origin, None)
            comparable |= any(offer.sha256 for offer in offered)
    if comparable:
        raise WeightsError(
            f"{model.name}: {printable(path)} is none of the files known for this model (sha256 {sha256[:16]}...).\n"
            "Remove it to have the right one downloaded, or set MODEL_CHECKSUM_DISABLED=1 to use it as it is."
        )
    return receipts.make(path, sha256, "nothing", "; ".join(dict.fromkeys(doubts)) or "no hash of it is known", None)


def _set_aside(path: Path, model: Model) -> None:
    aside = path.with_name(f"{path.name}.corrupt")
    path.replace(aside)
    receipts.path_of(path).unlink(missing_ok=True)
    warnings.warn(
        f"{model.name}: {printable(path)} no longer had the bytes of its receipt; it is kept as {aside.name}.",
        RuntimeWarning,
        stacklevel=2,
    )


def _download(model: Model, target: Path, settings: Settings, limits: Limits) -> None:
    reasons = []
    with Client(limits) as client:
        for source in model.sources:
            try:
                return bring(offers(source, settings, client)[0], target, model.name, settings, client)
            except SourceError as error:
                reasons.append(f"{label(source)}: {error}")
    remedy = "Unset REMBG_SKIN_OFFLINE" if settings.offline else "Try again later"
    raise WeightsError(
        f"{model.name}: its weights could not be downloaded. {'; '.join(reasons) or 'No source is known'}.\n"
        f"{remedy}, or place the file at {printable(target)}."
    )


@contextmanager
def _turn(target: Path, model: Model, limits: Limits) -> Iterator[None]:
    """Let one thread of one process at a time into the block; others wait as long as its download grows.

    Raises WeightsError if it does not grow, or in a server, whose threads never wait long.
    """
    path = target.with_name(f"{target.name}.lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():  # it would be followed
            path.unlink()
    except OSError:  # a folder that cannot be written needs no lock
        yield
        return
    served = server_log() is not None
    lock, since, size = FileLock(path), time.monotonic(), -1
    with waiting(f"{model.name} is downloaded by another process"):
        while not lock.is_locked:
            try:
                lock.acquire(timeout=_LOOK)
            except (OSError, NotImplementedError) as error:
                if not isinstance(error, Timeout):
                    break  # no locks here: hashes hold
                before, size = size, _size(part_of(target))
                if size != before and not served:
                    since = time.monotonic()
                if time.monotonic() - since > (_SERVED if served else limits.turn):
                    raise WeightsError(
                        f"{model.name}: its weights are being downloaded by another process.\nTry again later."
                    ) from None
    try:
        yield
    finally:
        lock.release()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
