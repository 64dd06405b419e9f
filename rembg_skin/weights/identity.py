"""Whether a file on disk is what its receipt, the catalogue or a release list says."""

import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path

from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import WeightsError
from rembg_skin.weights import receipts
from rembg_skin.weights.http import SourceError
from rembg_skin.weights.patience import Patience
from rembg_skin.weights.receipts import Receipt
from rembg_skin.weights.settings import Environment
from rembg_skin.weights.sources import assets, digest_origin


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def accept(path: Path, model: Model, environment: Environment, patience: Patience) -> Receipt | None:
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
        receipt = _identify(path, sha256, model, environment, patience)
    if receipt.trust == "nothing":
        receipts.warn_unchecked(path, model, receipt)
    with contextlib.suppress(OSError):  # in a folder that cannot be written the file is hashed at every start
        receipts.write(path, receipt)
    return receipt


def _identify(path: Path, sha256: str, model: Model, environment: Environment, patience: Patience) -> Receipt:
    pins = {source.sha256: source for source in model.sources if isinstance(source, FileSource)}
    if sha256 in pins:
        return receipts.make(path, sha256, "catalogue", pins[sha256].hash_origin, None)
    comparable, doubts = bool(pins), []
    for source in model.sources:
        if isinstance(source, ReleaseSource):
            try:
                # One try: there is a file, and nobody should wait minutes for a network that is not there.
                announced = assets(source, environment, replace(patience, tries=1))
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
