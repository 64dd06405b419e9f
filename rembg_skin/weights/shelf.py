"""Where the files of a model lie, and whether a receipt vouches for one. All that a start needs, and quick."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rembg_skin.catalog import Model
from rembg_skin.weights import receipts


def file_name(model: Model) -> str:
    """Return the name under which the weights of `model` lie in a folder."""
    return f"{model.name}{model.suffix}"


def on_disk(model: Model, folders: Sequence[Path]) -> Iterator[Path]:
    """Give the files of `model` that there are, in the order of the folders."""
    return (path for folder in folders if (path := folder / file_name(model)).is_file())


def vouched(model: Model, folders: Sequence[Path]) -> Path | None:
    """Return the first file of `model` if its receipt still holds, None otherwise; no byte of it is read."""
    path = next(on_disk(model, folders), None)
    receipt = None if path is None else receipts.read(path)
    if path is None or receipt is None or not (receipt.suits(model) and receipt.describes(path.stat())):
        return None
    if receipt.trust == "nothing":
        receipts.warn_unchecked(path, model, receipt)
    return path
