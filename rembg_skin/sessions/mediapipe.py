"""Run MediaPipe's selfie model by LiteRT. Classes, input and output: Google's model card of selfie multiclass."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np
from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS, Network
from rembg_skin.errors import NO_RUNTIME, ModelError
from rembg_skin.image.arrays import Floats
from rembg_skin.networks.litert import TfliteGraph, shared_tflite_graph
from rembg_skin.sessions.neural import NeuralSession
from rembg_skin.sessions.options import DETAIL, Option, finishing
from rembg_skin.weights import fetch

BODY_SKIN, FACE_SKIN = 2, 3  # of background, hair, body skin, face skin, clothes, other


class MediapipeSession(NeuralSession):
    """Add body skin and face skin to one soft mask; opening one raises ModelError if LiteRT is not installed."""

    model = MODELS["mediapipe_skin"]
    network = cast("Network", model.network)
    options: ClassVar[Mapping[str, Option]] = {"detail": DETAIL, **finishing(*network.levels)}

    def _load(self, _providers: object) -> TfliteGraph:
        try:
            import ai_edge_litert.interpreter  # noqa: F401 - an extra: only this model needs it
        except ImportError as error:
            raise ModelError(
                f'{self.name()} needs LiteRT, which is not installed: pip install "rembg-skin[mediapipe]" ({error}).'
                f" {NO_RUNTIME}"
            ) from None
        return shared_tflite_graph(self.name(), self.network, fetch(self.model), self.threads)

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        return super().mask(rgb, alpha, {**settings, "size": None, "stretch": "never", "smooth": False})

    def _run(self, tensor: Floats, _output: str | None) -> Floats:
        shares = softmax(self._graph.run(tensor.transpose(0, 2, 3, 1)))
        return (shares[..., BODY_SKIN] + shares[..., FACE_SKIN]).clip(0, 1)


def softmax(logits: Floats) -> Floats:
    """Return the classes' shares, which sum to 1 along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares
