"""The colour methods: no weights, no network, any machine. Parameters: scripts of samhaswon/skin_segmentation."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS
from rembg_skin.color.method import Cleaned, Intersection, Method, apply
from rembg_skin.color.mrf import RandomField
from rembg_skin.color.rules import ChromaBox, ChromaEllipse, HsvRange
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.options import Integer, Option, Real, finishing


def _bounds(rule: type[HsvRange | ChromaBox]) -> dict[str, Option]:
    # A rule's fields are its bounds: their names and defaults are the session's extras.
    return {
        field.name: Integer(int(field.default), 0, 179 if field.name.startswith("h_") else 255)  # type: ignore[arg-type]
        for field in fields(rule)
    }


def cleanup(morph: int | None, blur: int | None) -> dict[str, Option]:
    """Return the extras of the clean-up, with their defaults; None is for a method that has several."""
    return {"morph": Integer(morph, 1, 31, odd=True), "blur": Integer(blur, 1, 31, odd=True)}


def _ellipse(default: ChromaEllipse) -> dict[str, Option]:
    return {
        "cb_center": Real(default.cb_center, 0.0, 255.0),
        "cr_center": Real(default.cr_center, 0.0, 255.0),
        "first_axis": Real(default.first_axis, 0.1, 500.0),
        "second_axis": Real(default.second_axis, 0.1, 500.0),
        "angle": Real(default.angle, -360.0, 360.0),
    }


HSV_BOUNDS = _bounds(HsvRange)
CHROMA_BOUNDS = _bounds(ChromaBox)
ELLIPSE = ChromaEllipse()
DIAGONAL = ChromaEllipse(
    cb_center=119.31423371082059,
    cr_center=155.55795465744077,
    first_axis=37.089397631238135,
    second_axis=14.80887169802648,
    angle=148.63290799558428,
)


class ColorSession(SkinSession):
    """A method that looks at each pixel's colour, then cleans the mask up."""

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        return apply(self.method(settings), rgb, alpha)

    @abstractmethod
    def method(self, settings: Mapping[str, Any]) -> Method:
        """Return the method under checked `settings`."""


class HsvSession(ColorSession):
    """Hue, saturation and value between bounds."""

    model = MODELS["hsv_skin"]
    options: ClassVar[Mapping[str, Option]] = {**HSV_BOUNDS, **cleanup(morph=1, blur=3), **finishing()}

    def method(self, settings: Mapping[str, Any]) -> Method:
        """Return the range and its clean-up."""
        rule = HsvRange(**{name: settings[name] for name in HSV_BOUNDS})
        return Cleaned(rule, settings["morph"], settings["blur"])


class YcbcrSession(ColorSession):
    """Cb and Cr between bounds."""

    model = MODELS["ycbcr_skin"]
    options: ClassVar[Mapping[str, Option]] = {**CHROMA_BOUNDS, **cleanup(morph=3, blur=3), **finishing()}

    def method(self, settings: Mapping[str, Any]) -> Method:
        """Return the box and its clean-up."""
        rule = ChromaBox(**{name: settings[name] for name in CHROMA_BOUNDS})
        return Cleaned(rule, settings["morph"], settings["blur"])


class YcbcrHsvSession(ColorSession):
    """What both of the above find: each is cleaned up on its own, with its own `morph` and `blur` unless given."""

    model = MODELS["ycbcr_hsv_skin"]
    options: ClassVar[Mapping[str, Option]] = {
        **CHROMA_BOUNDS,
        **HSV_BOUNDS,
        **cleanup(morph=None, blur=None),
        **finishing(),
    }

    def method(self, settings: Mapping[str, Any]) -> Method:
        """Return the two methods' intersection."""
        box = ChromaBox(**{name: settings[name] for name in CHROMA_BOUNDS})
        hsv = HsvRange(**{name: settings[name] for name in HSV_BOUNDS})
        morph, blur = settings["morph"], settings["blur"]
        return Intersection((Cleaned(box, morph or 3, blur or 3), Cleaned(hsv, morph or 1, blur or 3)))


class EllipseSession(ColorSession):
    """Inside an upright ellipse of the Cb-Cr plane."""

    model = MODELS["ellipse_skin"]
    options: ClassVar[Mapping[str, Option]] = {**_ellipse(ELLIPSE), **cleanup(morph=3, blur=3), **finishing()}

    def method(self, settings: Mapping[str, Any]) -> Method:
        """Return the ellipse and its clean-up."""
        rule = ChromaEllipse(**{field.name: settings[field.name] for field in fields(ChromaEllipse)})
        return Cleaned(rule, settings["morph"], settings["blur"])


class DiagonalSession(EllipseSession):
    """Inside a turned ellipse of the Cb-Cr plane."""

    model = MODELS["diagonal_skin"]
    options: ClassVar[Mapping[str, Option]] = {**_ellipse(DIAGONAL), **cleanup(morph=3, blur=3), **finishing()}


class IcmSession(SkinSession):
    """Colour mixtures smoothed by a Markov random field."""

    model = MODELS["icm_skin"]
    options: ClassVar[Mapping[str, Option]] = {
        "prior": Real(0.3, 0.001, 0.999),
        "smoothness": Real(40.0, 0.0, 1000.0),
        "sweeps": Integer(5, 0, 50),
        **cleanup(morph=3, blur=3),
        **finishing(),
    }

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        return RandomField(**{field.name: settings[field.name] for field in fields(RandomField)}).mask(rgb, alpha)


CLASSIC_SESSIONS: tuple[type[SkinSession], ...] = (
    HsvSession,
    YcbcrSession,
    YcbcrHsvSession,
    EllipseSession,
    DiagonalSession,
    IcmSession,
)
