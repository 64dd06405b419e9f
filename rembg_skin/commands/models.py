"""``rembg-skin models``."""

import argparse
import json
from dataclasses import asdict, fields

from rembg_skin.catalog import MEASURED_ON, FileSource, Measured, Model, files_of
from rembg_skin.commands.console import write_table
from rembg_skin.commands.names import ALL

_SETS = [field.name for field in fields(Measured)]
_HEAD = [
    "name",
    "input",
    "GFLOPs",
    "parameters",
    "download",
    "licence",
    "published",
    *_SETS,
    "on disk",
]
_NOTES = f"""
?: the host tells it when the file is fetched. GFLOPs: multiply-adds in billions at a square input.
published: mIoU on the authors' evaluation data; `--json` names the source and has the training data's.
{", ".join(_SETS)}: {MEASURED_ON}.
The published and the measured figures are of different photographs: compare within a column, not across."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="everything that is known, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the models; return the exit status."""
    models = [model for model in ALL.values() if model.is_session]
    if arguments.json:
        print(json.dumps([describe(model) for model in models], indent=2))
    else:
        write_table([_HEAD, *map(_row, models)])
        print(_NOTES)
    return 0


def describe(model: Model) -> dict[str, object]:
    """Return everything that is known of `model` as plain values."""
    from rembg_skin.weights import on_disk

    paths = {file.name: next(iter(on_disk(file)), None) for file in files_of(model)}
    sizes = [
        path.stat().st_size if path else _size(file) for file, path in zip(files_of(model), paths.values(), strict=True)
    ]
    networks = {file.name: file.cost for file in (model, *files_of(model)) if file.cost}
    return {
        "name": model.name,
        "title": model.title,
        "architecture": model.architecture,
        "input": None if model.network is None else model.network.size,
        "cost": {name: asdict(cost) for name, cost in networks.items()},
        "download_bytes": None if None in sizes else sum(size or 0 for size in sizes),
        "licence": model.licence,
        "published": None if model.published is None else asdict(model.published),
        "measured": None if model.measured is None else {**asdict(model.measured), "where": MEASURED_ON},
        "files": {name: None if path is None else str(path) for name, path in paths.items()},
        "sources": {file.name: [asdict(source) for source in file.sources] for file in files_of(model)},
        "on_disk": all(paths.values()),
    }


def _size(file: Model) -> int | None:
    return next((source.size for source in file.sources if isinstance(source, FileSource)), None)


def _input(model: Model) -> str:
    if model.network is None:
        return "any size"
    side = f"{model.network.size} x {model.network.size}"
    return f"up to {side}" if model.network.automatic else side


def _row(model: Model) -> list[str]:
    facts = describe(model)
    size = facts["download_bytes"]
    published = model.published.miou_eval if model.published else None
    measured = (getattr(model.measured, name, None) for name in _SETS)
    return [
        model.name,
        _input(model),
        *(["-", "-"] if model.cost is None else [f"{model.cost.gflops:.2f}", f"{model.cost.parameters:,}"]),
        "none" if not facts["files"] else f"{size / 1e6:.1f} MB" if isinstance(size, int) else "?",
        model.licence,
        *("-" if figure is None else f"{figure:.3f}" for figure in (published, *measured)),
        "-" if not facts["files"] else "yes" if facts["on_disk"] else "no",
    ]
