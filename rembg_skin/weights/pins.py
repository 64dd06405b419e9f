"""Hashes for the catalogue: release assets are downloaded and hashed, and what was found becomes source text."""

import json
from datetime import UTC, datetime
from pathlib import Path

from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import WeightsError
from rembg_skin.weights.download import bring
from rembg_skin.weights.http import Retry, SourceError
from rembg_skin.weights.settings import Environment
from rembg_skin.weights.sources import Offer, assets
from rembg_skin.weights.store import sha256_of

_FIRST = "PINS: dict[str, tuple[FileSource, ...]] = {"
_LAST = "# End of what `rembg-skin pin` writes."


def unpinned(model: Model) -> list[ReleaseSource]:
    """Return the sources of `model` of which the catalogue holds no file with its hash."""
    known = tuple(source.mirror for source in model.sources if isinstance(source, FileSource))
    return [
        source
        for source in model.sources
        if isinstance(source, ReleaseSource)
        and not any(mirror.startswith(f"{source.owner}/{source.repo}/") for mirror in known)
    ]


def pin(source: ReleaseSource, folder: Path, environment: Environment, retry: Retry) -> FileSource:
    """Download what `source` offers into `folder`, hash it, and return it as a source with a known hash.

    Raises
    ------
    WeightsError
        If it cannot be had.

    """
    try:
        asset = assets(source, environment, retry)[0]
        file = folder / "asset"
        found = Offer(asset.url, asset.sha256, asset.size, "release", "")
        bring(found, file, asset.name, retry, check=asset.sha256 is not None)
    except SourceError as error:
        raise WeightsError(f"{source.owner}/{source.repo}, {source.pattern}: {error}") from None
    origin = f"computed from the file, {datetime.now(UTC):%Y-%m-%d}"
    mirror = f"{source.owner}/{source.repo}/{asset.tag}/{asset.name}"
    return FileSource(asset.url, sha256_of(file), origin, mirror, file.stat().st_size)


def write(catalog: Path, pins: dict[str, tuple[FileSource, ...]]) -> None:
    """Replace the pins in the text of `catalog`.

    Raises
    ------
    WeightsError
        If the file does not have the place for them.

    """
    text = catalog.read_text(encoding="utf-8")
    before, first, rest = text.partition(_FIRST)
    _, last, after = rest.partition(_LAST)
    if not (first and last):
        raise WeightsError(f"{catalog} has no block of pins.")
    lines = [f"    {json.dumps(name)}: (\n{''.join(map(_source_text, found))}    ),\n" for name, found in pins.items()]
    text = f"{before}{first}{chr(10) if lines else ''}{''.join(lines)}}}\n{last}{after}"
    compile(text, str(catalog), "exec")
    draft = catalog.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(catalog)


def _source_text(source: FileSource) -> str:
    # JSON strings are Python strings; nothing that a host sends can end one.
    strings = (source.url, source.sha256, source.hash_origin, source.mirror)
    lines = [*(json.dumps(string) for string in strings), f"size={source.size:_}"]
    return f"        FileSource(\n{''.join(f'            {line},{chr(10)}' for line in lines)}        ),\n"
