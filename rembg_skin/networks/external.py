"""Whether an ONNX file keeps weights in other files, which no hash of it covers.

Only the message's frame is read: which field is how long. Names and numbers of fields: onnx.proto.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from rembg_skin.errors import ModelError

_VARINT, _FIXED64, _BYTES, _GROUP, _END, _FIXED32 = range(6)
_DEEPEST = 110  # messages in each other; no reader of ONNX files goes beyond 100

# What a message holds that may lead to a tensor.
_PARTS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def refuse_external_data(name: str, path: Path) -> None:
    """Raise ModelError if a tensor of the ONNX file `path`, the model `name`, lies in another file."""
    try:
        found = has_external_data(path)
    except OSError as error:
        raise ModelError(f"{name}: {path} cannot be read ({error.strerror or error}).") from None
    if found:
        raise ModelError(
            f"{name}: {path} keeps weights in other files, which nothing verifies. Delete it to have it downloaded"
            " again, or save the network as one file."
        )


def has_external_data(path: Path) -> bool:
    """Return whether a tensor of the ONNX file `path` lies in another file.

    What is no ONNX file has none: to say so is up to the library that loads it.

    Raises
    ------
    OSError
        If the file cannot be read.

    """
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # empty
            return False
        with data:
            try:
                return _external(data, 0, len(data), "model", 0)
            except (IndexError, ValueError):
                return False


def _external(data: mmap.mmap, start: int, end: int, kind: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    parts = _PARTS[kind]
    for number, value, begin, stop in _fields(data, start, end):
        if kind == "tensor":
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value):
                return True
        elif number in parts and begin < stop and _external(data, begin, stop, parts[number], depth + 1):
            return True
    return False


def _fields(data: mmap.mmap, place: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Give number and value of each field, and where its bytes begin and end."""
    while place < end:
        key, place = _varint(data, place)
        value = begin = stop = 0
        if key & 7 == _VARINT:
            value, place = _varint(data, place)
        elif key & 7 == _BYTES:
            length, begin = _varint(data, place)
            stop = place = begin + length
        elif key & 7 in (_FIXED64, _FIXED32):
            place += 8 if key & 7 == _FIXED64 else 4
        elif key & 7 not in (_GROUP, _END):  # of an unknown group: what it holds is read as if it stood here
            raise ValueError("no message")
        if place > end:
            raise ValueError("cut off")
        yield key >> 3, value, begin, stop


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no high bit
            return value, place
        shift += 7
        if shift > 63:  # noqa: PLR2004 - more than 64 bits
            raise ValueError("no number")
