"""ONNX Runtime behind the neural sessions: which settings, one copy of a network in the process, checked output."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import onnxruntime as ort

from rembg_skin.catalog import Network
from rembg_skin.errors import ModelError, OptionError
from rembg_skin.image.arrays import Floats
from rembg_skin.machine import cores
from rembg_skin.networks.external import refuse_external_data
from rembg_skin.networks.providers import CPU, Provider, name_of, warn_of_fallback

# SessionOptions cannot be listed: these are the entries of onnxruntime_session_options_config_keys.h that say how a
# network is run. They tell two users' settings apart.
_CONFIG_KEYS = (
    "mlas.enable_gemm_fastmath_arm64_bfloat16",
    "optimization.disable_specified_optimizers",
    "optimization.enable_cast_chain_elimination",
    "optimization.enable_gelu_approximation",
    "optimization.minimal_build_optimizations",
    "session.disable_aot_function_inlining",
    "session.disable_cpu_ep_fallback",
    "session.disable_double_qdq_remover",
    "session.disable_prepacking",
    "session.disable_quant_qdq",
    "session.dynamic_block_base",
    "session.enable_quant_qdq_cleanup",
    "session.force_spinning_stop",
    "session.graph_optimizations_loop_level",
    "session.inter_op.allow_spinning",
    "session.intra_op.allow_spinning",
    "session.intra_op_thread_affinities",
    "session.qdqisint8allowed",
    "session.set_denormal_as_zero",
    "session.use_device_allocator_for_initializers",
    "session.use_env_allocators",
    "session.x64quantprecision",
)
# How far beyond 0..1 a value may lie: float32 and quantized sigmoids stay well inside.
_TOLERANCE = 0.01


class Graph:
    """A network ready to run, safe from any number of threads.

    Attributes
    ----------
    session
        ONNX Runtime's session.
    side
        The fixed side of the network's input in pixels, or None where any is taken.
    batch
        The fixed number of images in a run, or None where any is taken.
    threads
        How many threads a run takes; what is done before and after it takes no more.

    """

    def __init__(self, name: str, network: Network, session: ort.InferenceSession, threads: int) -> None:
        self._name = name
        self._network = network
        self.session = session
        (given,) = session.get_inputs()
        self._input, self._output = given.name, session.get_outputs()[0].name
        self.batch, self.side = (length if isinstance(length, int) else None for length in given.shape[:3:2])
        # Enough concurrent runs to use every core; more would only use more memory.
        processors = cores()
        self.threads = threads or processors
        self._turns = threading.Semaphore(max(1, processors // self.threads))

    def run(self, tensor: Floats, output: str | None = None) -> Floats:
        """Return the network's skin channel, float32 [batch, height, width], 0 to 1.

        Parameters
        ----------
        tensor
            The input, float32 [batch, channels, height, width].
        output
            The name of another output than the first.

        Raises
        ------
        ModelError
            If the network fails, or its output is no mask.

        """
        try:
            with self._turns:
                (values,) = self.session.run([output or self._output], {self._input: tensor})
        except Exception as error:  # ONNX Runtime's have no common class of their own
            raise ModelError(f"{self._name}: the network failed: {error}") from error
        expected = (len(tensor), self._network.channels, *tensor.shape[2:])
        if values.shape != expected:
            raise ModelError(f"{self._name}: the network returned {values.shape}; expected is {expected}.")
        skin: Floats = values[:, self._network.channel]
        low, high = float(skin.min()), float(skin.max())
        if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):  # NaN fails every comparison
            raise ModelError(
                f"{self._name}: the network returned values from {low:g} to {high:g}, which are no mask of 0 to 1. "
                "Is the file the right one, and does it run on the CPU alone?"
            )
        return skin if low >= 0 and high <= 1 else skin.clip(0, 1)


_graphs: "WeakValueDictionary[object, Graph]" = WeakValueDictionary()
_loading: "WeakValueDictionary[object, threading.Lock]" = WeakValueDictionary()
_loading_guard = threading.Lock()


def shared_graph(
    name: str, network: Network, path: Path, providers: Sequence[Provider], options: ort.SessionOptions | None
) -> Graph:
    """Return the graph in `path`; all who ask for it with the same providers and settings hold the same one.

    It is freed with the last holder.

    Parameters
    ----------
    name, network
        The session's name, for the errors, and what its graph has to be.
    path
        An ONNX file.
    providers
        As :func:`chosen_providers` returns them.
    options
        The caller's settings, which are left as they are; None for ONNX Runtime's own.

    Raises
    ------
    ModelError
        If the file is no graph that ONNX Runtime can run, or not the one that the catalogue describes.

    """
    options = options or ort.SessionOptions()
    if not isinstance(options, ort.SessionOptions):  # rembg's server takes it from a client's extras
        raise OptionError.about(name, "sess_opts", options, "onnxruntime.SessionOptions, which only Python code has")
    if options.has_providers():  # they cannot be read back, so no two such graphs are known to be the same
        return _create(name, network, path, providers, options)
    with _turn(id(options)):  # nobody else may see them while they are changed
        state = path.stat()
        key = (
            *(str(path.resolve()), state.st_size, state.st_mtime_ns, network),
            *(repr(provider) for provider in providers),
            *((name, str(value)) for name, value in _fields(options).items()),
            *_entries(options).items(),
        )
        with _turn(key):
            graph = _graphs.get(key)
            if graph is None:
                given = options.enable_mem_pattern
                options.enable_mem_pattern &= network.memory_pattern or name_of(providers[0]) != CPU
                try:
                    graph = _graphs[key] = _create(name, network, path, providers, options)
                finally:
                    options.enable_mem_pattern = given
            return graph


def _turn(key: object) -> threading.Lock:
    """Return the lock of `key`: one for as long as somebody holds it or waits for it."""
    with _loading_guard:
        return _loading.setdefault(key, threading.Lock())


def _fields(options: ort.SessionOptions) -> dict[str, Any]:
    names = (name for name in dir(options) if not name.startswith("_"))
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if not callable(value)}


def _entries(options: ort.SessionOptions) -> dict[str, str]:
    entries = {}
    for key in _CONFIG_KEYS:
        with suppress(RuntimeError):  # not set
            entries[key] = options.get_session_config_entry(key)
    return entries


def _create(
    name: str, network: Network, path: Path, providers: Sequence[Provider], options: ort.SessionOptions
) -> Graph:
    refuse_external_data(name, path)
    try:
        session = ort.InferenceSession(str(path), sess_options=options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's have no common class of their own
        raise ModelError(f"{name}: ONNX Runtime cannot load {path}: {error}") from error
    _check(name, network, path, session)
    warn_of_fallback(providers, session)
    return Graph(name, network, session, options.intra_op_num_threads)


def _check(name: str, network: Network, path: Path, session: ort.InferenceSession) -> None:
    """Raise ModelError unless the graph in `path` is what the catalogue says."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    side = inputs[0].shape[2] if network.own_size and inputs and len(inputs[0].shape) > 2 else network.size  # noqa: PLR2004
    further = network.skin_output
    expected_input = [1, network.inputs, side, side]
    expected_output = [1, network.channels, side, side]
    if not (
        len(inputs) == 1
        and 1 <= len(outputs) <= network.outputs
        and _fits(inputs[0], expected_input)
        and _fits(outputs[0], expected_output)
        and (further is None or any(node.name == further and _fits(node, expected_output) for node in outputs))
    ):
        named = f', one of them "{further}"' if further else ""
        several = f" first of at most {network.outputs}" if network.outputs > 1 else ""
        raise ModelError(
            f"{name}: {path} is another network. It takes {_described(inputs)} and returns {_described(outputs)}; "
            f"the catalogue says it takes tensor(float) {expected_input} and returns tensor(float) {expected_output}"
            f"{several}{named}. Delete the file to have it downloaded again."
        )


def _fits(node: Any, expected: Sequence[int | str]) -> bool:
    return (
        node.type == "tensor(float)"
        and len(node.shape) == len(expected)
        and all(
            not isinstance(found, int) or found == wanted for found, wanted in zip(node.shape, expected, strict=True)
        )
    )


def _described(nodes: Sequence[Any]) -> str:
    return " and ".join(f"{node.type} {node.shape}" for node in nodes)
