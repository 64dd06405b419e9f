"""The lines to take along: the `rembg i` command, quoted for a shell, and the Python lines that do the same."""

import json
import re
import shlex
from collections.abc import Callable, Mapping

CUTOUT, MASK = "cutout", "mask"
BASH, POWERSHELL, CMD = "bash", "PowerShell", "cmd.exe"

_PLAIN = re.compile(r"[\w./:\\-]+", re.ASCII)  # means itself in every shell
# PowerShell takes typographic quotes for quotes.
_POWERSHELL_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")


def command(shell: str, name: str, extras: Mapping[str, object], photo: str, *, mask_alone: bool) -> str:
    """Return the `rembg i` command of these settings, as one pastes it into `shell`."""
    arguments = ["rembg", "i", "-m", name]
    if mask_alone:
        arguments.append("-om")
    if extras:
        arguments += ["-x", json.dumps(extras)]
    arguments += [f"./{photo}" if photo.startswith("-") else photo, "mask.png" if mask_alone else "skin.png"]
    line = " ".join(map(_QUOTES[shell], arguments))
    if shell == POWERSHELL and extras:
        # Before 7.3 quotes need a backslash inside an argument, since then they must have none, unless Legacy is set.
        return f"& {{ $PSNativeCommandArgumentPassing = 'Legacy'; {line} }}"
    return line


def call(name: str, extras: Mapping[str, object], photo: str, *, mask_alone: bool) -> str:
    """Return the Python lines that do the same."""
    settings = "".join(f", {key}={value!r}" for key, value in extras.items())
    only_mask = ", only_mask=True" if mask_alone else ""
    return (
        "from PIL import Image\n"
        "from rembg import new_session, remove\n\n"
        f'session = new_session("{name}"{settings})\n'
        f"{MASK if mask_alone else CUTOUT} = remove(Image.open({photo!r}), session=session{only_mask})\n"
    )


def _powershell(argument: str) -> str:
    if _PLAIN.fullmatch(argument):
        return argument
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", argument.replace('"', '\\"')) + "'"


def _cmd(argument: str) -> str:
    if _PLAIN.fullmatch(argument):
        return argument
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', argument)  # as the C runtime reads it: backslashes double before a quote
    # A variable's name would end at the quotes around each percent sign: no variable is put in.
    return '"' + escaped.replace("%", '"%"') + '"'


_QUOTES: Mapping[str, Callable[[str], str]] = {BASH: shlex.quote, POWERSHELL: _powershell, CMD: _cmd}
SHELLS = tuple(_QUOTES)
