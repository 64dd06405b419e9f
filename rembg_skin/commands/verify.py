"""``rembg-skin verify``: hash the weights on this disk again."""

import argparse
from pathlib import Path

from rembg_skin.catalog import FILES, Model, files_of
from rembg_skin.commands.arguments import models_named
from rembg_skin.commands.console import exit_status, stoppable
from rembg_skin.errors import WeightsError, printable
from rembg_skin.messages import tell
from rembg_skin.weights import on_disk
from rembg_skin.weights.http import Settings
from rembg_skin.weights.store import accept


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model; without one, every file on disk")


def run(arguments: argparse.Namespace) -> int:
    """Hash the files, print for each whether it is what it should be, and return the exit status."""
    named = dict.fromkeys(file for model in models_named(arguments.names) for file in files_of(model))
    good: list[bool] = []
    with stoppable() as stop:
        for file in named or FILES.values():
            paths = on_disk(file)
            good += [_verify(path, file) for path in paths]
            if named and not paths:
                tell(f"rembg-skin: {file.name}: not on disk; `rembg-skin download {file.name}` fetches it")
                good.append(False)
    return exit_status(stop, sum(good), len(good) - sum(good))


def _verify(path: Path, file: Model) -> bool:
    try:
        receipt = accept(path, file, Settings.read())
    except WeightsError as error:
        tell(f"rembg-skin: {error}")
        return False
    if receipt is None:
        tell(f"rembg-skin: {file.name}: {printable(path)} has changed since it was verified.")
        tell("It is never loaded: the next use, or a download, fetches it anew.")
        return False
    state = "could not be checked" if receipt.trust == "nothing" else "verified"
    print(f"{file.name}: {state}, sha256 {receipt.sha256} ({printable(receipt.hash_origin)}), {printable(path)}")
    return True
