"""``rembg-skin download``."""

import argparse
import sys

from rembg_skin.catalog import FILES, files_of
from rembg_skin.commands.names import models_named
from rembg_skin.errors import WeightsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("names", nargs="*", default=[], metavar="NAME", help="a model, as `rembg-skin models` lists it")
    what.add_argument("--all", action="store_true", help="every model that has weights")


def run(arguments: argparse.Namespace) -> int:
    """Fetch what is missing, and print where each file is."""
    models = list(FILES.values()) if arguments.all else models_named(arguments.names)

    from rembg_skin.weights import fetch

    failed = False
    for model in models:
        if not files_of(model):
            print(f"{model.name}: needs no download")
        for file in files_of(model):
            try:
                print(f"{file.name}: {fetch(file)}")
            except WeightsError as error:
                failed = True
                print(f"rembg-skin: {error}", file=sys.stderr)
    return int(failed)
