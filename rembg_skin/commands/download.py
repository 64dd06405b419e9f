"""``rembg-skin download``."""

import argparse

from rembg_skin.catalog import FILES, MODELS, Model, files_of
from rembg_skin.commands.names import models_named
from rembg_skin.errors import WeightsError
from rembg_skin.messages import tell
from rembg_skin.weights import fetch_anew
from rembg_skin.weights.settings import chain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("names", nargs="*", default=[], metavar="NAME", help="a model, as `rembg-skin models` lists it")
    what.add_argument("--all", action="store_true", help="every model that has weights")


def run(arguments: argparse.Namespace) -> int:
    """Fetch what is missing, also what was tried in vain before; print where each file is; return the exit status."""
    models = list(FILES.values()) if arguments.all else models_named(arguments.names)
    good = True
    try:
        for model in models:
            good &= _first_of(model) if model.chain else _fetched(model)
    except KeyboardInterrupt:
        tell("Stopped; what has arrived is kept for the next time.")
        return 130
    return int(not good)


def _fetched(model: Model) -> bool:
    if not files_of(model):
        print(f"{model.name}: needs no download")
    good = True
    for file in files_of(model):
        try:
            print(f"{file.name}: {fetch_anew(file)}")
        except WeightsError as error:
            good = False
            tell(f"rembg-skin: {error}")
    return good


def _first_of(model: Model) -> bool:
    """Fetch the first model of the chain; without it, start the model's session, which says what it uses instead."""
    first = MODELS[chain()[0]]
    try:
        for file in files_of(first):
            print(f"{file.name}: {fetch_anew(file)}")
    except WeightsError:
        from rembg_skin.sessions.auto import AutoSession

        AutoSession(model.name, None)
    else:
        if not files_of(first):
            print(f"{first.name}: needs no download")
    return True
