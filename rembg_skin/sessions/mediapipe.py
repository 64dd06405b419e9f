"""Run MediaPipe's selfie model by LiteRT. Classes, input and output: Google's model card of selfie multiclass."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import onnxruntime as ort
from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS, Network
from rembg_skin.errors import NO_RUNTIME, ModelError
from rembg_skin.image.arrays import Floats
from rembg_skin.image.guided import guided
from rembg_skin.image.mask import resized, to_mask
from rembg_skin.image.patches import along_edges
from rembg_skin.image.tensor import to_tensor
from rembg_skin.networks.litert import shared_tflite_graph
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.options import DETAIL, Option, finishing
from rembg_skin.weights import fetch

_NETWORK = cast("Network", MODELS["mediapipe_skin"].network)
BODY_SKIN, FACE_SKIN = 2, 3  # of background, hair, body skin, face skin, clothes, other


class MediapipeSession(SkinSession):
    """Add body skin and face skin to one soft mask.

    Raises
    ------
    ModelError
        If LiteRT is not installed, or the file is not the network of the catalog.
    WeightsError
        If the weights are unavailable or fail verification.

    """

    model = MODELS["mediapipe_skin"]
    options: ClassVar[Mapping[str, Option]] = {"detail": DETAIL, **finishing(*_NETWORK.levels)}

    def __init__(self, model_name: str, sess_opts: ort.SessionOptions | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, sess_opts, *args, **kwargs)
        self.check_machine()
        self._graph = shared_tflite_graph(self.name(), _NETWORK, Path(self.download_models()), self.threads)

    @classmethod
    def check_machine(cls, **_kwargs: Any) -> None:
        """Raise ModelError if LiteRT is not installed."""
        try:
            import ai_edge_litert.interpreter  # noqa: F401 - an extra: only this model needs it
        except ImportError as error:
            raise ModelError(
                f'{cls.name()} needs LiteRT, which is not installed: pip install "rembg-skin[mediapipe]" ({error}).'
                f" {NO_RUNTIME}"
            ) from None

    @classmethod
    def download_models(cls, *_args: Any, **_kwargs: Any) -> str:
        """Return the path of the verified weights."""
        return str(fetch(cls.model))

    def mask(self, rgb: PILImage, _alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        values, closer = self._values(rgb), None
        if settings["detail"] == "fine":
            closer = along_edges(rgb, values, self._values, _NETWORK.size, _NETWORK.size)
        return resized(to_mask(values), rgb.size) if closer is None else guided(closer, rgb, threads=self.threads)

    def _values(self, rgb: PILImage) -> Floats:
        tensor = to_tensor(rgb, _NETWORK.size, reducing_gap=2.0, threads=self.threads)
        shares = softmax(self._graph.run(tensor.transpose(0, 2, 3, 1)))
        return (shares[..., BODY_SKIN] + shares[..., FACE_SKIN]).clip(0, 1)


def softmax(logits: Floats) -> Floats:
    """Return the classes' shares, which sum to 1 along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares
