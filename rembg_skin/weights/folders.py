"""Find weights on this disk: in the folders of rembg, which moved in 2.0.80, or inside this package."""

import atexit
import os
import sys
from collections.abc import Sequence
from importlib import resources
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError, printable


def model_folders(name: str) -> tuple[Path, ...]:
    """Return rembg's folders for the files of `name`, which need not be a session; downloads go into the first one.

    Raises
    ------
    ImportError
        If rembg or an ONNX Runtime is not installed.

    """
    base = _base_session()

    class Named(base):  # type: ignore[misc, valid-type]
        @classmethod
        def name(cls, *_args: object, **_kwargs: object) -> str:
            return name

    if hasattr(Named, "model_dir"):
        return Path(Named.model_dir()), Path(Named.legacy_home())
    return (Path(Named.u2net_home()),)


def _base_session() -> Any:
    # `import rembg` takes seconds, and a minute or more the first time on a machine (numba compiles). The command asks
    # for folders alone, and the one file of rembg that knows them needs nothing else of it.
    rembg = find_spec("rembg")
    if "rembg" not in sys.modules and rembg is not None and rembg.origin is not None:
        spec = spec_from_file_location("rembg_base", Path(rembg.origin).parent / "sessions" / "base.py")
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except (ImportError, OSError):
                pass  # another rembg, whose file does not stand alone
            else:
                return module.BaseSession
    from rembg.sessions.base import BaseSession

    return BaseSession


def file_name(model: Model) -> str:
    """Return the name under which the weights of `model` lie in a folder."""
    return f"{model.name}{model.suffix}"


def on_disk(model: Model, folders: Sequence[Path] | None = None) -> list[Path]:
    """Return the files of `model` in `folders`, by default rembg's, in their order."""
    searched = model_folders(model.name) if folders is None else folders
    # Not Path.is_file, which raises for a folder that may not be read.
    return [path for folder in searched if os.path.isfile(path := folder / file_name(model))]  # noqa: PTH113


_unpacked: dict[str, Path] = {}  # from a zip archive, for this process


def packaged_file(model: Model) -> Path:
    """Return the path of weights that ship inside this package.

    Raises
    ------
    WeightsError
        If this installation lacks them.

    """
    name = file_name(model)
    file = resources.files("rembg_skin") / "data" / name
    if not file.is_file():
        raise WeightsError(
            f"{model.name}: {printable(file)} is missing from this installation of rembg-skin. Reinstall it; if it is"
            " part of a packed application, add the package's data there (PyInstaller: --collect-data rembg_skin)."
        )
    if isinstance(file, Path):
        return file
    if name not in _unpacked:
        unpacking = resources.as_file(file)
        _unpacked[name] = unpacking.__enter__()
        atexit.register(unpacking.__exit__, None, None, None)
    return _unpacked[name]
