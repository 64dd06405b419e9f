"""The start-up hook: wait for ``rembg.sessions`` to be imported, then register the skin models.

``rembg_skin.pth`` (Python up to 3.17) and ``rembg_skin.start`` (3.15 and later, PEP 829) call :func:`install` at every
start of the interpreter. So this module imports nothing that Python has not loaded by then, and lies beside the package
instead of in it: one file is read instead of two.
"""

import os
import sys
from _thread import get_ident

TARGET = "rembg.sessions"
DISABLE = "REMBG_SKIN_DISABLE"


def switch(variable: str) -> bool | None:
    """Return whether an environment variable is on: a bool, or None if its text is neither.

    1, true, yes and on are on; 0, false, no, off, nothing and no such variable are off; upper or lower case.
    """
    text = os.environ.get(variable, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    return False if text in ("", "0", "false", "no", "off") else None


class SessionsFinder:
    """A ``sys.meta_path`` finder that adds a registration step to the import of ``rembg.sessions``."""

    def __init__(self) -> None:
        self._asking: set[int] = set()  # threads whose search comes back to this finder

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG002
        """Return the spec that Python finds without this finder for ``rembg.sessions``; None for any other name."""
        if name != TARGET or get_ident() in self._asking:
            return None
        self._asking.add(get_ident())
        try:
            # Python's own search knows how to treat every kind of finder, one that wraps this one among them.
            from importlib.util import find_spec

            spec = find_spec(name)
            if spec is not None and spec.loader is not None:
                _register_after(spec)
        except Exception:  # noqa: BLE001 - Python asks the other finders itself and reports what is wrong with them
            return None
        else:
            return spec
        finally:
            self._asking.discard(get_ident())


class _Loader:
    """A loader that cannot be changed itself, with another `exec_module` or `load_module`."""

    def __init__(self, loader: object, **changed: object) -> None:
        self.__dict__.update(changed)
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)


def _register_after(spec) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    loader = spec.loader
    step = "exec_module" if hasattr(loader, "exec_module") else "load_module"
    load = getattr(loader, step)

    def load_then_register(module: object) -> object:
        result = load(module)
        if getattr(module, "__name__", module) == TARGET:  # some loaders serve many modules
            register_safely()
        return result

    try:
        # On the instance, so that zip, editable and frozen loaders keep all their other methods.
        setattr(loader, step, load_then_register)
    except AttributeError:
        spec.loader = _Loader(loader, **{step: load_then_register})


def register_safely() -> None:
    """Register the skin models; a failure becomes one warning, because a plugin must not break its host."""
    if switch(DISABLE) is None:
        _warn(f"{DISABLE}={os.environ[DISABLE]!r} is neither on (1, true, yes, on) nor off (0, false, no, off)")
        return
    try:
        from rembg_skin.plugin import register

        register()
    except Exception as error:  # noqa: BLE001
        _warn(f"{type(error).__name__}: {error}")


def _warn(reason: str) -> None:
    import warnings

    warnings.warn(
        f"rembg-skin could not add its models to rembg: {reason}. rembg itself works as usual; reinstall rembg-skin, or"
        f" set {DISABLE}=1 to keep it out.",
        RuntimeWarning,
        stacklevel=3,
    )


def install() -> None:
    """Put the finder in front of all others, once; does nothing if ``REMBG_SKIN_DISABLE`` is on.

    A later call, such as that of ``import rembg_skin``, brings it back in front of those that came in between.
    """
    if switch(DISABLE):
        return
    finder = next((finder for finder in sys.meta_path if isinstance(finder, SessionsFinder)), None) or SessionsFinder()
    sys.meta_path[:] = [finder, *(other for other in sys.meta_path if other is not finder)]
