"""The color methods: no weights, no network, any machine. Parameters: scripts of samhaswon/skin_segmentation."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar

from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS
from rembg_skin.color.method import Cleaned, apply
from rembg_skin.color.mrf import field_mask
from rembg_skin.color.rules import ChromaBox, ChromaEllipse, HsvRange
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.options import Integer, Option, Real, finishing

AnyRule = HsvRange | ChromaBox | ChromaEllipse

ELLIPSE = ChromaEllipse()
DIAGONAL = ChromaEllipse(
    cb_center=119.31423371082059,
    cr_center=155.55795465744077,
    first_axis=37.089397631238135,
    second_axis=14.80887169802648,
    angle=148.63290799558428,
)
_REAL_RANGES = {"first_axis": (0.1, 500.0), "second_axis": (0.1, 500.0), "angle": (-360.0, 360.0)}


def rule_options(rule: AnyRule) -> dict[str, Option]:
    """Return the extras that set the fields of `rule`; its values are their defaults."""
    options: dict[str, Option] = {}
    for name, value in vars(rule).items():
        if isinstance(value, int):
            options[name] = Integer(value, 0, 179 if name.startswith("h_") else 255)
        else:
            options[name] = Real(value, *_REAL_RANGES.get(name, (0.0, 255.0)))
    return options


def cleanup(morph: int | None, blur: int | None) -> dict[str, Option]:
    """Return the extras of the clean-up with their defaults; None is for a method that has several clean-ups."""
    return {"morph": Integer(morph, 1, 31, odd=True), "blur": Integer(blur, 1, 31, odd=True)}


def _set(rule: AnyRule, settings: Mapping[str, Any]) -> AnyRule:
    return replace(rule, **{field.name: settings[field.name] for field in fields(rule)})


class RuleSession(SkinSession):
    """Apply one color rule, then the clean-up."""

    rule: ClassVar[AnyRule]

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        return apply(rgb, alpha, Cleaned(_set(self.rule, settings), settings["morph"], settings["blur"]))


def _of_rule(name: str, rule: AnyRule, morph: int = 3, blur: int = 3) -> type[SkinSession]:
    options = {**rule_options(rule), **cleanup(morph, blur), **finishing()}
    return RuleSession.of(MODELS[name], rule=rule, options=options)


class YcbcrHsvSession(SkinSession):
    """Intersect the two ranges; each is cleaned up separately, with its own `morph` and `blur` unless given."""

    model = MODELS["ycbcr_hsv_skin"]
    options: ClassVar[Mapping[str, Option]] = {
        **rule_options(ChromaBox()),
        **rule_options(HsvRange()),
        **cleanup(morph=None, blur=None),
        **finishing(),
    }

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        morph, blur = settings["morph"], settings["blur"] or 3
        box = Cleaned(_set(ChromaBox(), settings), morph or 3, blur)
        hsv = Cleaned(_set(HsvRange(), settings), morph or 1, blur)
        return apply(rgb, alpha, box, hsv)


class IcmSession(SkinSession):
    """Smooth color mixtures by a Markov random field."""

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
        names = ("prior", "smoothness", "sweeps", "morph", "blur")
        return field_mask(rgb, alpha, **{name: settings[name] for name in names})


CLASSIC_SESSIONS: tuple[type[SkinSession], ...] = (
    _of_rule("hsv_skin", HsvRange(), morph=1),
    _of_rule("ycbcr_skin", ChromaBox()),
    YcbcrHsvSession,
    _of_rule("ellipse_skin", ELLIPSE),
    _of_rule("diagonal_skin", DIAGONAL),
    IcmSession,
)
