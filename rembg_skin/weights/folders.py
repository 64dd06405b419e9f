"""The folders of rembg in which a file of a given name may be; rembg moved them in 2.0.80."""

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


def model_folders(name: str) -> tuple[Path, ...]:
    """Return the folders for the files of `name`, which need not be a session; downloads go into the first one.

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
