"""Draw the figures of ``eval --plot`` and ``stats`` with matplotlib (the extra ``plot``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rembg_skin.color.rules import HsvRange
from rembg_skin.errors import DataError, ExtraError, printable
from rembg_skin.files import write_atomically
from rembg_skin.measure.stats import Counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg")
_SKIN, _OTHER = "#D55E00", "#0072B2"
_DPI = 300
_FEW = 5  # images; fewer are drawn as dots only
_SPIKES = 4  # levels that a histogram's axis may cut
_BOUNDS = HsvRange()
# The label of each channel's axis, its last level, and the bounds of hsv_skin.
_CHANNELS = (
    ("hue H, half degrees", 179, (_BOUNDS.h_min, _BOUNDS.h_max)),
    ("saturation S, levels", 255, (_BOUNDS.s_min, _BOUNDS.s_max)),
    ("value V, levels", 255, (_BOUNDS.v_min, _BOUNDS.v_max)),
)


def new_figure(tool: str, width: float, height: float) -> "Figure":
    """Return an empty figure of `width` x `height` inches, in no window and no global state.

    Raises ExtraError, which names `tool`, if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ExtraError.about(tool, "matplotlib", "plot") from error
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def check_format(path: Path) -> None:
    """Raise DataError if a figure cannot be written in the format that the suffix of `path` names."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{printable(path)}: a figure's name ends in {', '.join(FORMATS)}.")


def save(figure: "Figure", path: Path) -> None:
    """Write the figure atomically in the format of the suffix, see `FORMATS`; PNG has 300 dots an inch."""
    write_atomically(path, lambda part: figure.savefig(part, format=path.suffix.lower()[1:], dpi=_DPI))


def distribution(figure: "Figure", ious: Mapping[str, Sequence[float]]) -> None:
    """Draw how the IoU at 0.5 of the images is distributed: for each model its density, quartiles, dots, mean and n."""
    axes = figure.subplots()
    places = list(range(len(ious), 0, -1))
    spread = np.random.default_rng(0)  # moves dots apart that would hide each other
    for place, values in zip(places, ious.values(), strict=True):
        _density(axes, place, values)
        heights = place - 0.24 + spread.uniform(-0.1, 0.1, len(values))
        axes.plot(values, heights, ".", color=_OTHER, alpha=0.5, markersize=4, markeredgewidth=0)
    mean = {"marker": "D", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 4}
    style: Any = {"orientation": "horizontal", "widths": 0.1, "showfliers": False, "showmeans": True, "meanprops": mean}
    axes.boxplot(list(ious.values()), positions=places, medianprops={"color": "black", "linewidth": 1.5}, **style)
    names = [f"{name}\nn = {len(values)}, mean {np.mean(values):.3f}" for name, values in ious.items()]
    axes.set(xlim=(-0.02, 1.02), ylim=(0.5, len(ious) + 0.6), xlabel="IoU at 0.5 of an image")
    axes.set_yticks(places, names)
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.set_title("Curve: density; dot: an image; box: quartiles; diamond: mean", fontsize="small")


def _density(axes: "Axes", place: int, values: Sequence[float]) -> None:
    """Draw the density of values above `place`; of few values, or of equal ones, there is none."""
    if len(values) < _FEW or np.ptp(values) == 0:
        return
    levels = np.linspace(0, 1, 512)
    # Silverman's width; near 0 and 1 the part that would lie outside is folded back.
    width = max(0.01, 0.9 * min(np.std(values), np.subtract(*np.percentile(values, [75, 25])) / 1.34 or 1.0))
    width *= len(values) ** -0.2
    given = np.concatenate([values, -np.asarray(values), 2 - np.asarray(values)])
    density = np.exp(-0.5 * ((levels[:, None] - given) / width) ** 2).sum(axis=1)
    axes.fill_between(levels, place, place + 0.42 * density / density.max(), color=_OTHER, alpha=0.35, linewidth=0)


def histograms(figure: "Figure", counts: Counts) -> None:
    """Draw the share of skin and of other pixels at each level of H, S and V, and the bounds of ``hsv_skin``.

    The axis ends above all but a few levels, so that the hue 0 of gray pixels does not flatten the rest.
    """
    panels = figure.subplots(1, len(_CHANNELS))
    for axes, levels, (label, last, bounds) in zip(panels, counts, _CHANNELS, strict=True):
        shares = 100 * levels[:, : last + 1] / np.maximum(1, levels.sum(axis=1, keepdims=True))
        edges = np.arange(last + 2) - 0.5
        for row, kind, color in ((shares[0], "not skin", _OTHER), (shares[1], "skin", _SKIN)):
            axes.stairs(row, edges, label=kind, color=color, fill=True, alpha=0.5)
        for place, bound in enumerate(bounds):
            axes.axvline(bound, color="black", linestyle="--", linewidth=1, label=None if place else "hsv_skin, bounds")
        top = 1.25 * float(np.sort(shares.max(axis=0))[-1 - _SPIKES]) or 1.0
        axes.set(xlabel=label, xlim=(-1, last + 1), ylim=(0, top))
    panels[0].set_ylabel("share of the pixels of its kind, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
