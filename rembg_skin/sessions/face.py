"""Take the thresholds from the picture's faces. Procedure and parameters: a script of samhaswon/skin_segmentation."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any, ClassVar

import numpy as np
import onnxruntime as ort
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS
from rembg_skin.color.method import Cleaned, apply
from rembg_skin.color.rules import HsvRange
from rembg_skin.color.spaces import rgb_to_hsv
from rembg_skin.image.arrays import Bytes
from rembg_skin.image.tiles import Box
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.classic import YCBCR_HSV, cleanup, masked
from rembg_skin.sessions.options import Choice, Option, Real, finishing
from rembg_skin.sessions.parts import face_detector

_DEVIATIONS = 1.2


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
        self._detector = face_detector(self.threads)

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        found = self._detector.faces(rgb, settings["confidence"])
        if settings["faces"] == "largest":
            found = sorted(found, key=lambda face: face.area)[-1:]
        samples = [pixels for face in found if len(pixels := _visible_pixels(face.within(rgb.size), rgb, alpha))]
        if samples:
            return apply(rgb, alpha, Cleaned(merged(map(skin_range, samples)), settings["morph"], settings["blur"]))
        if settings["on_no_face"] == "ycbcr_hsv":
            return masked(YCBCR_HSV, {}, rgb, alpha)
        warnings.warn(
            f"{self.name()}: no face was found in the picture, so its mask is empty. The extra "
            'on_no_face="ycbcr_hsv" gives the mask of ycbcr_hsv_skin instead.',
            RuntimeWarning,
            stacklevel=3,
        )
        return Image.new("L", rgb.size)


def _visible_pixels(box: Box, rgb: PILImage, alpha: PILImage | None) -> Bytes:
    pixels = np.asarray(rgb.crop(box)).reshape(-1, 3)
    return pixels if alpha is None else pixels[np.asarray(alpha.crop(box)).ravel() > 0]


def skin_range(pixels: Bytes) -> HsvRange:
    """Return the mean of the RGB pixels of a face, uint8 [n, 3], +- 1.2 standard deviations in each channel of HSV."""
    hsv = rgb_to_hsv(pixels)
    mean, reach = hsv.mean(axis=0), _DEVIATIONS * hsv.std(axis=0)
    (h_min, s_min, v_min), (h_max, s_max, v_max) = (
        bounds.astype(int).tolist() for bounds in (mean - reach, mean + reach)
    )
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
    bounds = zip(*map(astuple, ranges), strict=True)  # of h_min in all of them, of h_max ...
    return HsvRange(*(pick(values) for pick, values in zip((min, max) * 3, bounds, strict=True)))
