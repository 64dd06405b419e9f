"""The start-up hook: wait for ``rembg.sessions`` to be imported, then register the skin models.

``rembg_skin.pth`` (Python up to 3.17) and ``rembg_skin.start`` (3.15 and later, PEP 829) call :func:`install` at every
start of the interpreter. So this module imports nothing that Python has not loaded by then, and lies beside the package
instead of in it: one file is read instead of two.
"""

import os
import sys

TARGET = "rembg.sessions"


class SessionsFinder:
    """A ``sys.meta_path`` finder that adds a registration step to the import of ``rembg.sessions``."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """Return the spec that the finders behind this one give for ``rembg.sessions``; None for any other name."""
        if name != TARGET:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                _register_after(spec.loader)
                return spec
        return None


def _register_after(loader: object) -> None:
    execute = loader.exec_module  # type: ignore[attr-defined]

    def execute_then_register(module: object) -> None:
        execute(module)
        register_safely()

    # On the instance, so that zip, editable and frozen loaders keep all their other methods.
    loader.exec_module = execute_then_register  # type: ignore[attr-defined]


def register_safely() -> None:
    """Register the skin models; a failure becomes one warning, because a plugin must not break its host."""
    try:
        from rembg_skin.plugin import register

        register()
    except Exception as error:  # noqa: BLE001
        import warnings

        warnings.warn(
            f"rembg-skin could not add its models to rembg: {type(error).__name__}: {error}. rembg itself works as"
            " usual; reinstall rembg-skin, or set REMBG_SKIN_DISABLE=1 to keep it out.",
            RuntimeWarning,
            stacklevel=2,
        )


def install() -> None:
    """Put the finder in place, once; does nothing when ``REMBG_SKIN_DISABLE`` is set to anything but 0."""
    if os.environ.get("REMBG_SKIN_DISABLE", "0") not in ("", "0"):
        return
    if not any(isinstance(finder, SessionsFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, SessionsFinder())
