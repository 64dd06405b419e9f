"""Run the networks of the catalog: one session class for each of them."""

import warnings
from collections.abc import Mapping
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS, Model, Network
from rembg_skin.errors import ModelError, OptionError
from rembg_skin.image.guided import guided
from rembg_skin.image.mask import cleaned, resized, stretched, to_mask
from rembg_skin.image.patches import along_edges
from rembg_skin.image.scales import COARSE, agreed, automatic_sides
from rembg_skin.image.tensor import fitted_size, to_tensor
from rembg_skin.machine import memory
from rembg_skin.networks.onnx import Graph, shared_graph
from rembg_skin.networks.providers import CPU, Provider, chosen_providers
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.options import DETAIL, Choice, Integer, Option, Switch, finishing
from rembg_skin.weights import fetch

_LARGEST_SIZE = 1024  # an HTTP client may ask for it


def network_options(network: Network) -> dict[str, Option]:
    """Return the extras of a session of `network`."""
    return {
        "stretch": Choice(network.stretch, ("auto", "always", "never")),
        "smooth": Switch(default=True),
        "detail": DETAIL,
        "size": Integer(None, 64, max(network.size, _LARGEST_SIZE), step=network.size_step),
        **finishing(*network.levels),
    }


class NeuralSession(SkinSession):
    """Run a network by ONNX Runtime; rembg's `providers` and `sess_opts` work as in its own sessions.

    Raises
    ------
    OptionError
        If an extra or a provider is not possible.
    WeightsError
        If the weights are unavailable or fail verification.
    ModelError
        If they do not fit the catalog, or the machine has too little memory for them.

    """

    network: ClassVar[Network]

    def __init__(self, model_name: str, sess_opts: ort.SessionOptions | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, sess_opts, *args, **kwargs)
        self._graph = load(self.model, self.network, sess_opts, kwargs.get("providers"))
        self._side(self._extras.get("size"))

    @property
    def inner_session(self) -> ort.InferenceSession:
        """ONNX Runtime's session, as rembg's own sessions name it."""
        return self._graph.session

    @classmethod
    def check_machine(cls, **kwargs: Any) -> None:
        """Raise ModelError if the network runs on the CPU and the machine has too little memory."""
        _providers(cls.name(), cls.network, kwargs.get("providers"))

    @classmethod
    def download_models(cls, *_args: Any, **_kwargs: Any) -> str:
        """Return the path of the verified weights."""
        return str(fetch(cls.model))

    def mask(self, rgb: PILImage, _alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        output = self.network.skin_output if settings["parts"] == "skin" else None
        values = self.skin(rgb, settings["size"], output)
        closest = self._sides(rgb, settings["size"])[-1]
        side = min(closest, COARSE) if self.network.automatic else closest
        small = to_mask(stretched(values, settings["stretch"]))
        if settings["detail"] == "fine":
            closer = along_edges(rgb, values, lambda part: self._values(part, side, output), closest, side)
            if closer is not None:
                small = guided(stretched(closer, settings["stretch"]), rgb, threads=self.threads)
        if settings["smooth"]:
            return cleaned(small, rgb.size, self.network.blur, threads=self.threads)
        return resized(small, rgb.size)

    def skin(self, rgb: PILImage, size: int | None, output: str | None = None) -> NDArray[np.float32]:
        """Return the network's values for an RGB image, float32 [height, width], 0 to 1, without any letterbox.

        `output` is the name of an output of the graph; None for the first one.
        """
        return reduce(agreed, (self._values(rgb, side, output) for side in self._sides(rgb, size)))

    def _sides(self, rgb: PILImage, size: int | None) -> tuple[int, ...]:
        return automatic_sides(rgb.size) if self.network.automatic and size is None else (self._side(size),)

    def _values(self, rgb: PILImage, side: int, output: str | None) -> NDArray[np.float32]:
        network = self.network
        tensor = to_tensor(
            rgb,
            side,
            network.fit,
            mean=network.mean,
            std=network.std,
            reducing_gap=network.reducing_gap,
            threads=self.threads,
        )
        width, height = fitted_size(rgb.size, side, network.fit)
        return self._graph.run(tensor, output)[0, :height, :width]

    def _side(self, size: int | None) -> int:
        fixed = self._graph.side
        if size is None:
            return fixed or self.network.size
        if fixed not in (None, size):
            raise OptionError.about(self.name(), "size", size, f"nothing but {fixed}, to which the graph is fixed")
        return size


def load(model: Model, network: Network, sess_opts: ort.SessionOptions | None, providers: object) -> Graph:
    """Return the graph of `model`, shared in the process; raise ModelError before loading if memory is too small."""
    chosen = _providers(model.name, network, providers)
    return shared_graph(model.name, network, fetch(model), chosen, sess_opts)


def _providers(name: str, network: Network, given: object) -> list[Provider]:
    chosen = chosen_providers(name, given)
    if chosen[0] == CPU:
        _check_memory(name, network.memory_needed)
    return chosen


def _check_memory(name: str, needed: int) -> None:
    found = memory() if needed else None
    if found is None or found.free >= needed:
        return
    needs = f"{name} needs about {needed / 1e9:.0f} GB of memory on the CPU"
    advice = "u2net_skin is the best of the models that need less."
    if found.total < needed:
        raise ModelError(f"{needs}; this machine or container has {found.total / 1e9:.1f} GB. {advice}")
    warnings.warn(f"{needs}; {found.free / 1e9:.1f} GB are free now. {advice}", RuntimeWarning, stacklevel=2)


NEURAL_SESSIONS = tuple(
    NeuralSession.of(
        model,
        network=model.network,
        options=network_options(model.network),
        knows_parts=model.network.skin_output is not None,
    )
    for model in MODELS.values()
    if model.network and model.suffix == ".onnx"
)
