"""Skin models for rembg.

Importing this package is enough: rembg then knows the skin models, whichever of the two is imported first.
"""

import sys

import rembg_skin_hook

rembg_skin_hook.install()
if rembg_skin_hook.TARGET in sys.modules:
    rembg_skin_hook.register_safely()


def register() -> None:
    """Add the skin models to rembg now; doing so twice changes nothing.

    Raises
    ------
    ImportError
        If rembg or an ONNX Runtime is not installed.

    """
    from rembg_skin.plugin import register

    register()


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("rembg-skin")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
