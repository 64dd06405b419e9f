"""The figures of ``eval --plot`` and ``stats``, drawn with matplotlib (the extra ``plot``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rembg_skin.color.rules import ChromaBox, HsvRange
from rembg_skin.errors import ExtraError
from rembg_skin.files import write_whole
from rembg_skin.measure.stats import ColourStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches, of the figures of `stats`.
SIZES = {"histograms_hsv": (11, 4), "histograms_ycbcr": (11, 4), "cb_cr_plane": (11, 5.2), "heat_map": (6, 5)}

_SKIN, _OTHER, _BOUND = "#D55E00", "#0072B2", "black"
_DPI = 100


def new_figure(tool: str, width: float, height: float) -> "Figure":
    """Return an empty figure of `width` x `height` inches that no window or global state knows of.

    Raises
    ------
    ExtraError
        If matplotlib is not installed; `tool` names who needs it.

    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ExtraError.about(tool, "matplotlib", "plot") from error
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def save(figure: "Figure", path: Path) -> None:
    """Write the figure as a PNG file, whole or not at all."""
    write_whole(path, lambda part: figure.savefig(part, format="png"))


def distribution(figure: "Figure", ious: Mapping[str, Sequence[float]]) -> None:
    """Draw the IoU at 0.5 of every image, a line of dots with its quartiles for each model."""
    axes = figure.subplots()
    names = list(ious)
    places = range(len(names), 0, -1)
    axes.boxplot(
        [ious[name] for name in names], positions=list(places), orientation="horizontal", widths=0.5, showfliers=False
    )
    spread = np.random.default_rng(0)  # moves dots apart that would hide each other
    for place, name in zip(places, names, strict=True):
        heights = place + spread.uniform(-0.2, 0.2, len(ious[name]))
        axes.plot(ious[name], heights, ".", color=_OTHER, alpha=0.5, markersize=5)
    axes.set(xlim=(-0.02, 1.02), xlabel="IoU at 0.5, one dot an image", title="How good, image by image")
    axes.set_yticks(list(places), names)
    axes.grid(visible=True, axis="x", alpha=0.3)


def histograms(figure: "Figure", statistics: ColourStatistics, bounds: Mapping[str, tuple[int, int]]) -> None:
    """Draw the share of skin and of other pixels at each level of the channels in `bounds`, and the bounds."""
    for axes, (name, (low, high)) in zip(np.atleast_1d(figure.subplots(1, len(bounds))), bounds.items(), strict=True):
        _histogram(axes, statistics.histograms[name])
        for bound in (low, high):
            axes.axvline(bound, color=_BOUND, linestyle="--", linewidth=1)
        axes.set(xlabel=f"{name}, bounds {low} to {high}", xlim=(0, 179 if name == "H" else 255))
        axes.set_yticks([])
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, title="share of the pixels"
    )


HSV_BOUNDS = {
    "H": (HsvRange().h_min, HsvRange().h_max),
    "S": (HsvRange().s_min, HsvRange().s_max),
    "V": (HsvRange().v_min, HsvRange().v_max),
}
YCBCR_BOUNDS = {
    "Y": (0, 255),
    "Cb": (ChromaBox().cb_min, ChromaBox().cb_max),
    "Cr": (ChromaBox().cr_min, ChromaBox().cr_max),
}


def _histogram(axes: "Axes", counts: np.ndarray) -> None:
    for row, label, colour in ((counts[0], "not skin", _OTHER), (counts[1], "skin", _SKIN)):
        axes.stairs(row / max(1, row.sum()), np.arange(257) - 0.5, label=label, color=colour, fill=True, alpha=0.5)


def chroma_plane(figure: "Figure", statistics: ColourStatistics) -> None:
    """Draw where skin and other pixels lie in the Cb-Cr plane, with the box and the ellipses of the classic methods."""
    from matplotlib.colors import LogNorm

    for axes, counts, title in zip(
        figure.subplots(1, 2, sharex=True, sharey=True), statistics.plane, ("not skin", "skin"), strict=True
    ):
        # One pixel of a colour is as far as the scale goes down: what never occurs stays white.
        shown = np.ma.masked_equal(counts.T, 0)
        scale = LogNorm(1, max(2, int(counts.max())))
        mesh = axes.imshow(shown, origin="lower", norm=scale, cmap="viridis", interpolation="nearest")
        figure.colorbar(mesh, ax=axes, label="pixels", shrink=0.8)
        _classic_bounds(axes)
        axes.set(xlim=(60, 200), ylim=(80, 220), xlabel="Cb", ylabel="Cr", title=title)
        axes.set_aspect("equal")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def _classic_bounds(axes: "Axes") -> None:
    from matplotlib.patches import Ellipse, Rectangle

    from rembg_skin.sessions.classic import DIAGONAL, ELLIPSE

    line: dict[str, Any] = {"fill": False, "linewidth": 2}
    box = ChromaBox()
    width, height = box.cb_max - box.cb_min, box.cr_max - box.cr_min
    axes.add_patch(Rectangle((box.cb_min, box.cr_min), width, height, color=_SKIN, label="ycbcr_skin", **line))
    for ellipse, name, colour in ((ELLIPSE, "ellipse_skin", "#D6006C"), (DIAGONAL, "diagonal_skin", "black")):
        center = (ellipse.cb_center, ellipse.cr_center)
        axis, other = 2 * ellipse.first_axis, 2 * ellipse.second_axis
        axes.add_patch(Ellipse(center, axis, other, angle=ellipse.angle, color=colour, label=name, **line))


def heat_map(figure: "Figure", statistics: ColourStatistics) -> None:
    """Draw how often each place of the frame is skin, from 0 (never) to 1 (in every image)."""
    axes = figure.subplots()
    mesh = axes.imshow(statistics.heat / max(1, statistics.images), cmap="magma", extent=(0, 1, 1, 0), vmin=0)
    figure.colorbar(mesh, ax=axes, label="share of the images")
    axes.set(
        title=f"Where skin is, {statistics.images} images", xlabel="share of the width", ylabel="share of the height"
    )


def write_all(statistics: ColourStatistics, folder: Path) -> list[Path]:
    """Write every figure of `statistics` as a PNG file in `folder`; return their paths."""
    figures = {name: new_figure("stats", *size) for name, size in SIZES.items()}
    histograms(figures["histograms_hsv"], statistics, HSV_BOUNDS)
    histograms(figures["histograms_ycbcr"], statistics, YCBCR_BOUNDS)
    chroma_plane(figures["cb_cr_plane"], statistics)
    heat_map(figures["heat_map"], statistics)
    paths = []
    for name, figure in figures.items():
        save(figure, folder / f"{name}.png")
        paths.append(folder / f"{name}.png")
    return paths
