"""Check the outputs of a command against all its inputs before the work, so that no input is overwritten."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from rembg_skin.commands.arguments import ModelChoice
from rembg_skin.errors import DataError, printable
from rembg_skin.files import check_writable
from rembg_skin.photos import is_photo

_STDIN = "-"
_SEPARATOR = re.compile(r"[:|,]")  # stands before a file's name in FFmpeg's addresses: `concat:a.mp4|b.mp4`


class Outputs:
    """The outputs of a command so far, none of which is one of its inputs.

    `inputs` are files, folders (every photograph below them), addresses as FFmpeg takes them, and ``-`` for standard
    input.
    """

    def __init__(self, inputs: Iterable[Path | str]) -> None:
        self.inputs = inputs
        self.taken: set[str] = set()

    def add(self, output: Path, twice: str = "would be written twice; name another file.") -> None:
        """Add a file to be written; raises DataError if it cannot be, is an input, or is another output (`twice`)."""
        check_writable(output)
        if (same := self._read.get(identity) if (identity := _identity(output)) else None) is not None:
            link = "" if same == str(output) else f"{printable(same)}, which is "
            raise DataError(
                f"{printable(output)} is {link}read by this command and never written over; name another file."
            )
        place = os.path.realpath(output).casefold()
        if place in self.taken and (output.is_file() or not output.exists()):
            raise DataError(f"{printable(output)} {twice}")
        self.taken.add(place)

    @cached_property
    def _read(self) -> dict[tuple[int, int], str]:
        """The inputs' names by device and number, which are the same by every spelling and link."""
        names = (name for given in self.inputs for name in _files_of(os.fspath(given)))
        return {identity: str(name or "standard input") for name in names if (identity := _identity(name))}


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path | str], models: Iterable[ModelChoice] = ()) -> None:
    """Raise DataError unless every output can be written and is no input, no file of `models` and no other output."""
    checked = Outputs([*inputs, *(name for model in models for name in model.files())])
    for output in outputs:
        checked.add(output)


def _files_of(given: str) -> Iterator[str | int | Path]:
    if os.path.isdir(given):  # noqa: PTH112 - Path's raises for a name that is too long
        for folder, _, names in os.walk(given):
            yield from (Path(folder, name) for name in names if is_photo(name))
    elif given == _STDIN:
        yield 0
    else:
        yield given
        for place in (match.end() for match in _SEPARATOR.finditer(given)):
            for name in (given[place:], _SEPARATOR.split(given[place:])[0]):
                yield from (name, unquote(name), re.sub(r"^//[^/]*", "", unquote(name)))


def _identity(file: str | int | Path) -> tuple[int, int] | None:
    with suppress(OSError, ValueError):
        state = os.stat(file)  # noqa: PTH116 - may be the number of a descriptor
        return state.st_dev, state.st_ino
    return None
