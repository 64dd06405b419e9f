"""Run the networks of the catalog: one session class for each of them, and for each that refines another's mask."""

import warnings
from collections.abc import Mapping
from functools import reduce
from typing import Any, ClassVar

import onnxruntime as ort
from PIL.Image import Image as PILImage
from PIL.Image import Resampling

from rembg_skin.catalog import FILES, MODELS, REFINER_NETWORK, Model, Network
from rembg_skin.errors import ModelError, OptionError
from rembg_skin.image.arrays import Floats
from rembg_skin.image.guided import guided
from rembg_skin.image.mask import agreed, cleaned, stretched, to_mask
from rembg_skin.image.patches import along_edges, refined
from rembg_skin.image.tensor import COARSE, automatic_sides, fitted_size, to_tensor
from rembg_skin.machine import memory
from rembg_skin.networks.onnx import Graph, shared_graph
from rembg_skin.networks.providers import CPU, chosen_providers
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.options import DETAIL, Choice, Integer, Option, Switch, finishing
from rembg_skin.weights import fetch

_LARGEST_SIZE = 1024  # an HTTP client may ask for it
_BATCH = 4  # patches, if the graph takes several at once


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

    Opening one raises OptionError if an extra or a provider is not possible, WeightsError if the weights are
    unavailable or fail verification, and ModelError if they do not fit the catalog, or need more memory.
    """

    network: ClassVar[Network]

    def __init__(self, model_name: str, sess_opts: ort.SessionOptions | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, sess_opts, *args, **kwargs)
        self._graph = self._load(kwargs.get("providers"))
        self._side(self._extras.get("size"))

    def _load(self, providers: object) -> Any:
        model = MODELS[self.model.base] if self.model.base else self.model
        return load(model, self.network, self.sess_opts, providers)

    @property
    def inner_session(self) -> ort.InferenceSession:
        """ONNX Runtime's session, as rembg's own sessions name it; of a refined model that of the base mask."""
        return self._graph.session

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
        return small.resize(rgb.size, Resampling.BICUBIC)

    def skin(self, rgb: PILImage, size: int | None, output: str | None = None) -> Floats:
        """Return the network's values for an RGB image, float32 [height, width], 0 to 1, without any letterbox.

        `output` is the name of an output of the graph; None for the first one.
        """
        return reduce(agreed, (self._values(rgb, side, output) for side in self._sides(rgb, size)))

    def _sides(self, rgb: PILImage, size: int | None) -> tuple[int, ...]:
        return automatic_sides(rgb.size) if self.network.automatic and size is None else (self._side(size),)

    def _side(self, size: int | None) -> int:
        fixed: int | None = self._graph.side
        if size is None:
            return fixed or self.network.size
        if fixed not in (None, size):
            raise OptionError.about(self.name(), "size", size, f"nothing but {fixed}, to which the graph is fixed")
        return size

    def _values(self, rgb: PILImage, side: int, output: str | None) -> Floats:
        net, threads = self.network, self.threads
        normalization = {"mean": net.mean, "std": net.std}
        tensor = to_tensor(rgb, side, net.fit, **normalization, reducing_gap=net.reducing_gap, threads=threads)
        width, height = fitted_size(rgb.size, side, net.fit)
        return self._run(tensor, output)[:height, :width]

    def _run(self, tensor: Floats, output: str | None) -> Floats:
        values: Floats = self._graph.run(tensor, output)[0]
        return values


class RefinedSession(NeuralSession):
    """Refine a base network's mask patch by patch, by a second network in full resolution."""

    def __init__(self, model_name: str, sess_opts: ort.SessionOptions | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, sess_opts, *args, **kwargs)
        self._refiner = load(FILES["refiner"], REFINER_NETWORK, sess_opts, kwargs.get("providers"))

    def mask(self, rgb: PILImage, _alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        stretch = settings["stretch"]
        small = to_mask(stretched(self.skin(rgb, settings["size"]), stretch))
        base = small.resize(rgb.size, Resampling.BICUBIC)
        mask = refined(rgb, base, self._refiner.run, batch=self._refiner.batch or _BATCH, stretch=stretch)
        if settings["smooth"]:
            return cleaned(mask, rgb.size, REFINER_NETWORK.blur, threads=self.threads)
        return mask


def load(model: Model, network: Network, sess_opts: ort.SessionOptions | None, providers: object) -> Graph:
    """Return the graph of `model`, shared in the process; raise ModelError before fetching it if memory is short."""
    chosen, needed = chosen_providers(model.name, providers), network.memory_needed
    found = memory() if needed and chosen[0] == CPU else None
    if found and found.free < needed:
        needs = f"{model.name} needs about {needed / 1e9:.0f} GB of memory on the CPU"
        advice = "u2net_skin is the best of the models that need less."
        if found.total < needed:
            raise ModelError(f"{needs}; this machine or container has {found.total / 1e9:.1f} GB. {advice}")
        warnings.warn(f"{needs}; {found.free / 1e9:.1f} GB are free now. {advice}", RuntimeWarning, stacklevel=2)
    return shared_graph(model.name, network, fetch(model), chosen, sess_opts)


def _session(model: Model, network: Network) -> type[NeuralSession]:
    options = network_options(network)
    if model.base is None:
        return NeuralSession.of(model, network=network, options=options, knows_parts=network.skin_output is not None)
    del options["detail"]
    return RefinedSession.of(model, network=network, options=options)


NEURAL_SESSIONS = tuple(
    _session(model, network)
    for model in MODELS.values()
    if model.suffix == ".onnx" and (network := MODELS.get(model.base or "", model).network)
)
