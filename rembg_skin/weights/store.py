"""A catalog entry in, a verified file out: what is on disk is verified, what is not is downloaded."""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from rembg_skin.catalog import FileSource, Model
from rembg_skin.errors import DataError, WeightsError, printable, server_log
from rembg_skin.messages import waiting
from rembg_skin.weights import receipts
from rembg_skin.weights.download import bring, offers, part_of
from rembg_skin.weights.http import Client, Settings, SourceError
from rembg_skin.weights.receipts import Receipt, Trust, file_name, on_disk, sha256_of, vouched

_LOOK = 0.25  # seconds between two looks at whether another download grows
_SERVED = 2.0  # seconds; a server's threads are for other requests, too


def obtain(model: Model, folders: Sequence[Path], settings: Settings) -> Path:
    """Return a verified file: hash what is on disk, or download it into ``folders[0]``; raise WeightsError."""
    if not settings.checks:
        _warn(
            "MODEL_CHECKSUM_DISABLED is set, to whatever value: weights of skin models are used unchecked. Unset it to"
            " have them checked."
        )
    target = folders[0] / file_name(model)
    with _turn(target, model, settings):
        # Another thread or process may have done all of it while this one waited.
        if path := vouched(model, folders):
            return path
        try:
            for path in on_disk(model, folders):
                if not settings.checks or accept(path, model, settings):
                    return path
                aside = path.replace(path.with_name(f"{path.name}.corrupt"))
                receipts.path_of(path).unlink(missing_ok=True)
                kept = f"no longer had the bytes of its receipt; it is kept as {aside.name}."
                _warn(f"{model.name}: {printable(path)} {kept}")
            _download(model, target, settings)
        except (OSError, DataError) as error:
            raise WeightsError(
                f"{model.name}: its weights cannot be written into {printable(target.parent)}"
                f" ({getattr(error.__cause__ or error, 'strerror', None) or error}).\n"
                "Make room or give write permission there, or name another folder with U2NET_HOME."
            ) from None
        return target


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=3)


def accept(path: Path, model: Model, settings: Settings) -> Receipt | None:
    """Hash `path` and return its receipt, or None if its bytes are not those of the receipt that it has.

    A file without one is checked like a download. Raises WeightsError if it is another file or cannot be read.
    """
    try:
        sha256, known = sha256_of(path), receipts.read(path)
        if known and known.sha256 != sha256:
            return None
        if known and known.trust != "nothing" and known.suits(model):
            receipt = receipts.make(path, sha256, known.trust, known.hash_origin, known.url)
        else:
            receipt = receipts.make(path, sha256, *_identified(path, sha256, model, settings), None)
    except OSError as error:
        raise WeightsError(
            f"{model.name}: {printable(path)} cannot be read ({error.strerror or error}).\n"
            "Give this user the right to read it."
        ) from None
    receipt.warn_if_unchecked(path, model)
    with suppress(DataError):  # in a folder that cannot be written the file is hashed at every start
        receipts.write(path, receipt)
    return receipt


def _identified(path: Path, sha256: str, model: Model, settings: Settings) -> tuple[Trust, str]:
    """Return whose hash the file has, and that in words; raise WeightsError if it is another file."""
    comparable, doubts = False, []
    # There is a file: do not wait long for a network that does not answer.
    with Client(replace(settings, tries=1, silence=min(settings.silence, settings.connect))) as client:
        for source in model.sources:
            try:
                found = {offer.sha256: offer for offer in offers(source, client)}
            except SourceError as error:
                doubts.append(str(error))
                continue
            if sha256 in found:
                return found[sha256].trust, found[sha256].hash_origin
            comparable |= any(found)
    if comparable:
        raise WeightsError(
            f"{model.name}: {printable(path)} is none of the files known for this model (sha256 {sha256[:16]}...).\n"
            "Remove it to have the right one downloaded, or set MODEL_CHECKSUM_DISABLED=1 to use it as it is."
        )
    return "nothing", "; ".join(dict.fromkeys(doubts)) or "no hash of it is known"


def _download(model: Model, target: Path, settings: Settings) -> None:
    reasons = []
    with Client(settings) as client:
        for source in model.sources:
            try:
                return bring(offers(source, client)[0], target, client)
            except SourceError as error:
                name = source.url if isinstance(source, FileSource) else f"the releases of {source.owner}/{source.repo}"
                reasons.append(f"{name}: {error}")
    remedy = "Unset REMBG_SKIN_OFFLINE" if settings.offline else "Try again later"
    raise WeightsError(
        f"{model.name}: its weights could not be downloaded. {'; '.join(reasons) or 'No source is known'}.\n"
        f"{remedy}, or place the file at {printable(target)}."
    )


@contextmanager
def _turn(target: Path, model: Model, settings: Settings) -> Iterator[None]:
    """Let one thread of one process at a time into the block; raise WeightsError if its download does not grow."""
    path = target.with_name(f"{target.name}.lock")
    lock, since, size = FileLock(path), time.monotonic(), -1
    served = server_log() is not None
    # Without locks, or in a folder that cannot be written, hashes hold.
    with waiting(f"{model.name} is downloaded by another process"), suppress(OSError, NotImplementedError):
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():  # it would be followed
            path.unlink()
        while not lock.is_locked:
            try:
                lock.acquire(timeout=_LOOK)
            except Timeout:
                before = size
                with suppress(OSError):
                    size = part_of(target).stat().st_size
                if size != before and not served:
                    since = time.monotonic()
                if time.monotonic() - since > (_SERVED if served else settings.turn):
                    raise WeightsError(
                        f"{model.name}: its weights are being downloaded by another process.\nTry again later."
                    ) from None
    try:
        yield
    finally:
        lock.release()
