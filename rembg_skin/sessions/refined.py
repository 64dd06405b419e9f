"""Refine the mask of a network by a second network in full resolution."""

from collections.abc import Mapping
from typing import Any, ClassVar

import onnxruntime as ort
from PIL.Image import Image as PILImage

from rembg_skin.catalog import FILES, MODELS, REFINER_NETWORK
from rembg_skin.image.mask import cleaned, resized, stretched, to_mask
from rembg_skin.image.patches import refined
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.neural import NEURAL_SESSIONS, NeuralSession, load
from rembg_skin.weights import fetch

REFINER = FILES["refiner"]
_BATCH = 4  # patches, if the graph takes several at once


class RefinedSession(SkinSession):
    """Refine a base session's mask patch by patch. Same extras and errors as the base session."""

    base: ClassVar[type[NeuralSession]]

    def __init__(self, model_name: str, sess_opts: ort.SessionOptions | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, sess_opts, *args, **kwargs)
        self._base = self.base(self.base.name(), sess_opts, providers=kwargs.get("providers"), **self._extras)
        self._refiner = load(REFINER, REFINER_NETWORK, sess_opts, kwargs.get("providers"))

    @property
    def inner_session(self) -> ort.InferenceSession:
        """ONNX Runtime's session of the base mask."""
        return self._base.inner_session

    @classmethod
    def check_machine(cls, **kwargs: Any) -> None:
        """Raise the errors of the base session."""
        cls.base.check_machine(**kwargs)

    @classmethod
    def download_models(cls, *_args: Any, **_kwargs: Any) -> str:
        """Return the path of the base network's verified weights; fetch those of the patch network too."""
        fetch(REFINER)
        return cls.base.download_models()

    def mask(self, rgb: PILImage, _alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        stretch = settings["stretch"]
        base = resized(to_mask(stretched(self._base.skin(rgb, settings["size"]), stretch)), rgb.size)
        mask = refined(rgb, base, self._refiner.run, batch=self._refiner.batch or _BATCH, stretch=stretch)
        if settings["smooth"]:
            return cleaned(mask, rgb.size, REFINER_NETWORK.blur, threads=self.threads)
        return mask


_BASES = {cls.name(): cls for cls in NEURAL_SESSIONS}

REFINED_SESSIONS = tuple(
    RefinedSession.of(
        model,
        base=_BASES[model.base],
        options={name: option for name, option in _BASES[model.base].options.items() if name != "detail"},
    )
    for model in MODELS.values()
    if model.base
)
