"""``rembg-skin models``."""

import argparse
import json
from dataclasses import asdict

from rembg_skin.catalog import FileSource, Model, files_of
from rembg_skin.commands.names import ALL

_HEAD = ("NAME", "INPUT", "DOWNLOAD", "LICENCE", "mIoU TRAIN", "EVAL", "ON DISK")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="everything that is known, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the models."""
    models = [describe(model) for model in ALL.values() if model.is_session]
    if arguments.json:
        print(json.dumps(models, indent=2))
        return 0
    rows = [_HEAD, *(_row(model) for model in models)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(
        "\n?: told by the host when it is fetched. Accuracy: published, each on its authors' data; `--json` says where."
    )
    return 0


def describe(model: Model) -> dict[str, object]:
    """Return what is known of `model`, with plain values alone."""
    from rembg_skin.weights.folders import model_folders
    from rembg_skin.weights.receipts import on_disk

    paths = {file.name: next(on_disk(file, model_folders(file.name)), None) for file in files_of(model)}
    sizes = [
        path.stat().st_size if path else _size(file) for file, path in zip(files_of(model), paths.values(), strict=True)
    ]
    return {
        "name": model.name,
        "title": model.title,
        "architecture": model.architecture,
        "input": None if model.network is None else model.network.size,
        "download_bytes": None if None in sizes else sum(size or 0 for size in sizes),
        "licence": model.licence,
        "published": None if model.published is None else asdict(model.published),
        "files": {name: None if path is None else str(path) for name, path in paths.items()},
        "sources": {file.name: [asdict(source) for source in file.sources] for file in files_of(model)},
        "on_disk": all(paths.values()),
    }


def _size(file: Model) -> int | None:
    return next((source.size for source in file.sources if isinstance(source, FileSource)), None)


def _row(model: dict[str, object]) -> tuple[str, ...]:
    published = model["published"] or {}
    assert isinstance(published, dict)  # noqa: S101 - for the type checker
    size, side = model["download_bytes"], model["input"]
    return (
        str(model["name"]),
        "any size" if side is None else f"{side} x {side}",
        "none" if not model["files"] else f"{size / 1e6:.1f} MB" if isinstance(size, int) else "?",
        str(model["licence"]),
        *("-" if published.get(key) is None else f"{published[key]:.3f}" for key in ("miou_train", "miou_eval")),
        "-" if not model["files"] else "yes" if model["on_disk"] else "no",
    )
