"""The figures of ``eval --plot`` and ``stats``, drawn with matplotlib (the extra ``plot``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rembg_skin.color.rules import ChromaBox, HsvRange
from rembg_skin.errors import DataError, ExtraError, printable
from rembg_skin.files import write_whole
from rembg_skin.measure.stats import ColourStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg")
# Inches, of the figures of `stats`.
SIZES = {"histograms_hsv": (10, 3.6), "histograms_ycbcr": (10, 3.6), "cb_cr_plane": (9.4, 4.6), "heat_map": (5, 4.2)}

_SKIN, _OTHER, _BOUND = "#D55E00", "#0072B2", "black"
_DPI = 300
_FEW = 5  # images, for which a distribution is no curve but dots alone
_ROOM = 1.25  # a histogram's axis ends this much above the highest level that is no spike
_PEAK, _MARGIN = 1.5, 1.05
_SPIKES = 4  # levels of a histogram that may be cut, and are then written


def new_figure(tool: str, width: float, height: float) -> "Figure":
    """Return an empty figure of `width` x `height` inches that no window or global state knows of.

    Raises
    ------
    ExtraError
        If matplotlib is not installed; `tool` is named as the one that needs it.

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
    """Write the figure, a whole file or none, in the format of the suffix; PNG has 300 dots an inch."""
    check_format(path)
    kind = path.suffix.lower().removeprefix(".")
    write_whole(path, lambda part: figure.savefig(part, format=kind, dpi=_DPI))


def distribution(figure: "Figure", ious: Mapping[str, Sequence[float]]) -> None:
    """Draw how the IoU at 0.5 of the images is distributed: for each model its density, quartiles, dots, mean and n."""
    axes = figure.subplots()
    places = range(len(ious), 0, -1)
    spread = np.random.default_rng(0)  # moves dots apart that would hide each other
    for place, values in zip(places, ious.values(), strict=True):
        _density(axes, place, values)
        heights = place - 0.24 + spread.uniform(-0.1, 0.1, len(values))
        axes.plot(values, heights, ".", color=_OTHER, alpha=0.5, markersize=4, markeredgewidth=0)
    axes.boxplot(
        list(ious.values()),
        positions=list(places),
        orientation="horizontal",
        widths=0.1,
        showfliers=False,
        showmeans=True,
        meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 4},
        medianprops={"color": "black", "linewidth": 1.5},
    )
    names = [f"{name}\nn = {len(values)}, mean {np.mean(values):.3f}" for name, values in ious.items()]
    axes.set(xlim=(-0.02, 1.02), ylim=(0.5, len(ious) + 0.6), xlabel="IoU at 0.5 of an image")
    axes.set_yticks(list(places), names)
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


@dataclass(frozen=True)
class Channel:
    """A histogram's channel: its name and unit, its levels, and the bounds of the classic method if it has any."""

    title: str
    last: int
    bounds: tuple[int, int] | None


HSV = {
    "H": Channel("hue H, half degrees", 179, (HsvRange().h_min, HsvRange().h_max)),
    "S": Channel("saturation S, levels", 255, (HsvRange().s_min, HsvRange().s_max)),
    "V": Channel("value V, levels", 255, (HsvRange().v_min, HsvRange().v_max)),
}
YCBCR = {
    "Y": Channel("luma Y, levels", 255, None),
    "Cb": Channel("blue difference Cb, levels", 255, (ChromaBox().cb_min, ChromaBox().cb_max)),
    "Cr": Channel("red difference Cr, levels", 255, (ChromaBox().cr_min, ChromaBox().cr_max)),
}


def histograms(figure: "Figure", statistics: ColourStatistics, channels: Mapping[str, Channel], method: str) -> None:
    """Draw the share of skin and of other pixels at each level of the channels, and the bounds of a classic method.

    A level that is much more frequent than all others, such as the hue 0 of grey pixels, is cut at the axis' end and
    written there, so that it does not flatten the rest.
    """
    axes_of = figure.subplots(1, len(channels))
    for axes, (name, channel) in zip(axes_of, channels.items(), strict=True):
        shares = _shares(statistics.histograms[name][:, : channel.last + 1])
        for row, label, colour in ((shares[0], "not skin", _OTHER), (shares[1], "skin", _SKIN)):
            edges = np.arange(channel.last + 2) - 0.5
            axes.stairs(row, edges, label=label, color=colour, fill=True, alpha=0.5)
        top = _axis_end(shares)
        _write_spikes(axes, shares, top)
        for place, bound in enumerate(channel.bounds or ()):
            axes.axvline(bound, color=_BOUND, linestyle="--", linewidth=1, label=None if place else f"{method}, bounds")
        axes.set(xlabel=channel.title, xlim=(-1, channel.last + 1), ylim=(0, top))
    axes_of[0].set_ylabel("share of the pixels of its kind, %")
    figure.legend(*axes_of[1].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return counts [2, levels] as percent of their row."""
    shares: NDArray[np.float64] = 100 * counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    return shares


def _axis_end(shares: NDArray[np.float64]) -> float:
    """Return the end of the axis of shares [2, levels]: above all levels but a few spikes."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(shares, ((0, 0), (3, 3))), 7, axis=1)
    without_spikes = np.median(windows, axis=2).max()
    highest = np.sort(shares.max(axis=0))[::-1]
    end = _ROOM * max(float(without_spikes), float(highest[_SPIKES:].max(initial=0.0)))
    # A peak that is little higher is shown whole.
    return max(end, _MARGIN * float(highest[highest <= _PEAK * end].max(initial=0.0))) or 1.0


def _write_spikes(axes: "Axes", shares: NDArray[np.float64], top: float) -> None:
    height = 0.97
    for row, colour, kind in ((shares[0], _OTHER, "not skin"), (shares[1], _SKIN, "skin")):
        for level in np.flatnonzero(row > top).tolist():
            right = level < len(row) / 2
            axes.annotate(
                f"{row[level]:.1f} % of {kind} at {level}",
                (level, height),
                xycoords=("data", "axes fraction"),
                xytext=(6 if right else -6, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                va="top",
                fontsize="small",
                color=colour,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )
            height -= 0.07


def chroma_plane(figure: "Figure", statistics: ColourStatistics) -> None:
    """Draw where skin and other pixels lie in the Cb-Cr plane, with the box and the ellipses of the classic methods.

    Both halves show all colours that occur, on one scale of colours.
    """
    from matplotlib.colors import LogNorm

    panes = figure.subplots(1, 2, sharex=True, sharey=True)
    shares = 100 * statistics.plane / np.maximum(1, statistics.plane.sum(axis=(1, 2), keepdims=True))
    top = max(float(shares.max()), 1e-3)
    norm = LogNorm(top / 1e4, top, clip=True)  # rarer colours have the last colour of the scale; none stays white
    for axes, plane, title in zip(panes, shares, ("not skin", "skin"), strict=True):
        shown = np.ma.masked_equal(plane.T, 0)
        mesh = axes.imshow(shown, origin="lower", norm=norm, cmap="viridis_r", interpolation="nearest")
        _classic_bounds(axes)
        axes.set(xlabel="Cb, levels", ylabel="Cr, levels", title=title)
        axes.set_aspect("equal")
        axes.label_outer()
    low, high = _extent(statistics.plane.sum(axis=0))
    panes[0].set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    bar = figure.colorbar(mesh, ax=list(panes), shrink=0.85, extend="min")
    bar.set_label("share of the pixels of its kind, %")
    figure.legend(*panes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)


def _extent(counts: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Return the least and greatest (Cb, Cr) to show: every colour that is counted and every classic bound."""
    places = np.argwhere(counts) if counts.any() else np.array([[128, 128]])
    low, high = places.min(axis=0), places.max(axis=0)
    low, high = np.minimum(low, (85, 130)) - 6, np.maximum(high, (152, 182)) + 6
    return low.tolist(), high.tolist()


def _classic_bounds(axes: "Axes") -> None:
    from matplotlib.patches import Ellipse, Rectangle

    from rembg_skin.sessions.classic import DIAGONAL, ELLIPSE

    line: dict[str, Any] = {"fill": False, "linewidth": 1.5}
    box = ChromaBox()
    width, height = box.cb_max - box.cb_min, box.cr_max - box.cr_min
    axes.add_patch(Rectangle((box.cb_min, box.cr_min), width, height, color=_SKIN, label="ycbcr_skin", **line))
    for ellipse, name, colour in ((ELLIPSE, "ellipse_skin", "#D6006C"), (DIAGONAL, "diagonal_skin", "black")):
        center = (ellipse.cb_center, ellipse.cr_center)
        axis, other = 2 * ellipse.first_axis, 2 * ellipse.second_axis
        axes.add_patch(Ellipse(center, axis, other, angle=ellipse.angle, color=colour, label=name, **line))


def heat_map(figure: "Figure", statistics: ColourStatistics) -> None:
    """Draw how often each place of the frame is skin, in percent of the images."""
    axes = figure.subplots()
    shares = 100 * statistics.heat / max(1, statistics.images)
    mesh = axes.imshow(shares, cmap="magma", extent=(0, 100, 100, 0), vmin=0)
    figure.colorbar(mesh, ax=axes, label="skin there, % of the images")
    axes.set(
        title=f"Where skin is, n = {statistics.images}",
        xlabel="from the left, % of the width",
        ylabel="from the top, % of the height",
    )


def write_all(statistics: ColourStatistics, folder: Path, kind: str = "png") -> list[Path]:
    """Write every figure of `statistics` into `folder` as files of the format `kind`; return their paths."""
    figures = {name: new_figure("stats", *size) for name, size in SIZES.items()}
    histograms(figures["histograms_hsv"], statistics, HSV, "hsv_skin")
    histograms(figures["histograms_ycbcr"], statistics, YCBCR, "ycbcr_skin")
    chroma_plane(figures["cb_cr_plane"], statistics)
    heat_map(figures["heat_map"], statistics)
    paths = []
    for name, figure in figures.items():
        save(figure, folder / f"{name}.{kind}")
        paths.append(folder / f"{name}.{kind}")
    return paths
