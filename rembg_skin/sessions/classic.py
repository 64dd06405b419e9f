"""The color methods: no weights, no network, any machine. Parameters: scripts of samhaswon/skin_segmentation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS
from rembg_skin.color.method import Cleaned, apply
from rembg_skin.color.mrf import field_mask
from rembg_skin.color.rules import ChromaBox, ChromaEllipse, HsvRange
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.options import Integer, Option, Real, finishing

Rules = Mapping[HsvRange | ChromaBox | ChromaEllipse, int]  # each with the `morph` of its clean-up

YCBCR_HSV: Rules = {ChromaBox(): 3, HsvRange(): 1}
_BLUR = 3
_DIAGONAL = ChromaEllipse(
    cb_center=119.31423371082059,
    cr_center=155.55795465744077,
    first_axis=37.089397631238135,
    second_axis=14.80887169802648,
    angle=148.63290799558428,
)
_REAL_RANGES = {"first_axis": (0.1, 500.0), "second_axis": (0.1, 500.0), "angle": (-360.0, 360.0)}


def cleanup(morph: int | None, blur: int | None) -> dict[str, Option]:
    """Return the extras of the clean-up with their defaults; None is for a method that has several clean-ups."""
    return {"morph": Integer(morph, 1, 31, step=2), "blur": Integer(blur, 1, 31, step=2)}


def _option(name: str, value: float) -> Option:
    """Return the extra that sets the field `name` of a rule."""
    if isinstance(value, int):
        return Integer(value, 0, 179 if name.startswith("h_") else 255)
    return Real(value, *_REAL_RANGES.get(name, (0.0, 255.0)))


def masked(rules: Rules, settings: Mapping[str, Any], rgb: PILImage, alpha: PILImage | None) -> PILImage:
    """Return the L mask of an RGB image by the `rules`, with those of their fields that are in `settings`."""
    methods = []
    for rule, morph in rules.items():
        values = {name: settings[name] for name in vars(rule).keys() & settings.keys()}
        blur = settings.get("blur") or _BLUR
        methods.append(Cleaned(replace(rule, **values), settings.get("morph") or morph, blur))
    return apply(rgb, alpha, *methods)


class RuleSession(SkinSession):
    """Intersect color rules; each is cleaned up separately, with its own `morph` and `blur` unless given."""

    rules: ClassVar[Rules]

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the L mask of an RGB image under checked `settings`."""
        return masked(self.rules, settings, rgb, alpha)


def _of_rules(name: str, rules: Rules) -> type[SkinSession]:
    options = {field: _option(field, value) for rule in rules for field, value in vars(rule).items()}
    *others, morph = rules.values()
    defaults = cleanup(None, None) if others else cleanup(morph, _BLUR)
    return RuleSession.of(MODELS[name], rules=rules, options={**options, **defaults, **finishing()})


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
    _of_rules("hsv_skin", {HsvRange(): 1}),
    _of_rules("ycbcr_skin", {ChromaBox(): 3}),
    _of_rules("ycbcr_hsv_skin", YCBCR_HSV),
    _of_rules("ellipse_skin", {ChromaEllipse(): 3}),
    _of_rules("diagonal_skin", {_DIAGONAL: 3}),
    IcmSession,
)
