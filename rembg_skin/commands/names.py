"""Names of models, as given on the command line."""

from collections.abc import Iterable

from rembg_skin.catalog import FILES, MODELS, Model
from rembg_skin.errors import SkinError, did_you_mean, printable

ALL = {**MODELS, **FILES}


def models_named(names: Iterable[str]) -> list[Model]:
    """Return the models of these names.

    Raises
    ------
    SkinError
        If there is no such model.

    """
    found = []
    for name in names:
        if name not in ALL:
            hint = did_you_mean(name, ALL, most=1) or "`rembg-skin models` lists them."
            raise SkinError(f'There is no model "{printable(name)}"; {hint}')
        found.append(ALL[name])
    return found
