"""Take the thresholds from the picture's faces. Procedure and parameters: a script of samhaswon/skin_segmentation."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS
from rembg_skin.color.method import Cleaned, apply
from rembg_skin.color.rules import HsvRange
from rembg_skin.color.spaces import rgb_to_hsv
from rembg_skin.image.tiles import Box
from rembg_skin.networks.yunet import shared_detector
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.classic import YcbcrHsvSession, cleanup
from rembg_skin.sessions.options import Choice, Option, Real, finishing, resolve
from rembg_skin.sessions.parts import fetch_detector

_DEVIATIONS = 1.2
_YCBCR_HSV = YcbcrHsvSession(YcbcrHsvSession.name(), None)


class FaceSession(SkinSession):
    """Select the hue, saturation and value of the picture's faces."""

    model = MODELS["face_skin"]
    options: ClassVar[Mapping[str, Option]] = {
        "faces": Choice("largest", ("largest", "all")),
        "on_no_face": Choice("empty", ("empty", "ycbcr_hsv")),
        "confidence": Real(0.7, 0.1, 1.0),
        **cleanup(morph=1, blur=5),
        **finishing(),
    }

    def __init__(self, model_name: str, sess_opts: ort.SessionOptions | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, sess_opts, *args, **kwargs)
        self._detector = shared_detector(Path(self.download_models()), self.threads)

    @classmethod
    def download_models(cls, *_args: Any, **_kwargs: Any) -> str:
        """Return the path of the detector's verified weights."""
        return str(fetch_detector())

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        found = self._detector.faces(rgb, settings["confidence"])
        if settings["faces"] == "largest":
            found = sorted(found, key=lambda face: face.area)[-1:]
        samples = [pixels for face in found if len(pixels := _visible_pixels(face.within(rgb.size), rgb, alpha))]
        if samples:
            return apply(rgb, alpha, Cleaned(merged(map(skin_range, samples)), settings["morph"], settings["blur"]))
        if settings["on_no_face"] == "ycbcr_hsv":
            return _YCBCR_HSV.mask(rgb, alpha, resolve(_YCBCR_HSV.name(), _YCBCR_HSV.options, {}))
        warnings.warn(
            f"{self.name()}: no face was found in the picture, so its mask is empty. The extra "
            'on_no_face="ycbcr_hsv" gives the mask of ycbcr_hsv_skin instead.',
            RuntimeWarning,
            stacklevel=3,
        )
        return Image.new("L", rgb.size)


def _visible_pixels(box: Box, rgb: PILImage, alpha: PILImage | None) -> NDArray[np.uint8]:
    pixels = np.asarray(rgb.crop(box)).reshape(-1, 3)
    return pixels if alpha is None else pixels[np.asarray(alpha.crop(box)).ravel() > 0]


def skin_range(pixels: NDArray[np.uint8]) -> HsvRange:
    """Return the mean of the RGB pixels of a face, uint8 [n, 3], +- 1.2 standard deviations in each channel of HSV."""
    hsv = rgb_to_hsv(pixels)
    mean, deviation = hsv.mean(axis=0), hsv.std(axis=0)
    h_min, s_min, v_min = (int(low) for low in mean - _DEVIATIONS * deviation)
    h_max, s_max, v_max = (int(high) for high in mean + _DEVIATIONS * deviation)
    return HsvRange(
        h_min=h_min if 0 <= h_min < 10 else 0,  # noqa: PLR2004
        h_max=min(h_max, 50),
        s_min=max(s_min, 20),
        s_max=min(s_max, 255),
        v_min=max(v_min, 60),
        v_max=min(v_max, 255),
    )


def merged(ranges: Iterable[HsvRange]) -> HsvRange:
    """Return the smallest range around all `ranges`."""
    every = list(ranges)
    return HsvRange(
        **{
            field.name: (min if field.name.endswith("_min") else max)(getattr(one, field.name) for one in every)
            for field in fields(HsvRange)
        }
    )
