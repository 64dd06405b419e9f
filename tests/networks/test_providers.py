"""Which providers a session runs on: as rembg chooses from Python, strict for what its command and server pass on."""

import sys
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


@pytest.mark.parametrize(
    ("device", "available", "expected"),
    [
        ("CPU", [], [CPU]),
        ("CPU", ["AzureExecutionProvider"], [CPU]),
        ("GPU", [CUDA], [CUDA, CPU]),
        ("GPU", [ROCM], [ROCM, CPU]),
        ("CPU", [CUDA], [CPU]),
        ("CPU-OPENVINO_CPU", [OPENVINO], [OPENVINO, CPU]),
    ],
)
def test_without_providers_rembgs_choice_is_made(
    runtime_with: Any, device: str, available: list[str], expected: list[str]
) -> None:
    runtime_with(device, *available)
    assert chosen_providers("m", None) == expected


def test_given_providers_are_taken_in_their_order_up_to_the_cpu(runtime_with: Any) -> None:
    runtime_with("GPU", CUDA, ROCM)
    assert chosen_providers("m", [ROCM, CUDA]) == [ROCM, CUDA, CPU]
    assert chosen_providers("m", [CPU, CUDA]) == [CPU]
    assert chosen_providers("m", [CUDA] * 1000) == [CUDA, CPU]
    assert chosen_providers("m", [(CUDA, {"device_id": 1})]) == [(CUDA, {"device_id": 1}), CPU]


@pytest.mark.parametrize(
    "given", [[CUDA, CPU], (CUDA, CPU), [CUDA], CUDA, (CUDA, {"device_id": 1}), [(CUDA, {"device_id": 1}), CPU]]
)
def test_python_code_that_asks_for_an_absent_accelerator_runs_on_the_cpu_with_a_warning(
    runtime_with: Any, given: object
) -> None:
    runtime_with("CPU")
    with pytest.warns(RuntimeWarning, match=f"m: this ONNX Runtime has no {CUDA}; it runs on {CPU}"):
        assert chosen_providers("m", given) == [CPU]


@pytest.mark.parametrize("given", [CPU, (CPU,), [CPU]])
def test_python_code_may_name_one_provider_or_a_tuple(runtime_with: Any, given: object) -> None:
    runtime_with("GPU", CUDA)
    assert chosen_providers("m", given) == [CPU]


@pytest.mark.parametrize(
    "given", ["CudaExecutionProvider", ["/usr/lib/evil.so"], [1], {CPU: 1}, [None], [[CPU, {}]], 7]
)
def test_what_is_no_provider_is_an_error_that_lists_those_available(runtime_with: Any, given: object) -> None:
    runtime_with("CPU")
    with pytest.raises(OptionError, match=rf"m: providers=.* is not possible.*{CPU}"):
        chosen_providers("m", given)


@pytest.mark.parametrize("given", [[CUDA], [CUDA, CPU], CPU, CUDA, {CPU: 1}])
def test_json_of_rembgs_command_and_server_stays_strict(
    runtime_with: Any, monkeypatch: pytest.MonkeyPatch, given: object
) -> None:
    runtime_with("CPU")
    monkeypatch.setitem(sys.modules, "rembg.commands", ModuleType("rembg.commands"))
    with pytest.raises(OptionError, match=rf"m: providers=.* is not possible.*{CPU}"):
        chosen_providers("m", given)
