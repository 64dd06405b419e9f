"""The types of the commands' arguments: each turns the typed text into a value, or raises an error with the reason."""

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rembg_skin.catalog import FILES, MODELS, Model
from rembg_skin.errors import SkinError, did_you_mean, printable

ALL = {**MODELS, **FILES}  # by name

_KEY = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*")
_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_SEPARATOR = re.compile(r"\s*,\s*|\s*$")
_JSON = json.JSONDecoder()


@dataclass(frozen=True)
class ModelChoice:
    """A model by its name, and the extras that its session gets; as a text it is what selects it: `NAME:KEY=VALUE`."""

    name: str
    extras: Mapping[str, object] = field(default_factory=dict)

    def files(self) -> list[str]:
        """Return the extras that may be a file's name, such as a network of the user's own."""
        return [value for value in self.extras.values() if isinstance(value, str)]

    def __str__(self) -> str:
        extras = ",".join(f"{key}={json.dumps(value)}" for key, value in self.extras.items())
        return f"{self.name}:{extras}" if extras else self.name


def model_choice(text: str) -> ModelChoice:
    """Return the model and extras of ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``; values are JSON, or a bare word."""
    name, colon, rest = text.partition(":")
    if not name.strip() or (colon and not rest.strip()):
        raise argparse.ArgumentTypeError(f'"{text}" is not NAME or NAME:KEY=VALUE, such as tiny_skin:size=1024')
    extras: dict[str, object] = {}
    place = 0
    while place < len(rest):
        if not (key := _KEY.match(rest, place)):
            raise argparse.ArgumentTypeError(f'"{text}": KEY=VALUE is expected at "{rest[place:]}"')
        if key[1] in extras:
            raise argparse.ArgumentTypeError(f'"{text}" gives {key[1]} twice')
        try:
            extras[key[1]], end = _JSON.raw_decode(rest, key.end())
        except (ValueError, RecursionError):
            if not (word := _WORD.match(rest, key.end())):
                raise argparse.ArgumentTypeError(f'"{text}": "{rest[key.end() :]}" is not JSON') from None
            extras[key[1]], end = word[0], word.end()
        if not (separator := _SEPARATOR.match(rest, end)):
            raise argparse.ArgumentTypeError(f'"{text}": a comma is expected at "{rest[end:]}"')
        place = separator.end()
        if place == len(rest) and "," in separator[0]:
            raise argparse.ArgumentTypeError(f'"{text}" ends in a comma')
    return ModelChoice(name.strip(), extras)


def add_models(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare ``--model`` for any number of models, required if no text describes the `default`."""
    text = f"any models that rembg knows, with extras: tiny_skin:size=1024{f' (default: {default})' if default else ''}"
    parser.add_argument("-m", "--model", type=model_choice, nargs="+", metavar="NAME", required=not default, help=text)


def add_model(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare ``--model`` for one model, and its ``--extras``."""
    text = f"any model that rembg knows, with extras: tiny_skin:size=1024 (default: {default})"
    parser.add_argument("-m", "--model", type=model_choice, default=default, metavar="NAME", help=text)
    text = 'its extras, such as {"grow": 3, "feather": 2}'
    parser.add_argument("-x", "--extras", type=extras, default={}, metavar="JSON", help=text)


def given_model(arguments: argparse.Namespace) -> ModelChoice:
    """Return the choice of :func:`add_model`, with its extras."""
    return ModelChoice(arguments.model.name, {**arguments.model.extras, **arguments.extras})


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Declare the folders of photos and masks, and ``--resize``."""
    parser.add_argument("images", type=Path, metavar="PHOTOS", help="folder of photos")
    parser.add_argument("masks", type=Path, metavar="MASKS", help="folder of masks, of the same names (a.jpg, a.png)")
    parser.add_argument("--resize", action="store_true", help="bring masks of another size to their image's")


def checked_models(given: Iterable[ModelChoice]) -> list[ModelChoice]:
    """Return each choice once; raises ModelError or OptionError for an unknown model or extra."""
    from rembg_skin.session import check_extras, check_names

    models = list({str(model): model for model in given}.values())
    check_names(model.name for model in models)
    for model in models:
        check_extras(model.name, model.extras)
    return models


def models_named(names: Iterable[str]) -> list[Model]:
    """Return the models of these names; raises SkinError for one that is unknown."""
    found = []
    for name in names:
        if name not in ALL:
            hint = did_you_mean(name, ALL, most=1) or "`rembg-skin models` lists them."
            raise SkinError(f'There is no model "{printable(name)}"; {hint}')
        found.append(ALL[name])
    return found


def extras(text: str) -> dict[str, object]:
    """Return a model's extras, given as a JSON object."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(given, dict):
        raise argparse.ArgumentTypeError('not a JSON object, such as {"size": 1024}')
    return given


def natural(text: str, least: int = 0) -> int:
    """Return a whole number from 0 on."""
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from {least} on")
    return number


def positive(text: str) -> int:
    """Return a whole number from 1 on."""
    return natural(text, 1)


def sizes(text: str) -> list[int]:
    """Return whole numbers from 1 on, given with commas between them."""
    return [positive(part) for part in text.split(",")]


def seconds(text: str) -> float:
    """Return a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number
