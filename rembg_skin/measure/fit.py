"""``rembg-skin fit``: the thresholds of a colour method that serve one's own photographs best.

Joint histograms of colour and skin hold the photographs in up to 60 groups, each photograph counting the same, so that
memory does not grow with their number. The figures are measured with the method itself, its clean-up included, as
``eval`` measures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np

from rembg_skin.color.rules import ChromaEllipse
from rembg_skin.dataset.pairs import Pair, open_image, open_mask
from rembg_skin.errors import DataError
from rembg_skin.image.rgb import to_rgb
from rembg_skin.measure.metrics import Confusion
from rembg_skin.measure.thresholds import Extras, Histograms, Table, fit_ellipse, fit_ranges
from rembg_skin.sessions.classic import DIAGONAL, ELLIPSE, HsvSession, YcbcrHsvSession, YcbcrSession
from rembg_skin.sessions.opening import predict_mask

GROUPS = 60  # of photographs: the mean IoU is one over groups, and exactly that of the photographs up to so many


@dataclass(frozen=True)
class Method:
    """A colour method whose thresholds can be fitted.

    Attributes
    ----------
    defaults
        Its thresholds, as extras.
    channels
        The channels of its colours.
    fit
        From a table of colours, and thresholds from which to look, to the best thresholds.

    """

    defaults: Extras
    channels: tuple[str, ...]
    fit: Callable[[Table, Sequence[Extras]], Extras]


def _ranges(options: Mapping[str, Any]) -> Method:
    defaults = {name: int(option.default) for name, option in options.items() if name.endswith(("_min", "_max"))}
    channels = tuple(name.removesuffix("_min") for name in defaults if name.endswith("_min"))
    return Method({**defaults}, channels, fit_ranges)


def _ellipse(ellipse: ChromaEllipse, *, turned: bool) -> Method:
    return Method(asdict(ellipse), ("cb", "cr"), partial(fit_ellipse, turned=turned))


METHODS: dict[str, Method] = {
    "hsv_skin": _ranges(HsvSession.options),
    "ycbcr_skin": _ranges(YcbcrSession.options),
    "ycbcr_hsv_skin": _ranges(YcbcrHsvSession.options),
    "ellipse_skin": _ellipse(ELLIPSE, turned=False),
    "diagonal_skin": _ellipse(DIAGONAL, turned=True),
}


@dataclass(frozen=True)
class Judged:
    """How well thresholds do on photographs, as means over them: measured with the method and its clean-up."""

    images: int
    iou: float  # at 0.5
    f1: float
    precision: float
    recall: float

    @classmethod
    def of(cls, confusions: Sequence[Confusion]) -> "Judged":
        """Return the means over images; raise DataError if there are none."""
        if not confusions:
            raise DataError("No pair could be measured.")
        names = ("iou", "f1", "precision", "recall")
        means = [fmean(getattr(each, name) for each in confusions) for name in names]
        return cls(len(confusions), *means)


def add_pair(histograms: Histograms, number: int, pair: Pair, *, resize: bool) -> None:
    """Count photograph number `number` and its mask.

    Raises
    ------
    ImageError
        If a file cannot be read, or the mask is of another size and `resize` is not set.

    """
    image = to_rgb(open_image(pair.image))[0]
    mask = open_mask(pair.mask, image.size, resize=resize)
    histograms.add(number % len(histograms.photographs), image, mask)


def part_of(number: int, parts: int, groups: int) -> int:
    """Return the part of the set to which photograph number `number` belongs."""
    return number % groups % parts


def fit_all(method: Method, histograms: Histograms, parts: int) -> tuple[Extras, list[Extras]]:
    """Return the thresholds fitted to all photographs, and for each part of the set those fitted to the other parts.

    Raises
    ------
    DataError
        If there is no skin in the masks, or nothing else.

    """
    table = histograms.table(method.channels)
    for kind, name in enumerate(("nothing but skin", "no skin")):
        if not table.weights[kind].any():
            raise DataError(f"There is {name} in these masks: thresholds need photographs with skin and other things.")
    fitted = method.fit(table, [method.defaults])
    groups = np.arange(len(histograms.photographs))
    of_parts = []
    for part in range(parts if parts > 1 else 0):
        others = histograms.table(method.channels, groups % parts == part)
        usable = others.weights.any(axis=1).all()
        of_parts.append(method.fit(others, [method.defaults, fitted]) if usable else method.defaults)
    return fitted, of_parts


def judge(pair: Pair, sessions: Sequence[Any], *, resize: bool) -> list[Confusion]:
    """Return the pixel counts of each session's mask of a photograph; raises what :func:`add_pair` raises."""
    image = open_image(pair.image)
    truth = open_mask(pair.mask, image.size, resize=resize)
    return [Confusion.of(predict_mask(session, image), truth) for session in sessions]
