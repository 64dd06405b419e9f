"""The lines to take along: the `rembg-skin cut` command, quoted for a shell, and Python lines for rembg."""

import json
import re
import shlex
from collections.abc import Callable, Mapping

CUTOUT, MASK = "cutout", "mask"
BASH, POWERSHELL, CMD = "bash", "PowerShell", "cmd.exe"

_PLAIN = re.compile(r"[\w./:=-]+", re.ASCII)  # means itself in every shell
# PowerShell takes typographic quotes for quotes.
_POWERSHELL_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")


def command(shell: str, name: str, extras: Mapping[str, object], photo: str, what: str) -> str:
    """Return the command that writes the mask or the cutout of a photo, as one pastes it into `shell`."""
    settings = ",".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in extras.items()
    )
    model = f"{name}:{settings}" if settings else name
    source = f"./{photo}" if photo.startswith("-") else photo
    kind = ["--mask"] if what == MASK else []
    arguments = ["rembg-skin", "cut", *kind, "-m", model, source, "-o", f"{what}.png"]
    return " ".join(word if _PLAIN.fullmatch(word) else _QUOTES[shell](word) for word in arguments)


def call(name: str, extras: Mapping[str, object], photo: str, what: str) -> str:
    """Return the Python lines that do the same."""
    settings = "".join(f", {key}={value!r}" for key, value in extras.items())
    only_mask = ", only_mask=True" if what == MASK else ""
    return (
        "from PIL import Image\n"
        "from rembg import new_session, remove\n\n"
        f'session = new_session("{name}"{settings})\n'
        f"{what} = remove(Image.open({photo!r}), session=session{only_mask})\n"
    )


_QUOTES: Mapping[str, Callable[[str], str]] = {
    BASH: shlex.quote,
    POWERSHELL: lambda word: "'" + _POWERSHELL_QUOTES.sub(r"\1\1", word) + "'",
    # A variable's name would end at the quotes around each percent sign: no variable is put in.
    CMD: lambda word: '"' + word.replace("%", '"%"') + '"',
}
SHELLS = tuple(_QUOTES)
