"""Check all outputs of a command against all its inputs before the work, so that no input is overwritten."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from urllib.parse import unquote

from rembg_skin.errors import DataError, printable
from rembg_skin.files import check_writable
from rembg_skin.photos import is_photo

Identity = tuple[int, int]  # a file's device and number: the same by every spelling and link

_STDIN = "-"
_SEPARATOR = re.compile(r"[:|,]")  # stands before a file's name in FFmpeg's addresses: `concat:a.mp4|b.mp4`


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path | str]) -> None:
    """Check that every output can be written and is neither an input nor another output.

    Parameters
    ----------
    outputs
        The files that the command will write.
    inputs
        All that it reads: files, folders (every photograph below them), addresses as FFmpeg takes them, and ``-`` for
        standard input.

    Raises
    ------
    DataError
        Naming the first output that is not possible.

    """
    outputs = list(outputs)
    read = identities(inputs) if any(map(os.path.exists, outputs)) else {}
    for number, output in enumerate(outputs):
        check_writable(output)
        check_output(output, read)
        if any(_is_same(output, other) for other in outputs[:number]):
            raise DataError(f"{printable(output)} would be written twice; name another file.")


def check_output(output: Path, read: Mapping[Identity, str]) -> None:
    """Raise DataError if `output` is one of the files of :func:`identities`."""
    if (same := read.get(_identity(output) or (0, 0))) is not None:
        raise DataError(
            f"{printable(output)} is {printable(same)}, which this command reads and which is never written over;"
            " name another file."
        )


def identities(inputs: Iterable[Path | str]) -> dict[Identity, str]:
    """Return the files that `inputs` of :func:`check_outputs` stand for, and the name of each."""
    found = {}
    for given in inputs:
        for name in _files_of(os.fspath(given)):
            if (identity := _identity(name)) is not None:
                found[identity] = str(name)
    return found


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


def _identity(file: str | int | Path) -> Identity | None:
    with suppress(OSError, ValueError):
        state = os.stat(file)  # noqa: PTH116 - may be the number of a descriptor
        return state.st_dev, state.st_ino
    return None


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one.samefile(other) and S_ISREG(one.stat().st_mode)
    return os.path.realpath(one) == os.path.realpath(other)
