"""Choose ONNX Runtime's providers for a network, and warn of a silent fall-back to the CPU."""

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import onnxruntime as ort

from rembg_skin.errors import OptionError

Provider = str | tuple[str, dict[str, Any]]

CPU = "CPUExecutionProvider"
# What rembg looks for if no providers are given: the device ONNX Runtime reports, and the provider that uses it.
_ACCELERATORS = (("GPU", "CUDAExecutionProvider"), ("GPU", "ROCMExecutionProvider"), ("", "OpenVINOExecutionProvider"))


def chosen_providers(model: str, given: object) -> list[Provider]:
    """Return the providers for a session of `model`: the given ones, or for None those that rembg would take.

    `given` is a list of names of available providers. Python code may also give a tuple, one name, (name, options)
    pairs, and names of providers that this ONNX Runtime lacks: they are skipped with a warning, as in rembg. Providers
    after the CPU are skipped: nothing is left for them to do. Raise OptionError for anything else.
    """
    available = ort.get_available_providers()
    if given is None:
        device = ort.get_device()
        found = [name for prefix, name in _ACCELERATORS if device.startswith(prefix) and name in available]
        return [*found[:1], CPU]
    strict = "rembg.commands" in sys.modules  # rembg's command or server: its JSON is checked instead of coerced
    entries: list[Any] = [given]
    if isinstance(given, list) or (isinstance(given, tuple) and not _is_pair(given)):
        entries = list(given)
    elif strict:
        entries = [None]
    chosen: dict[str, Provider] = {}
    absent = []
    for entry in entries:
        provider = entry[0] if _is_pair(entry) else entry
        if provider in available:
            chosen.setdefault(provider, entry)
            if provider == CPU:
                break
        elif provider in ort.get_all_providers() and not strict:
            absent.append(provider)
        else:
            names = ", ".join(available)
            raise OptionError.about(model, "providers", given, f"a list of providers available here ({names})")
    chosen.setdefault(CPU, CPU)
    if absent:
        warnings.warn(
            f"{model}: this ONNX Runtime has no {', '.join(absent)}; it runs on {next(iter(chosen))}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return list(chosen.values())


def _is_pair(entry: object) -> bool:
    # Only Python can make one: JSON has no tuples. Its options may name files and libraries.
    return isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], dict)  # noqa: PLR2004


def name_of(provider: Provider) -> str:
    """Return the provider's name, without its options."""
    return provider if isinstance(provider, str) else provider[0]


def warn_of_fallback(providers: Sequence[Provider], session: ort.InferenceSession) -> None:
    """Warn if an accelerator was requested and `session` runs only on the CPU."""
    wanted = [name for name in map(name_of, providers) if name != CPU]
    if wanted and not set(wanted) & set(session.get_providers()):
        warnings.warn(
            f"{', '.join(wanted)} was requested but the session runs on the CPU, many times slower: ONNX Runtime could "
            "not load it. Its messages on stderr name the library that is missing.",
            RuntimeWarning,
            stacklevel=2,
        )
