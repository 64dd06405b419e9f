"""One copy of a network in the process for all who use it in the same way."""

import gc
import os
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from rembg_skin.catalog import Network
from rembg_skin.errors import OptionError
from rembg_skin.networks.onnx import shared_graph
from rembg_skin.networks.providers import CPU, Provider
from tests.support.networks import red_network

NETWORK, PATTERN = Network(64), Network(64, memory_pattern=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "red.onnx"
    path.write_bytes(red_network(64).SerializeToString())
    return path


def quiet() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def load(
    path: Path,
    providers: list[Provider] | None = None,
    network: Network = NETWORK,
    settings: Any = None,
    **options: Any,
) -> Any:
    settings = settings or ort.SessionOptions()
    for name, value in options.items():
        setattr(settings, name, value)
    return shared_graph("red_skin", network, path, providers or [CPU], settings)


def test_many_threads_at_once_load_it_once(path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len({id(graph) for graph in list(pool.map(load, [path] * 64))}) == 1


def test_settings_that_are_none_are_an_error_of_the_caller(path: Path) -> None:
    with pytest.raises(OptionError, match="red_skin: sess_opts='/etc/passwd' is not possible"):
        shared_graph("red_skin", NETWORK, path, [CPU], "/etc/passwd")


def test_the_callers_settings_are_used_and_come_back_as_they_were(path: Path) -> None:
    options = quiet()
    used = load(path, settings=options).session.get_session_options()
    assert used.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert not used.enable_mem_pattern  # on the CPU, unless the catalog has it
    assert options.enable_mem_pattern
    assert load(path, network=PATTERN).session.get_session_options().enable_mem_pattern


def test_it_is_freed_with_its_last_holder(path: Path) -> None:
    first, second = load(path), load(path)
    assert first is second
    session = weakref.ref(first.session)
    del first
    gc.collect()
    assert session() is second.session
    del second
    gc.collect()
    assert session() is None


@pytest.mark.parametrize(
    "other",
    [
        {"intra_op_num_threads": 1},
        {"enable_cpu_mem_arena": False},
        {"providers": [(CPU, {"a": "b"})]},
        {"network": PATTERN},
        {"graph_optimization_level": ort.GraphOptimizationLevel.ORT_DISABLE_ALL},
        {"settings": quiet()},
    ],
)
def test_other_settings_are_another_graph(path: Path, other: dict[str, Any]) -> None:
    graph = load(path)
    assert load(path, **other) is not graph


def test_another_file_is_another_graph_but_a_link_is_not(path: Path, tmp_path: Path) -> None:
    graph = load(path)
    assert load(Path(shutil.copy2(path, tmp_path / "copy.onnx"))) is not graph
    link = tmp_path / "link.onnx"
    link.symlink_to(path)
    assert load(link) is graph
    path.write_bytes(red_network(64, gain=0.5).SerializeToString())
    os.utime(path, ns=(1, 1))
    assert load(path) is not graph


def test_a_run_gives_the_skin_channel(path: Path) -> None:
    tensor = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    np.testing.assert_allclose(load(path).run(tensor), tensor[:, 0], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_silent_fall_back_to_the_cpu_is_said(path: Path) -> None:
    # The plain ONNX Runtime lists this provider; a session never has it.
    if "AzureExecutionProvider" not in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has no provider that falls back")
    cuda = "CUDAExecutionProvider"
    with pytest.warns(RuntimeWarning, match=f"{cuda} was requested but the session runs on the CPU"):
        load(path, providers=[cuda, CPU])
