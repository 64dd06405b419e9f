"""Measure how well the masks of a model agree with true masks."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from statistics import fmean
from time import perf_counter
from typing import Any, Literal, TextIO

import numpy as np
from PIL.Image import Image as PILImage

from rembg_skin.dataset.pairs import Pair
from rembg_skin.errors import ImageError, csv_cell, printable
from rembg_skin.image.arrays import Mask
from rembg_skin.image.rgb import to_rgb
from rembg_skin.measure.metrics import Confusion, bounds, iou, mae
from rembg_skin.measure.provenance import Provenance, in_one_line, versions
from rembg_skin.measure.stats import tone
from rembg_skin.photos import Problem, open_image, open_mask
from rembg_skin.session import predict_mask

Predict = Callable[[Pair, PILImage], Mask]
Grouping = Literal["folder", "tone"] | None


@dataclass(frozen=True)
class Measures:
    """Agreement of one mask with the truth; see :mod:`rembg_skin.measure.metrics`."""

    iou: float  # 0 to 1; gray levels count
    iou_05: float  # binarized at 127, as the next three
    f1: float
    precision: float
    recall: float
    mae: float  # gray levels
    hce: float | None  # mouse clicks, see :mod:`rembg_skin.measure.hce`; None if they were not counted
    seconds: float  # of the prediction


MEASURES = tuple(field.name for field in fields(Measures))


@dataclass(frozen=True)
class Score:
    """The measures of one model on one pair, its pixel counts, and the group of the photo, if there are groups."""

    model: str
    pair: Pair
    measures: Measures
    pixels: Confusion
    group: str = ""


@dataclass(frozen=True)
class Summary:
    """The means of a model's measures over images; the mean of `iou` is the original project's mIoU."""

    model: str
    group: str
    images: int
    mean: Measures
    interval: tuple[float, float]  # the 95 % bounds of the mean of `iou_05`


@dataclass(frozen=True)
class Difference:
    """The mean difference of a model's `iou_05` to the first model's, image by image, and its 95 % bounds."""

    model: str
    first: str
    images: int
    mean: float
    interval: tuple[float, float]


def from_session(session: Any) -> Predict:
    """Return a function that predicts masks with a rembg session."""
    return lambda _, image: predict_mask(session, image)


def from_folder(masks: Mapping[str, Path], *, resize: bool) -> Predict:
    """Return a function that reads the masks of another tool, given by the pairs' stems."""

    def read(pair: Pair, image: PILImage) -> Mask:
        if pair.stem not in masks:
            raise ImageError(f"{printable(pair.image)} has no mask of this tool")
        return open_mask(masks[pair.stem], image.size, resize=resize)

    return read


def evaluate(
    model: str, predict: Predict, pairs: Iterable[Pair], *, resize: bool = False, hce: bool = True, by: Grouping = None
) -> Iterator[Score | Problem]:
    """Score the masks that `predict` gives as `model`'s on pairs, one at a time; no more than one image is held.

    Yields one score for each pair, in their order, or a problem if a file cannot be read or a mask is of another size,
    unless `resize` brings it to its image's. `hce` counts the human correction effort, which takes up to two seconds a
    megapixel; `by` groups the photos by their subfolder or by the tone of their skin.
    """
    from rembg_skin.measure.hce import human_correction_effort

    for pair in pairs:
        try:
            image = open_image(pair.image)
            truth = open_mask(pair.mask, image.size, resize=resize)
            start = perf_counter()
            mask = predict(pair, image)
            seconds = perf_counter() - start
        except ImageError as error:
            yield Problem(pair.image, str(error))
            continue
        pixels = Confusion.of(mask, truth)
        clicks = human_correction_effort(mask, truth) if hce else None
        ratios = (pixels.iou, pixels.f1, pixels.precision, pixels.recall)
        measures = Measures(iou(mask, truth), *ratios, mae(mask, truth), clicks, seconds)
        yield Score(model, pair, measures, pixels, _group(pair, image, truth, by))


def _group(pair: Pair, image: PILImage, truth: Mask, by: Grouping) -> str:
    if by == "tone":
        return tone(np.asarray(to_rgb(image)[0]), truth)
    return str(PurePosixPath(pair.stem).parent) if by == "folder" else ""


def summarize(scores: Iterable[Score]) -> list[Summary]:
    """Return the means of each model over all images, then over each group, in the order of their appearance."""
    by_model: dict[tuple[str, str], list[Measures]] = {}
    for score in scores:
        for group in dict.fromkeys(("", score.group)):
            by_model.setdefault((score.model, group), []).append(score.measures)
    found = []
    for (model, group), rows in sorted(by_model.items(), key=lambda item: item[0][1] != ""):
        columns = {name: [getattr(row, name) for row in rows] for name in MEASURES}
        means: Any = {name: None if None in column else fmean(column) for name, column in columns.items()}
        found.append(Summary(model, group, len(rows), Measures(**means), bounds(columns["iou_05"])))
    return found


def differences(scores: Iterable[Score]) -> list[Difference]:
    """Compare each further model of some scores with the first one, on the images that both have."""
    ious: dict[str, dict[str, float]] = {}
    for score in scores:
        ious.setdefault(score.model, {})[score.pair.stem] = score.measures.iou_05
    (first, own), *others = ious.items()
    found = []
    for model, values in others:
        if apart := [values[stem] - own[stem] for stem in values if stem in own]:
            found.append(Difference(model, first, len(apart), fmean(apart), bounds(apart)))
    return found


def worst(scores: Iterable[Score], model: str, count: int) -> list[Score]:
    """Return the `count` scores of `model` with the lowest IoU at 0.5, the worst first."""
    own = [score for score in scores if score.model == model]
    return sorted(own, key=lambda score: (score.measures.iou_05, score.pair.stem))[:count]


def write_csv(scores: Iterable[Score], origins: Mapping[str, Provenance], out: TextIO) -> None:
    """Write one line for each model and image; `origins` has the origin of each model's masks."""
    writer = csv.writer(out, lineterminator="\n")
    pixels = (field.name for field in fields(Confusion))
    writer.writerow(["model", "image", "group", *MEASURES, *pixels, "session", "weights_sha256", "versions"])
    used = in_one_line(versions())
    for score in scores:
        origin = origins[score.model]
        values = (*asdict(score.measures).values(), *asdict(score.pixels).values())
        names = map(csv_cell, (score.model, score.pair.image.name, score.group))
        writer.writerow([*names, *values, origin.session, in_one_line(origin.weights), used])


def as_json(
    scores: list[Score], problems: Iterable[Problem], unpaired: Iterable[Path], origins: Mapping[str, Provenance]
) -> dict[str, Any]:
    """Return the complete result as plain values."""

    def group(item: Score | Summary) -> dict[str, str]:
        return {"group": item.group} if item.group else {}

    models = []
    for row in summarize(scores):
        origin = origins[row.model]
        made = {"session": origin.session, "weights": dict(origin.weights), "images": row.images}
        means = {f"m{name}" if name.startswith("iou") else name: value for name, value in asdict(row.mean).items()}
        models.append({"model": row.model, **group(row), **made, **means, "miou_05_interval": row.interval})
    images = []
    for score in scores:
        named = {"model": score.model, "image": printable(score.pair.image), **group(score)}
        images.append({**named, **asdict(score.measures), **asdict(score.pixels)})
    return {
        "versions": versions(),
        "models": models,
        "differences": list(map(asdict, differences(scores))),
        "images": images,
        "unreadable": [{"file": printable(problem.file), "reason": problem.reason} for problem in problems],
        "unpaired": list(map(printable, unpaired)),
    }
