"""Which providers a session runs on: as rembg chooses from Python, strict for what its command and server pass on."""

import sys
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import onnxruntime as ort
import pytest

from rembg_skin.errors import OptionError
from rembg_skin.networks.providers import CPU, chosen_providers


@pytest.fixture
def runtime_with(monkeypatch: pytest.MonkeyPatch) -> Any:
    def pretend(device: str, *providers: str) -> None:
        monkeypatch.delitem(sys.modules, "rembg.commands", raising=False)
        monkeypatch.setattr(ort, "get_device", lambda: device)
        monkeypatch.setattr(ort, "get_available_providers", lambda: [*providers, CPU])

    return pretend


CUDA, ROCM, OPENVINO = "CUDAExecutionProvider", "ROCMExecutionProvider", "OpenVINOExecutionProvider"
SECOND = (CUDA, {"device_id": 1})


@pytest.mark.parametrize(
    ("device", "available", "given", "expected"),
    [
        # Without providers rembg's choice is made.
        ("CPU", [], None, [CPU]),
        ("CPU", ["AzureExecutionProvider"], None, [CPU]),
        ("GPU", [CUDA], None, [CUDA, CPU]),
        ("GPU", [ROCM], None, [ROCM, CPU]),
        ("CPU", [CUDA], None, [CPU]),
        ("CPU-OPENVINO_CPU", [OPENVINO], None, [OPENVINO, CPU]),
        # Given ones are taken in their order, up to the CPU.
        ("GPU", [CUDA, ROCM], [ROCM, CUDA], [ROCM, CUDA, CPU]),
        ("GPU", [CUDA, ROCM], [CPU, CUDA], [CPU]),
        ("GPU", [CUDA, ROCM], [CUDA] * 1000, [CUDA, CPU]),
        ("GPU", [CUDA, ROCM], [SECOND], [SECOND, CPU]),
        # Python code may name one, or a tuple.
        *(("GPU", [CUDA], given, [CPU]) for given in (CPU, (CPU,), [CPU])),
        # An absent accelerator is a warning.
        *(("CPU", [], given, [CPU]) for given in ([CUDA, CPU], (CUDA, CPU), [CUDA], CUDA, SECOND, [SECOND, CPU])),
    ],
)
def test_providers_are_chosen(
    runtime_with: Any, device: str, available: list[str], given: object, expected: list[object]
) -> None:
    runtime_with(device, *available)
    absent = given is not None and not available
    warned = pytest.warns(RuntimeWarning, match=f"m: this ONNX Runtime has no {CUDA}; it runs on {CPU}")
    with warned if absent else nullcontext():
        assert chosen_providers("m", given) == expected


BAD = ["CudaExecutionProvider", ["/usr/lib/evil.so"], [1], {CPU: 1}, [{CPU: {}}], [None], [[CPU, {}]], 7]


@pytest.mark.parametrize(
    ("given", "from_json"),
    [*((given, False) for given in BAD), *((given, True) for given in ([CUDA], [CUDA, CPU], CPU, CUDA, {CPU: 1}))],
)
def test_what_is_no_provider_is_an_error_that_lists_those_available_stricter_for_json(
    runtime_with: Any, monkeypatch: pytest.MonkeyPatch, given: object, from_json: bool
) -> None:
    runtime_with("CPU")
    if from_json:  # that of rembg's command and server
        monkeypatch.setitem(sys.modules, "rembg.commands", ModuleType("rembg.commands"))
    with pytest.raises(OptionError, match=rf"m: providers=.* is not possible.*{CPU}"):
        chosen_providers("m", given)
