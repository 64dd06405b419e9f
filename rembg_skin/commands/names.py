"""Names of models, as given on the command line."""

from collections.abc import Iterable
from difflib import get_close_matches

from rembg_skin.catalog import FILES, MODELS, Model
from rembg_skin.errors import SkinError

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
            close = get_close_matches(name, ALL, n=1)
            hint = f'Did you mean "{close[0]}"?' if close else "See `rembg-skin models`."
            raise SkinError(f'There is no model "{name}". {hint}')
        found.append(ALL[name])
    return found
