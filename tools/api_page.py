"""Write docs/api.md, the page of what is public in Python, from the docstrings: `python -m tools.api_page`."""

import inspect
from pathlib import Path
from pkgutil import resolve_name

from rembg_skin import errors

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
PUBLIC = (
    "rembg_skin.register",
    "rembg_skin.session.open_session",
    "rembg_skin.session.predict_mask",
    "rembg_skin.batch.SkinMasker",
    "rembg_skin.batch.mask_names",
    "rembg_skin.video.masks",
)
ERRORS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.SkinError)]
HEAD = """# What is public in Python

Most programs need none of it: `new_session` and `remove` of rembg know the skin models. Beyond that, the names on this
page keep their meaning from one minor version to the next, and so do the commands with their options and exit statuses,
the models' names and their extras. Everything else may change in any version. `python -m tools.api_page` writes this
page from the docstrings.
"""


def page() -> str:
    """Return the text of the page."""
    rows = (f"| `{kind.__name__}` | {str(inspect.getdoc(kind)).splitlines()[0]} |" for kind in ERRORS)
    table = ["\n## `rembg_skin.errors`\n", "| error | |", "|---|---|", *rows]
    return HEAD + "".join(map(_entry, PUBLIC)) + "\n".join(table) + "\n"


def _entry(name: str) -> str:
    found = resolve_name(name)
    signature = inspect.signature(found)
    plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    call = signature.replace(parameters=plain, return_annotation=signature.empty)
    return f"\n## `{name}`\n\n```text\n{name.rpartition('.')[2]}{call}\n\n{inspect.getdoc(found)}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
