"""The bounds, or the ellipse, of a colour method with the highest mean IoU on joint histograms of colour and skin.

All pixels of a colour lie inside or outside together, so the IoU of any thresholds follows from the histograms, and the
best value of one range, or of an ellipse's size, can be found exactly while the others rest. That is repeated until
nothing gets better, from several starts.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image as PILImage

from rembg_skin.color.spaces import rgb_to_hsv, rgb_to_ycrcb
from rembg_skin.image.arrays import THRESHOLD, Floats, Mask, Selection

Extras = dict[str, int | float]
Weights = NDArray[np.float64]
Levels = NDArray[np.int64]
Ranges = dict[str, tuple[int, int]]

_BITS = 6  # of each of R, G and B: 262,144 colours
_SIDE = 1 << _BITS
_ROWS = 256  # at a time, so that memory does not grow with the photograph either
_LEVELS = 256
_CHANNELS = {"h": 180, "s": _LEVELS, "v": _LEVELS, "cb": _LEVELS, "cr": _LEVELS}
_ROUNDS = 40  # far more than are needed
# In shares of a photograph: without it, one wrong pixel of a photo without skin would cost as much as a false mask.
_SLACK = 1e-4
_SIZES, _SIZE_STEP = 512, 0.25  # of an ellipse: levels of the Cb-Cr plane
_FINEST = 0.2  # levels: the last step of an ellipse's centre


class Histograms:
    """How much skin and how much else there is of each colour in up to `groups` groups of photographs.

    Every photograph weighs 1, whatever its size; memory does not depend on how many there are.

    Attributes
    ----------
    photographs
        How many are in each group.

    """

    def __init__(self, groups: int) -> None:
        self.photographs = np.zeros(groups, np.int64)
        self._counts: list[Floats | None] = [None] * groups  # float32 [2, colours]: not skin, skin

    def add(self, group: int, image: PILImage, mask: Mask) -> None:
        """Count an RGB image and its mask, uint8 [height, width], skin above 127."""
        counted = np.zeros(2 * _SIDE**3, np.int64)
        skin = mask > THRESHOLD
        for top in range(0, image.height, _ROWS):
            rgb = np.asarray(image.crop((0, top, image.width, min(top + _ROWS, image.height)))) >> (8 - _BITS)
            places = (rgb[..., 0].astype(np.int64) * _SIDE + rgb[..., 1]) * _SIDE + rgb[..., 2]
            places += skin[top : top + _ROWS] * _SIDE**3
            counted += np.bincount(places.ravel(), minlength=counted.size)
        shares = (counted.reshape(2, -1) / mask.size).astype(np.float32)
        before = self._counts[group]
        self._counts[group] = shares if before is None else before + shares
        self.photographs[group] += 1

    def table(self, channels: Sequence[str], leave_out: Selection | None = None) -> "Table":
        """Return the colours that occur, by their levels in `channels`; `leave_out` is True for groups not to count."""
        chosen = [
            (counts, size)
            for group, (counts, size) in enumerate(zip(self._counts, self.photographs, strict=True))
            if counts is not None and (leave_out is None or not leave_out[group])
        ]
        parts = [_by_levels(counts, channels) for counts, _ in chosen]
        return Table(channels, parts, np.array([size for _, size in chosen], np.int64))


def _by_levels(counts: Floats, channels: Sequence[str]) -> tuple[Levels, Weights]:
    """Return the distinct levels [colours, channels] of a histogram's colours, and their weights [2, colours]."""
    used = np.flatnonzero(counts.any(axis=0))
    levels = np.stack([_colours()[name][used] for name in channels])
    code = np.ravel_multi_index(tuple(levels), [_LEVELS] * len(channels))
    distinct, place = np.unique(code, return_inverse=True)
    weights = np.stack([np.bincount(place, row[used], minlength=len(distinct)) for row in counts])
    return np.stack(np.unravel_index(distinct, [_LEVELS] * len(channels))), weights.astype(np.float64)


@cache
def _colours() -> dict[str, Levels]:
    """Return the levels of H, S, V, Cb and Cr in the middle of each of the histograms' colours."""
    middle = (np.arange(_SIDE) << (8 - _BITS)) + (1 << (7 - _BITS))
    rgb = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(-1, 1, 3).astype(np.uint8)
    hsv, ycrcb = rgb_to_hsv(rgb)[:, 0].astype(np.int64), rgb_to_ycrcb(rgb)[:, 0].astype(np.int64)
    return {"h": hsv[:, 0], "s": hsv[:, 1], "v": hsv[:, 2], "cb": ycrcb[:, 2], "cr": ycrcb[:, 1]}


class Table:
    """Colours of several groups of photographs, one entry for each group and colour.

    Attributes
    ----------
    levels
        For each channel the level of each entry, int64.
    weights
        float64 [2, entries]: how much of it is not skin, and skin.

    """

    def __init__(self, channels: Sequence[str], parts: Sequence[tuple[Levels, Weights]], sizes: Levels) -> None:
        none = (np.zeros((len(channels), 0), np.int64), np.zeros((2, 0)))
        levels, weights = (np.concatenate(each, axis=1) for each in zip(*(parts or [none]), strict=True))
        self.levels: dict[str, Levels] = dict(zip(channels, levels, strict=True))
        self.weights: Weights = weights
        self._group = np.repeat(np.arange(len(parts)), [part[1].shape[1] for part in parts])
        self._sizes = sizes[:, None]
        self._skin = np.array([part[1][1].sum() for part in parts])[:, None] / self._sizes

    def profile(self, places: Levels, size: int, kept: Selection | None = None) -> Weights:
        """Return how much lies at each of `size` places in each group, per photograph, float64 [2, groups, size]."""
        code = self._group * size + places
        weights = self.weights if kept is None else self.weights * kept
        counts = [np.bincount(code, row, minlength=len(self._sizes) * size) for row in weights]
        return np.stack(counts).reshape(2, -1, size) / self._sizes

    def mean_iou(self, inside: Weights) -> Weights:
        """Return the mean IoU over the photographs of selections, inside: [2, groups, selections] -> [selections]."""
        values = (inside[1] + _SLACK) / (self._skin + inside[0] + _SLACK)
        mean: Weights = (values * self._sizes).sum(axis=0) / self._sizes.sum()
        return mean


def fit_ranges(table: Table, starts: Sequence[Mapping[str, int | float]]) -> Extras:
    """Return the bounds with the highest mean IoU: `x_min` and `x_max` for each channel x of the table.

    `starts` are bounds from which to look, beside the whole range and the range of most of the skin.
    """
    names = list(table.levels)
    begin: list[Ranges] = [{name: (int(at[f"{name}_min"]), int(at[f"{name}_max"])) for name in names} for at in starts]
    begin.append({name: (0, _CHANNELS[name] - 1) for name in names})
    begin.append({name: _most(table.levels[name], table.weights[1]) for name in names})
    best = max((_climb(table, start) for start in begin), key=lambda found: found[0])[1]
    return {f"{name}_{end}": best[name][place] for name in names for place, end in enumerate(("min", "max"))}


def _most(levels: Levels, weights: Weights) -> tuple[int, int]:
    shares = np.cumsum(np.bincount(levels, weights, minlength=_LEVELS))
    low, high = np.searchsorted(shares / max(shares[-1], 1e-12), [0.05, 0.95])
    return int(low), min(int(high), int(levels.max(initial=0)))


def _climb(table: Table, start: Ranges) -> tuple[float, Ranges]:
    """Return the IoU and the ranges to which setting one range after the other to its best value leads."""
    ranges = dict(start)
    inside = {name: _between(table.levels[name], ranges[name]) for name in ranges}
    reached = -1.0
    for _ in range(_ROUNDS):
        before = reached
        for name in ranges:
            kept = np.ones(table.weights.shape[1], np.bool_)
            for other in ranges:
                kept &= inside[other] if other != name else True
            profile = table.profile(table.levels[name], _CHANNELS[name], kept)
            value, found = _best_range(table, profile, circular=name == "h")
            if value > reached:
                reached, ranges[name] = value, found
                inside[name] = _between(table.levels[name], found)
        if reached <= before:
            break
    return reached, ranges


def _between(levels: Levels, bounds: tuple[int, int]) -> Selection:
    low, high = bounds
    if low > high:  # hues through 0
        return (levels >= low) | (levels <= high)
    return (levels >= low) & (levels <= high)


def _best_range(table: Table, profile: Weights, *, circular: bool) -> tuple[float, tuple[int, int]]:
    """Return the highest mean IoU of all ranges of a profile, and the range; a circle's may pass through 0."""
    size = profile.shape[2]
    sums = np.concatenate([np.zeros((*profile.shape[:2], 1)), np.cumsum(profile, axis=2)], axis=2)
    best, found = -1.0, (0, size - 1)
    for low in range(size):
        inside = sums[:, :, 1:] - sums[:, :, low, None]  # up to each level, included
        if circular:
            inside[:, :, :low] += sums[:, :, -1, None]
        first = 0 if circular else low
        values = table.mean_iou(inside[:, :, first:])
        # Of equal ranges the widest: bounds that cost nothing are not drawn closer than they need to be.
        high = first + len(values) - 1 - int(np.argmax(values[::-1]))
        if values[high - first] > best + 1e-12:
            best, found = float(values[high - first]), (low, high)
    return best, found


def fit_ellipse(table: Table, starts: Sequence[Mapping[str, int | float]], *, turned: bool) -> Extras:
    """Return centre, axes and angle of the ellipse in the Cb-Cr plane with the highest mean IoU.

    Parameters
    ----------
    table
        Of the channels cb and cr.
    starts
        Ellipses from which to look, beside the one that the skin's mean and covariance give.
    turned
        Whether the axes may turn; otherwise the angle stays 0.

    """
    cb, cr = table.levels["cb"], table.levels["cr"]

    def scaled(shape: Sequence[float]) -> tuple[float, float]:
        """Return the mean IoU of the best size of an ellipse (centre, log of the axes' ratio, angle), and that size."""
        places = np.minimum(np.sqrt(_distances(cb, cr, shape)) / _SIZE_STEP, _SIZES - 1).astype(np.int64)
        values = table.mean_iou(np.cumsum(table.profile(places, _SIZES), axis=2))
        place = int(np.argmax(values))
        return float(values[place]), (place + 1) * _SIZE_STEP

    begin = [_shape(at, turned=turned) for at in starts] + [_moments(cb, cr, table.weights[1], turned=turned)]
    start = max(begin, key=lambda at: scaled(at)[0])
    shape = _search(lambda at: scaled(at)[0], start, turned=turned)
    size, ratio = scaled(shape)[1], float(np.exp(shape[2] / 2))
    found = {"cb_center": shape[0], "cr_center": shape[1], "first_axis": size * ratio, "second_axis": size / ratio}
    limits = {
        "cb_center": (0.0, 255.0),
        "cr_center": (0.0, 255.0),
        "first_axis": (0.1, 500.0),
        "second_axis": (0.1, 500.0),
    }
    extras: Extras = {name: round(min(max(found[name], low), high), 2) for name, (low, high) in limits.items()}
    return {**extras, "angle": round(shape[3] % 180, 2) if turned else 0.0}


def _distances(cb: Levels, cr: Levels, shape: Sequence[float]) -> Weights:
    turn = np.radians(shape[3])
    x, y = cb - shape[0], cr - shape[1]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    distances: Weights = along**2 / np.exp(shape[2]) + across**2 * np.exp(shape[2])
    return distances


def _moments(cb: Levels, cr: Levels, skin: Weights, *, turned: bool) -> list[float]:
    centre = [float(np.average(axis, weights=skin)) for axis in (cb, cr)]
    covariance = np.cov(np.stack([cb, cr]), aweights=skin, ddof=0) + np.eye(2) * 0.5
    if not turned:
        return [*centre, float(np.log(covariance[0, 0] / covariance[1, 1]) / 2), 0.0]
    variances, axes = np.linalg.eigh(covariance)
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
    return [*centre, float(np.log(variances[1] / variances[0]) / 2), float(angle)]


def _shape(ellipse: Mapping[str, float], *, turned: bool) -> list[float]:
    ratio = float(np.log(ellipse["first_axis"] / ellipse["second_axis"]))
    return [ellipse["cb_center"], ellipse["cr_center"], ratio, ellipse["angle"] if turned else 0.0]


def _search(value: Callable[[Sequence[float]], float], start: list[float], *, turned: bool) -> list[float]:
    """Return the place at which steps along each coordinate, ever smaller, find no higher value."""
    at, reached = start, value(start)
    steps = np.array([6.4, 6.4, 0.4, 16.0])
    while steps[0] > _FINEST:
        for step, sign in product(np.diag(steps)[: 4 if turned else 3], (1, -1)):
            trial = (np.array(at) + sign * step).tolist()
            if (found := value(trial)) > reached:
                at, reached = trial, found
                break
        else:
            steps = steps / 2
    return at
