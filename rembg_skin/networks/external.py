"""Refuse ONNX files that keep weights in other files, which no hash of the graph covers."""

import mmap
from pathlib import Path

from rembg_skin.errors import ModelError, printable


def refuse_external_data(name: str, path: Path) -> None:
    """Raise ModelError if a tensor of the ONNX file `path`, the model `name`, lies in another file."""
    try:
        found = has_external_data(path)
    except OSError as error:
        raise ModelError(f"{name}: {printable(path)} cannot be read ({error.strerror or error}).") from None
    if found:
        raise ModelError(
            f"{name}: {printable(path)} keeps weights in other files, which nothing verifies. Delete it to have it"
            " downloaded again, or save the network as one file."
        )


def has_external_data(path: Path) -> bool:
    """Return True if a tensor of the ONNX file `path` may lie in another file: it has to name its ``location``.

    Raises
    ------
    OSError
        If the file cannot be read.

    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(b"location") >= 0
