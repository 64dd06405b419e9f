"""``rembg-skin verify``."""

import argparse

from rembg_skin.catalog import FILES, Model, files_of
from rembg_skin.commands.names import models_named
from rembg_skin.errors import WeightsError
from rembg_skin.messages import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model; without one, every file on disk")


def run(arguments: argparse.Namespace) -> int:
    """Hash the files, print for each whether it is what it should be, and return the exit status."""
    named = dict.fromkeys(file for model in models_named(arguments.names) for file in files_of(model))
    good = True
    try:
        for file in named or FILES.values():
            good &= _verified(file, expected=bool(named))
    except KeyboardInterrupt:
        tell("Stopped.")
        return 130
    return int(not good)


def _verified(file: Model, *, expected: bool) -> bool:
    from rembg_skin.weights.folders import model_folders
    from rembg_skin.weights.http import Retry
    from rembg_skin.weights.receipts import on_disk
    from rembg_skin.weights.settings import Settings
    from rembg_skin.weights.store import accept

    paths = list(on_disk(file, model_folders(file.name)))
    if expected and not paths:
        tell(f"rembg-skin: {file.name}: not on disk; `rembg-skin download {file.name}` fetches it")
    good = bool(paths) or not expected
    for path in paths:
        try:
            receipt = accept(path, file, Settings.read(), Retry())
        except WeightsError as error:
            tell(f"rembg-skin: {error}")
            good = False
            continue
        if receipt is None:
            tell(f"rembg-skin: {file.name}: {path} has changed since it was verified.")
            tell("It is never loaded: the next use, or a download, fetches it anew.")
            good = False
        else:
            state = "could not be checked" if receipt.trust == "nothing" else "verified"
            print(f"{file.name}: {state}, sha256 {receipt.sha256} ({receipt.hash_origin}), {path}")
    return good
