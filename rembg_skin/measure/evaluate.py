"""``rembg-skin eval``: the accuracy of a model on one's own photographs."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any, TextIO

from rembg_skin.dataset.pairs import Pair
from rembg_skin.errors import ImageError, printable
from rembg_skin.image.arrays import Mask
from rembg_skin.measure.metrics import Confusion, iou, mae
from rembg_skin.measure.provenance import Provenance, in_one_line, versions
from rembg_skin.photos import Problem, open_image, open_mask
from rembg_skin.session import predict_mask


@dataclass(frozen=True)
class Measures:
    """How well one mask agrees with the truth.

    `iou` counts grey levels, `iou_05`, `f1`, `precision` and `recall` binarize at 127, each 0 to 1 (see
    :mod:`rembg_skin.measure.metrics`); `mae` is in grey levels, `hce` in mouse clicks (see
    :mod:`rembg_skin.measure.hce`), `seconds` the time of the prediction. `hce` is None if it was not asked for.
    """

    iou: float
    iou_05: float
    f1: float
    precision: float
    recall: float
    mae: float
    hce: float | None
    seconds: float


MEASURES = tuple(field.name for field in fields(Measures))


@dataclass(frozen=True)
class Score:
    """The measures of one model on one pair."""

    model: str
    pair: Pair
    measures: Measures


@dataclass(frozen=True)
class Summary:
    """The means of a model's measures over its images; the mean of `iou` is the original project's mIoU."""

    model: str
    images: int
    mean: Measures


def measure(prediction: Mask, truth: Mask, seconds: float, *, hce: bool) -> Measures:
    """Return the measures of `prediction` against `truth`, both uint8, H x W; `hce` among them if asked for."""
    from rembg_skin.measure.hce import human_correction_effort

    pixels = Confusion.of(prediction, truth)
    return Measures(
        iou=iou(prediction, truth),
        iou_05=pixels.iou,
        f1=pixels.f1,
        precision=pixels.precision,
        recall=pixels.recall,
        mae=mae(prediction, truth),
        hce=human_correction_effort(prediction, truth) if hce else None,
        seconds=seconds,
    )


def evaluate(
    model: str,
    session: Any,
    pairs: Iterable[Pair],
    *,
    resize: bool = False,
    hce: bool = True,
) -> Iterator[Score | Problem]:
    """Score a rembg session on pairs, one at a time; no more than one image is held.

    Parameters
    ----------
    model
        The name under which the scores stand.
    session
        Any rembg session.
    pairs
        Images and masks.
    resize
        Bring masks of another size to their image's instead of refusing them.
    hce
        Count the human correction effort, too, which takes up to two seconds a megapixel.

    Yields
    ------
    Score or Problem
        One for each pair, in their order: a problem if a file cannot be read or a mask is of another size.

    """
    for pair in pairs:
        try:
            image = open_image(pair.image)
            truth = open_mask(pair.mask, image.size, resize=resize)
            start = perf_counter()
            prediction = predict_mask(session, image)
            seconds = perf_counter() - start
        except ImageError as error:
            yield Problem(pair.image, str(error))
        else:
            yield Score(model, pair, measure(prediction, truth, seconds, hce=hce))


def summarize(scores: Iterable[Score]) -> list[Summary]:
    """Return the means of each model, in the order in which the models appear."""
    by_model: dict[str, list[Measures]] = {}
    for score in scores:
        by_model.setdefault(score.model, []).append(score.measures)
    return [
        Summary(model, len(rows), Measures(**{name: _mean(rows, name) for name in MEASURES}))
        for model, rows in by_model.items()
    ]


def _mean(rows: list[Measures], name: str) -> Any:
    values = [getattr(row, name) for row in rows]
    return None if None in values else fmean(values)


def worst(scores: Iterable[Score], model: str, count: int) -> list[Score]:
    """Return the `count` scores of `model` with the lowest IoU at 0.5, the worst first."""
    own = [score for score in scores if score.model == model]
    return sorted(own, key=lambda score: (score.measures.iou_05, score.pair.stem))[:count]


def write_csv(scores: Iterable[Score], origins: Mapping[str, Provenance], out: TextIO) -> None:
    """Write one line for each model and image; `origins` has the origin of each model's masks."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["model", "image", *MEASURES, "session", "weights_sha256", "versions"])
    used = in_one_line(versions())
    for score in scores:
        origin = origins[score.model]
        weights = in_one_line(origin.weights)
        image = printable(score.pair.image.name)
        row = [score.model, image, *asdict(score.measures).values(), origin.session, weights, used]
        writer.writerow(row)


def as_json(
    scores: list[Score], problems: Iterable[Problem], unpaired: Iterable[Path], origins: Mapping[str, Provenance]
) -> dict[str, Any]:
    """Return the whole result as plain values."""
    return {
        "versions": versions(),
        "models": [
            {
                "model": row.model,
                "session": origins[row.model].session,
                "weights": dict(origins[row.model].weights),
                "images": row.images,
                **_renamed(asdict(row.mean)),
            }
            for row in summarize(scores)
        ],
        "images": [
            {"model": score.model, "image": printable(score.pair.image), **asdict(score.measures)} for score in scores
        ],
        "unreadable": [{"file": printable(problem.file), "reason": problem.reason} for problem in problems],
        "unpaired": [printable(path) for path in unpaired],
    }


def _renamed(mean: dict[str, float | None]) -> dict[str, float | None]:
    return {{"iou": "miou", "iou_05": "miou_05"}.get(name, name): value for name, value in mean.items()}
