"""Run a TFLite network by LiteRT, one copy in the process, and check its output."""

import threading
from functools import lru_cache
from pathlib import Path

import numpy as np

from rembg_skin.catalog import Network
from rembg_skin.errors import NO_RUNTIME, ModelError
from rembg_skin.image.arrays import Floats


class TfliteGraph:
    """A TFLite network ready to run, safe from any number of threads; they run one after the other, as LiteRT requires.

    Raise ModelError if LiteRT cannot load the file, or it is another network than `network`.
    """

    def __init__(self, name: str, network: Network, path: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.side = network.size
        self._name = name
        self._lock = threading.Lock()
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{name}: LiteRT cannot load {path}: {error}. {NO_RUNTIME}") from error
        found = self._interpreter.get_input_details() + self._interpreter.get_output_details()
        expected = [[1, network.size, network.size, channels] for channels in (network.inputs, network.channels)]
        if [(one["shape"].tolist(), one["dtype"]) for one in found] != [(shape, np.float32) for shape in expected]:
            described = ", ".join(f"{one['name']} {np.dtype(one['dtype'])} {one['shape'].tolist()}" for one in found)
            raise ModelError(
                f"{name}: {path} is another network, with {described}; the catalog has float32 {expected[0]}"
                f" in and float32 {expected[1]} out. Delete the file to download it again."
            )
        self._input, self._output = (one["index"] for one in found)

    def run(self, pixels: Floats) -> Floats:
        """Return the network's output, float32 [height, width, channels], for RGB 0..1, [1, height, width, 3].

        Raise ModelError if the network fails, or returns values that are not finite.
        """
        try:
            with self._lock:
                self._interpreter.set_tensor(self._input, pixels)
                self._interpreter.invoke()
                output: Floats = self._interpreter.get_tensor(self._output)[0]
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{self._name}: the network failed: {error}") from error
        if not np.isfinite(output).all():
            raise ModelError(f"{self._name}: the network returned values that are not finite.")
        return output


# `rembg s` makes a session for every string of extras: they share one interpreter.
shared_tflite_graph = lru_cache(maxsize=2)(TfliteGraph)
