"""A catalogue source in, an offer out: where exactly a file is, and what it has to be."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rembg_skin.catalog import FileSource, ReleaseSource, Source
from rembg_skin.weights import releases
from rembg_skin.weights.http import SourceError, UncheckedError, without_secrets
from rembg_skin.weights.patience import Patience
from rembg_skin.weights.receipts import Trust
from rembg_skin.weights.settings import Environment


@dataclass(frozen=True)
class Offer:
    """One file to be had: a URL or, from a mirror folder, a path; its hash and size as far as they are known."""

    location: str | Path
    sha256: str | None
    size: int | None  # bytes
    trust: Trust
    hash_origin: str

    @property
    def shown(self) -> str:
        """The location, fit for messages and receipts."""
        return without_secrets(self.location) if isinstance(self.location, str) else str(self.location)


def label(source: Source) -> str:
    """Return a name of `source` for messages."""
    return source.url if isinstance(source, FileSource) else f"the releases of {source.owner}/{source.repo}"


def offer(source: Source, environment: Environment, patience: Patience) -> Offer:
    """Return what `source` offers, asking the release list where the catalogue does not know it.

    Raises
    ------
    SourceError
        If the network is needed but switched off, if the list cannot be had or has no such asset, or if it gives no
        digest of the asset while checks are on (:class:`UncheckedError`).

    """
    if isinstance(source, FileSource):
        location = _location(source.url, source.mirror, environment)
        return Offer(location, source.sha256, source.size, "catalogue", source.hash_origin)
    asset = assets(source, environment, patience)[0]
    if asset.sha256 is None and environment.checks:
        raise UncheckedError(f"{without_secrets(asset.url)} has no digest to check it against, so it is not fetched")
    location = _location(asset.url, f"{source.owner}/{source.repo}/{asset.tag}/{asset.name}", environment)
    return Offer(location, asset.sha256, asset.size, "release", digest_origin(source, asset))


def digest_origin(source: ReleaseSource, asset: releases.Asset) -> str:
    """Return in words where the digest of `asset` is from."""
    return f"digest in the release list of {source.owner}/{source.repo}, {asset.tag}"


def assets(source: ReleaseSource, environment: Environment, patience: Patience) -> list[releases.Asset]:
    """Return the assets that fit `source`, best first; at least one.

    Raises
    ------
    SourceError
        As :func:`offer`.

    """
    if environment.offline:
        raise SourceError("its release list needs the network, and REMBG_SKIN_OFFLINE is set")
    found = releases.matching(source, environment, patience)
    if not found:
        raise SourceError("no release has a matching file")
    return found


def _location(url: str, path: str, environment: Environment) -> str | Path:
    if (folder := environment.mirror_folder) is not None:
        return folder.joinpath(*path.split("/"))
    if environment.offline:
        raise SourceError("REMBG_SKIN_OFFLINE is set")
    return url if environment.mirror is None else f"{environment.mirror.rstrip('/')}/{quote(path)}"
