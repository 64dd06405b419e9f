"""``rembg-skin verify``: hash the weights on this disk again."""

import argparse

from rembg_skin.catalog import FILES, Model, files_of
from rembg_skin.commands.arguments import models_named
from rembg_skin.commands.console import exit_status, stoppable
from rembg_skin.errors import WeightsError, printable
from rembg_skin.messages import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model; without one, every file on disk")


def run(arguments: argparse.Namespace) -> int:
    """Hash the files, print for each whether it is what it should be, and return the exit status."""
    named = dict.fromkeys(file for model in models_named(arguments.names) for file in files_of(model))
    good: list[bool] = []
    with stoppable() as stop:
        for file in named or FILES.values():
            good += _verified(file, expected=bool(named))
    return exit_status(stop, sum(good), len(good) - sum(good))


def _verified(file: Model, *, expected: bool) -> list[bool]:
    """Return for each copy of a file on disk whether it is good; an expected one that is missing is not."""
    from rembg_skin.weights import on_disk
    from rembg_skin.weights.http import Settings
    from rembg_skin.weights.store import accept

    paths = on_disk(file)
    if expected and not paths:
        tell(f"rembg-skin: {file.name}: not on disk; `rembg-skin download {file.name}` fetches it")
        return [False]
    good = []
    for path in paths:
        try:
            receipt = accept(path, file, Settings.read())
        except WeightsError as error:
            tell(f"rembg-skin: {error}")
        else:
            if receipt is not None:
                state = "could not be checked" if receipt.trust == "nothing" else "verified"
                origin = f"sha256 {receipt.sha256} ({printable(receipt.hash_origin)})"
                print(f"{file.name}: {state}, {origin}, {printable(path)}")
                good.append(True)
                continue
            tell(f"rembg-skin: {file.name}: {printable(path)} has changed since it was verified.")
            tell("It is never loaded: the next use, or a download, fetches it anew.")
        good.append(False)
    return good
