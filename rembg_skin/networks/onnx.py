"""Run a network by ONNX Runtime, one copy in the process, and check its output."""

import mmap
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import onnxruntime as ort

from rembg_skin.catalog import Network
from rembg_skin.errors import NO_RUNTIME, ModelError, OptionError, printable
from rembg_skin.image.arrays import Floats
from rembg_skin.machine import cores
from rembg_skin.networks.providers import CPU, Provider, name_of, warn_of_fallback

# The entries of onnxruntime_session_options_config_keys.h that tell two users' settings apart: SessionOptions cannot
# list the entries that were set.
_CONFIG_KEYS = (
    "session.disable_prepacking",
    "session.force_spinning_stop",
    "session.inter_op.allow_spinning",
    "session.intra_op.allow_spinning",
    "session.intra_op_thread_affinities",
    "session.set_denormal_as_zero",
    "session.use_env_allocators",
)
# How far beyond 0..1 a value may lie: float32 and quantized sigmoids stay well inside.
_TOLERANCE = 0.01


class Graph:
    """A network ready to run, safe from any number of threads.

    `session` is ONNX Runtime's; `side` is the fixed side of the input in pixels and `batch` the fixed number of images
    in a run, or None if the network takes any.
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
        self._slots = threading.Semaphore(max(1, processors // (threads or processors)))

    def run(self, tensor: Floats, output: str | None = None) -> Floats:
        """Return the network's skin channel, float32 [batch, height, width], 0 to 1.

        It is that of `output`, the first one unless named, for a `tensor` of float32 [batch, channels, height, width].
        Raise ModelError if the network fails, or its output is not a mask.
        """
        try:
            with self._slots:
                (values,) = self.session.run([output or self._output], {self._input: tensor})
        except Exception as error:  # ONNX Runtime's have no common class of their own
            raise ModelError(f"{self._name}: the network failed: {error}") from error
        expected = (len(tensor), self._network.channels, *tensor.shape[2:])
        if values.shape != expected:
            raise ModelError(f"{self._name}: the network returned {values.shape}; expected was {expected}.")
        skin: Floats = values[:, self._network.channel]
        low, high = float(skin.min()), float(skin.max())
        if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):  # NaN fails every comparison
            raise ModelError(
                f"{self._name}: the network returned values from {low:g} to {high:g}, which is not a mask of 0 to 1. "
                "Is the file the right one, and does it run on the CPU?"
            )
        return skin if low >= 0 and high <= 1 else skin.clip(0, 1)


_graphs: "WeakValueDictionary[object, Graph]" = WeakValueDictionary()
_loading: "WeakValueDictionary[object, threading.Lock]" = WeakValueDictionary()
_loading_guard = threading.Lock()


def shared_graph(
    name: str, network: Network, path: Path, providers: Sequence[Provider], options: ort.SessionOptions | None
) -> Graph:
    """Return a shared graph, one for each file, providers and settings; it is freed when no session uses it.

    `name` is the session's, for the errors, `network` its entry in the catalog, and `providers` are those of
    :func:`chosen_providers`. `options` are the caller's settings, which stay as they are; None for the defaults of ONNX
    Runtime. Raise ModelError if ONNX Runtime cannot load the file, or it is another network than that of the catalog.
    """
    options = options or ort.SessionOptions()
    if not isinstance(options, ort.SessionOptions):  # rembg's server takes it from a client's extras
        raise OptionError.about(name, "sess_opts", options, "onnxruntime.SessionOptions, which only Python code has")
    if options.has_providers():  # they cannot be read back, so two such graphs may differ
        return _create(name, network, path, providers, options)
    with _lock_of(id(options)):  # no other thread may see them while they are changed
        state = path.stat()
        file = str(path.resolve()), state.st_size, state.st_mtime_ns
        key = (*file, network, *map(repr, providers), *_settings(options))
        with _lock_of(key):
            graph = _graphs.get(key)
            if graph is None:
                given = options.enable_mem_pattern
                options.enable_mem_pattern &= network.memory_pattern or name_of(providers[0]) != CPU
                try:
                    graph = _graphs[key] = _create(name, network, path, providers, options)
                finally:
                    options.enable_mem_pattern = given
            return graph


def _lock_of(key: object) -> threading.Lock:
    """Return the lock of `key`, the same for all threads that hold it or wait for it."""
    with _loading_guard:
        return _loading.setdefault(key, threading.Lock())


def _settings(options: ort.SessionOptions) -> Iterator[tuple[str, str]]:
    """Yield the fields of `options` and those of the entries above that were set."""
    for name in dir(options):
        if not name.startswith("_") and not callable(value := getattr(options, name)):
            yield name, str(value)
    for name in _CONFIG_KEYS:
        with suppress(RuntimeError):  # not set
            yield name, options.get_session_config_entry(name)


def _create(
    name: str, network: Network, path: Path, providers: Sequence[Provider], options: ort.SessionOptions
) -> Graph:
    session = open_graph(name, path, providers, options)
    _check(name, network, path, session)
    warn_of_fallback(providers, session)
    return Graph(name, network, session, options.intra_op_num_threads)


def open_graph(
    name: str, path: Path, providers: Sequence[Provider], options: ort.SessionOptions
) -> ort.InferenceSession:
    """Return ONNX Runtime's session of the file `path`, the model `name`.

    Raise ModelError if it cannot be loaded, or keeps weights in other files, which no hash of the graph covers.
    """
    try:
        elsewhere = has_external_data(path)
    except OSError as error:
        raise ModelError(f"{name}: {printable(path)} cannot be read ({error.strerror or error}).") from None
    if elsewhere:
        raise ModelError(
            f"{name}: {printable(path)} keeps weights in other files, which nothing verifies. Delete it to have it"
            " downloaded again, or save the network as one file."
        )
    try:
        return ort.InferenceSession(str(path), sess_options=options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's have no common class of their own
        raise ModelError(f"{name}: ONNX Runtime cannot load {path}: {error}. {NO_RUNTIME}") from error


def has_external_data(path: Path) -> bool:
    """Return True if a tensor of the ONNX file `path` may lie in another file: it has to name their ``location``."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(b"location") >= 0


def _check(name: str, network: Network, path: Path, session: ort.InferenceSession) -> None:
    """Raise ModelError unless the graph in `path` fits the catalog."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    side = inputs[0].shape[2] if network.own_size and inputs and len(inputs[0].shape) > 2 else network.size  # noqa: PLR2004
    further = network.skin_output
    expected_input = [1, network.inputs, side, side]
    expected_output = [1, network.channels, side, side]
    fitting = [node.name for node in outputs if _fits(node, expected_output)]
    if (
        len(inputs) == 1
        and _fits(inputs[0], expected_input)
        and 1 <= len(outputs) <= network.outputs
        and outputs[0].name in fitting
        and further in (None, *fitting)
    ):
        return
    named = f', one of them "{further}"' if further else ""
    several = f" first of at most {network.outputs}" if network.outputs > 1 else ""
    raise ModelError(
        f"{name}: {path} is another network. It takes {_described(inputs)} and returns {_described(outputs)}; "
        f"the catalog's takes tensor(float) {expected_input} and returns tensor(float) {expected_output}"
        f"{several}{named}. Delete the file to download it again."
    )


def _fits(node: Any, expected: Sequence[int | str]) -> bool:
    """Return True if `node` is float32, and every dimension of it is free or the expected one."""
    if node.type != "tensor(float)" or len(node.shape) != len(expected):
        return False
    sizes = zip(node.shape, expected, strict=True)
    return all(not isinstance(found, int) or found == wanted for found, wanted in sizes)


def _described(nodes: Sequence[Any]) -> str:
    return " and ".join(f"{node.type} {node.shape}" for node in nodes)
