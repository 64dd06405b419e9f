"""``rembg-skin download``: fetch and verify weights."""

import argparse

from rembg_skin.catalog import FILES, files_of
from rembg_skin.commands.arguments import models_named
from rembg_skin.commands.console import exit_status, stoppable
from rembg_skin.errors import WeightsError, printable
from rembg_skin.messages import tell
from rembg_skin.weights import fetch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("names", nargs="*", default=[], metavar="NAME", help="a model, as `rembg-skin models` lists it")
    what.add_argument("--all", action="store_true", help="every model that has weights")


def run(arguments: argparse.Namespace) -> int:
    """Fetch what is missing and print the path of each file; return the exit status."""
    done = failed = 0
    with stoppable() as stop:
        for model in FILES.values() if arguments.all else models_named(arguments.names):
            files = files_of(model)
            if not files:
                print(f"{model.name}: needs no download")
                done += 1
            for file in files:
                try:
                    print(f"{file.name}: {printable(fetch(file))}")
                    done += 1
                except WeightsError as error:
                    tell(f"rembg-skin: {error}")
                    failed += 1
    return exit_status(stop, done, failed)
