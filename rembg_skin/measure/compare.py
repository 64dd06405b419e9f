"""``rembg-skin compare``: what several models make of the same photographs, side by side; and the worst of one."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.dataset.pairs import open_image, open_mask
from rembg_skin.image.arrays import Mask
from rembg_skin.image.overlay import error_overlay, overlay
from rembg_skin.image.rgb import to_rgb
from rembg_skin.measure.evaluate import Score
from rembg_skin.measure.sessions import predict_mask
from rembg_skin.measure.sheets import Cell, grid, shrunk

Cells = dict[tuple[Path, str], tuple[Cell, Cell]]  # of an image and a model: mask and overlay

_EMPTY = Cell(None)


def mask_cells(session: Any, path: Path, side: int) -> tuple[Cell, Cell]:  # noqa: ANN401
    """Return the session's mask of an image file and the mask laid over it, each within `side` x `side` pixels.

    Raises
    ------
    ImageError
        If the file cannot be read.

    """
    image = open_image(path)
    mask = predict_mask(session, image)
    return _picture(Image.fromarray(mask), side), _picture(overlay(to_rgb(image)[0], mask), side)


def comparison(images: Sequence[Path], models: Sequence[str], cells: Cells, side: int) -> PILImage:
    """Return the grid of a comparison: a row for each image, with its mask and overlay for each model.

    Parameters
    ----------
    images, models
        Rows and pairs of columns, in order; every image must be readable.
    cells
        What :func:`mask_cells` made of an image and a model; what is missing stays empty.
    side
        Width of a column in pixels.

    """
    rows = []
    for path in images:
        original = Cell(shrunk(to_rgb(open_image(path))[0], side), [path.name])
        rows.append([original, *(cell for model in models for cell in cells.get((path, model), (_EMPTY, _EMPTY)))])
    return grid(rows, ["image", *(title for model in models for title in (model, f"{model}, overlay"))], side)


def worst_sheet(scores: Iterable[Score], session: Any, side: int, *, resize: bool) -> PILImage:  # noqa: ANN401
    """Return the contact sheet of `scores`: image, true mask, predicted mask and their differences, with measures.

    Parameters
    ----------
    scores
        Of one model, in the order wanted.
    session
        That model: it predicts again, so that no mask has to be kept meanwhile.
    side
        Width of a column in pixels.
    resize
        As it was when the scores were made.

    """
    rows = []
    for score in scores:
        image = open_image(score.pair.image)
        rgb = to_rgb(image)[0]
        truth = open_mask(score.pair.mask, image.size, resize=resize)
        prediction = predict_mask(session, image)
        of = score.measures
        clicks = "" if of.hce is None else f", HCE {of.hce:.0f}"
        text = [f"IoU {of.iou_05:.3f}{clicks}", f"precision {of.precision:.3f}, recall {of.recall:.3f}"]
        rows.append(
            [
                Cell(shrunk(rgb, side), [score.pair.image.name]),
                _picture(_levels(truth), side),
                _picture(_levels(prediction), side),
                Cell(shrunk(error_overlay(rgb, prediction, truth), side), text),
            ]
        )
    return grid(rows, ["image", "true mask", "predicted mask", "green: right, blue: missed, orange: false"], side)


def _levels(mask: Mask) -> PILImage:
    return Image.fromarray(mask)


def _picture(image: PILImage, side: int) -> Cell:
    return Cell(shrunk(image, side))
