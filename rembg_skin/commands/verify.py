"""``rembg-skin verify``."""

import argparse
import sys

from rembg_skin.catalog import FILES, Model, files_of
from rembg_skin.commands.names import models_named
from rembg_skin.errors import WeightsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model; without one, every file on disk")


def run(arguments: argparse.Namespace) -> int:
    """Hash the files, and print for each whether it is what it should be."""
    named = dict.fromkeys(file for model in models_named(arguments.names) for file in files_of(model))
    good = True
    for file in named or FILES.values():
        good &= _verified(file, expected=bool(named))
    return int(not good)


def _verified(file: Model, *, expected: bool) -> bool:
    from rembg_skin.weights.folders import model_folders
    from rembg_skin.weights.http import Retry
    from rembg_skin.weights.receipts import on_disk
    from rembg_skin.weights.settings import Environment
    from rembg_skin.weights.store import accept

    paths = list(on_disk(file, model_folders(file.name)))
    if expected and not paths:
        print(f"rembg-skin: {file.name}: not on disk; `rembg-skin download {file.name}` fetches it", file=sys.stderr)
    good = bool(paths) or not expected
    for path in paths:
        try:
            receipt = accept(path, file, Environment.read(), Retry())
        except WeightsError as error:
            print(f"rembg-skin: {error}", file=sys.stderr)
            good = False
            continue
        if receipt is None:
            print(f"rembg-skin: {file.name}: {path} has changed since it was verified.", file=sys.stderr)
            print("It is never loaded: the next use, or a download, fetches it anew.", file=sys.stderr)
            good = False
        else:
            state = "could not be checked" if receipt.trust == "nothing" else "verified"
            print(f"{file.name}: {state}, sha256 {receipt.sha256} ({receipt.hash_origin}), {path}")
    return good
