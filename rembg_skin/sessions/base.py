"""Define the base of every skin session: a rembg session with declared extras that returns one L mask."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

from PIL.Image import Image as PILImage
from rembg.sessions.base import BaseSession

from rembg_skin.catalog import Model, files_of
from rembg_skin.errors import ImageError
from rembg_skin.image.finish import Finish
from rembg_skin.image.rgb import to_rgb
from rembg_skin.machine import cores
from rembg_skin.messages import log_once
from rembg_skin.sessions.options import Option, resolve, warn_unknown
from rembg_skin.sessions.parts import detector_on_disk, parts_detector, without_parts
from rembg_skin.weights import fetch

_STEPS = tuple(field.name for field in fields(Finish))


class SkinSession(BaseSession, ABC):
    """A skin model behind rembg's interface.

    Extras given to ``new_session`` are kept; those given to ``remove`` or ``predict`` override them. `predict` changes
    no state of the session: it may serve any number of threads.
    """

    model: ClassVar[Model]
    options: ClassVar[Mapping[str, Option]] = {}
    knows_parts: ClassVar[bool] = False  # True if `mask` itself leaves out eyes, brows and mouth

    def __init__(self, model_name: str, sess_opts: Any, *_args: Any, **kwargs: Any) -> None:
        self.model_name = model_name
        self.sess_opts = sess_opts
        self._extras = {name: value for name, value in kwargs.items() if name in self.options}
        resolve(self.name(), self.options, self._extras)
        warn_unknown(self.name(), self.options, kwargs, stacklevel=3)
        if self._extras.get("parts") == "skin" and not self.knows_parts:
            parts_detector(self.name(), self.threads)  # unavailable: an error now, not with the first photo
        if not files_of(self.model):
            log_once(f"{self.name()}: served without a download")

    @classmethod
    def name(cls, *_args: Any, **_kwargs: Any) -> str:
        """Return the session's name, as given to ``rembg -m``."""
        return cls.model.name

    @classmethod
    def of(cls, model: Model, **members: object) -> type[Self]:
        """Return the session class of a catalog entry, with further class attributes."""
        base = {"__doc__": f"{model.title}.", "__module__": cls.__module__, "model": model}
        return type(model.name, (cls,), {**base, **members})

    @property
    def threads(self) -> int:
        """The number of threads that the steps around a model may use."""
        # rembg's server takes `sess_opts` from a client's extras: it may be anything.
        return getattr(self.sess_opts, "intra_op_num_threads", 0) or cores()

    @classmethod
    def download_models(cls, *_args: Any, **_kwargs: Any) -> str | None:
        """Return the path of the model's verified weights, the first if there are several; None if it needs none."""
        files = [cls.model] if cls.model.packaged else files_of(cls.model)
        return next(iter([str(fetch(file)) for file in files]), None)

    def predict(self, img: PILImage, *_args: Any, **kwargs: Any) -> list[PILImage]:
        """Return one L mask of the size of `img`, an image of any mode, 0 for not skin, 255 for skin.

        The keywords are the session's extras; others are ignored, with a warning unless they are rembg's. Raise
        ImageError if `img` is not a Pillow image, OptionError if an extra has the wrong type or is out of range, and
        WeightsError if ``parts="skin"`` needs the face detector, and its weights are unavailable.
        """
        if not isinstance(img, PILImage):
            given = type(img).__name__
            raise ImageError(f"{self.name()} takes a Pillow image, not {given}; Image.fromarray makes one of an array.")
        settings = resolve(self.name(), self.options, {**self._extras, **kwargs})
        warn_unknown(self.name(), self.options, kwargs, stacklevel=2)
        rgb, alpha = to_rgb(img)
        mask = self.mask(rgb, alpha, settings)
        if settings["parts"] == "skin":
            find = detector_on_disk if self.knows_parts else parts_detector
            if detector := find(self.name(), self.threads):
                mask = without_parts(mask, rgb, detector, rest=self.knows_parts)
        finish = Finish(**{step: settings[step] for step in _STEPS})
        return [finish.apply(mask, alpha, threads=self.threads)]

    @abstractmethod
    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under the checked `settings`, before the steps shared by all sessions.

        `alpha` is its L alpha if some pixel is fully transparent; the mask may hold anything there.
        """
