"""Pin hashes: download and hash every release asset without a hash, and write what was found into the catalog.

Run it with `python -m tools.pin_hashes`, with a network and a ``GITHUB_TOKEN``. Exit status 1 names those it could not
get.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rembg_skin import catalog
from rembg_skin.catalog import FileSource, Model, ReleaseSource
from rembg_skin.errors import WeightsError
from rembg_skin.weights import sha256_of
from rembg_skin.weights.download import bring, offers
from rembg_skin.weights.http import Client, Settings, SourceError

_FIRST = "PINS: dict[str, tuple[FileSource, ...]] = {"
_LAST = "# End of what `tools/pin_hashes.py` writes."


def unpinned(model: Model) -> list[ReleaseSource]:
    """Return the sources of `model` of which the catalog holds no file with its hash."""
    known = tuple(source.mirror for source in model.sources if isinstance(source, FileSource))
    return [
        source
        for source in model.sources
        if isinstance(source, ReleaseSource)
        and not any(mirror.startswith(f"{source.owner}/{source.repo}/") for mirror in known)
    ]


def pin(source: ReleaseSource, folder: Path, settings: Settings) -> FileSource:
    """Download what `source` offers into `folder`, hash it, and return it as a source with a known hash.

    Raises WeightsError if it is unavailable.
    """
    try:
        with Client(settings) as client:
            asset = offers(source, client)[0]
        file = folder / Path(asset.mirror).name
        with Client(replace(settings, checks=bool(asset.sha256))) as client:
            bring(asset, file, client)
    except SourceError as error:
        raise WeightsError(f"{source.owner}/{source.repo}, {source.pattern}: {error}") from None
    origin = f"computed from the file, {datetime.now(UTC):%Y-%m-%d}"
    return FileSource(asset.url, sha256_of(file), origin, asset.mirror, file.stat().st_size)


def write(target: Path, pins: dict[str, tuple[FileSource, ...]]) -> None:
    """Replace the pins in the text of `target`; raise WeightsError if it does not have the place for them."""
    text = target.read_text(encoding="utf-8")
    before, first, rest = text.partition(_FIRST)
    _, last, after = rest.partition(_LAST)
    if not (first and last):
        raise WeightsError(f"{target} has no block of pins.")
    lines = [f"    {json.dumps(name)}: (\n{''.join(map(_source_text, found))}    ),\n" for name, found in pins.items()]
    text = f"{before}{first}{chr(10) if lines else ''}{''.join(lines)}}}\n{last}{after}"
    compile(text, str(target), "exec")
    draft = target.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(target)


def _source_text(source: FileSource) -> str:
    # JSON strings are Python strings; nothing that a host sends can end one.
    strings = (source.url, source.sha256, source.hash_origin, source.mirror)
    lines = [*(json.dumps(string) for string in strings), f"size={source.size:_}"]
    return f"        FileSource(\n{''.join(f'            {line},{chr(10)}' for line in lines)}        ),\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Pin what has no hash yet and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.pin_hashes", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--catalog", type=Path, default=Path(catalog.__file__), help="the file to write (default: the one in use)"
    )
    target = parser.parse_args(arguments).catalog
    found = dict(catalog.PINS)
    failed = False
    for model in catalog.FILES.values():
        for source in unpinned(model):
            try:
                with TemporaryDirectory() as folder:
                    pinned = pin(source, Path(folder), Settings.read())
            except WeightsError as error:
                failed = True
                print(f"{model.name}: {error}", file=sys.stderr)
                continue
            found[model.name] = (*found.get(model.name, ()), pinned)
            print(f"{model.name}: {pinned.sha256} {pinned.url}")
    write(target, found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
