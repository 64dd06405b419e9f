"""``rembg-skin models``."""

import argparse
import json
import textwrap
from dataclasses import asdict, fields

from rembg_skin.catalog import MEASURED_ON, FileSource, Measured, Model, files_of, resolved
from rembg_skin.commands.arguments import ALL
from rembg_skin.commands.console import write_table
from rembg_skin.weights import on_disk

_WIDTH = 100
_SETS = [field.name for field in fields(Measured)]
_HEAD = ["name", "side", "download", "license", "published", *_SETS]
_NOTES = f"""
*: never tried here, its weights were not at hand. side: of the input, in pixels; + looks twice, - at any size.
?: the host tells it when the file is fetched. published: mIoU on the authors' evaluation data.
{", ".join(_SETS)}: {MEASURED_ON}.
Compare within a column, not across: the photographs differ. `--json` has parameters, cost and sources, too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="everything that is known, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the models; return the exit status."""
    models = [model for model in ALL.values() if model.is_session]
    if arguments.json:
        print(json.dumps([describe(model) | {"extras": _extras(model)} for model in models], indent=2))
    else:
        write_table([_HEAD, *map(_row, models)])
        print("\n".join(textwrap.fill(line, _WIDTH) for line in _NOTES.splitlines()))
    return 0


def describe(model: Model) -> dict[str, object]:
    """Return everything that is known of `model` as plain values."""
    paths = {file: next(iter(on_disk(file)), None) for file in files_of(model)}
    stated = {file: source.size for file in paths for source in file.sources if isinstance(source, FileSource)}
    sizes = [path.stat().st_size if path else stated.get(file) for file, path in paths.items()]
    networks = {file.name: file.cost for file in (model, *paths) if file.cost}
    return {
        "name": model.name,
        "title": model.title,
        "architecture": model.architecture,
        "input": None if model.network is None else model.network.size,
        "cost": {name: asdict(cost) for name, cost in networks.items()},
        "download_bytes": None if None in sizes else sum(size or 0 for size in sizes),
        "license": model.license,
        "published": None if model.published is None else asdict(model.published),
        "measured": None if model.measured is None else {**asdict(model.measured), "where": MEASURED_ON},
        "files": {file.name: None if path is None else str(path) for file, path in paths.items()},
        "sources": {file.name: [asdict(source) for source in file.sources] for file in paths},
        "on_disk": all(paths.values()),
    }


def _extras(model: Model) -> dict[str, object]:
    from rembg_skin.sessions import session_classes

    options = session_classes()[resolved(model.name)].options
    return {name: {"values": option.allowed, "default": option.default} for name, option in options.items()}


def _row(model: Model) -> list[str]:
    published = model.published.miou_eval if model.published else None
    measured = (getattr(model.measured, name, None) for name in _SETS)
    figures = ("-" if figure is None else f"{figure:.3f}" for figure in (published, *measured))
    facts = describe(model)
    size = f"{facts['download_bytes'] / 1e6:.1f} MB" if isinstance(facts["download_bytes"], int) else "?"
    download = "none" if not facts["files"] else "on disk" if facts["on_disk"] else size
    untried = model.measured is None and any(file.network for file in files_of(model))
    side = f"{model.network.size}{'+' * model.network.automatic}" if model.network else "-"
    return [f"{model.name}{'*' * untried}", side, download, model.license, *figures]
