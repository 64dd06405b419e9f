"""``rembg-skin pin``."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rembg_skin import catalog
from rembg_skin.errors import WeightsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--catalog", type=Path, default=Path(catalog.__file__), help="the file to write (default: the one in use)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Download and hash every release asset without a hash, and write what was found into the catalogue."""
    from rembg_skin.weights import pins
    from rembg_skin.weights.http import Retry
    from rembg_skin.weights.settings import Environment

    found = dict(catalog.PINS)
    failed = False
    for model in catalog.FILES.values():
        for source in pins.unpinned(model):
            try:
                with TemporaryDirectory() as folder:
                    pinned = pins.pin(source, Path(folder), Environment.read(), Retry())
            except WeightsError as error:
                failed = True
                print(f"rembg-skin: {model.name}: {error}", file=sys.stderr)
                continue
            found[model.name] = (*found.get(model.name, ()), pinned)
            print(f"{model.name}: {pinned.sha256} {pinned.url}")
    pins.write(arguments.catalog, found)
    return int(failed)
