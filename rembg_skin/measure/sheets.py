"""The pictures of ``compare`` and ``eval --worst``: photographs and masks in labelled grids."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps
from PIL.Image import Image as PILImage

from rembg_skin.errors import DataError, printable
from rembg_skin.files import write_atomically
from rembg_skin.image.arrays import Mask
from rembg_skin.image.overlay import error_overlay, overlay
from rembg_skin.image.rgb import to_rgb
from rembg_skin.measure.evaluate import Measures, Predict, Score
from rembg_skin.measure.metrics import Confusion
from rembg_skin.photos import open_image, open_mask
from rembg_skin.session import predict_mask

# What a sheet's suffix selects. SVG holds the picture as PNG; all name 300 dots an inch, as printers want it.
FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP", ".jpg": "JPEG", ".jpeg": "JPEG",
           ".pdf": "PDF", ".svg": "SVG"}  # fmt: skip
DPI = 300
_LONGEST = {"WEBP": 16383, "JPEG": 65500, "PDF": 65500}  # pixels; a PDF holds a JPEG

_LEGEND = "green: right, blue: missed, orange: false"
_MARGIN = 8
_LINE = 22
_FONT_SIZE = 15
_PAPER, _INK = "white", "black"


@dataclass(frozen=True)
class Cell:
    """A picture and the lines of text under it; no picture leaves the place empty."""

    picture: PILImage | None
    lines: Sequence[str] = field(default=())


Heads = Mapping[Path, Sequence[Cell]]  # of an image: the first cells of its row
Cells = Mapping[tuple[Path, str], tuple[Cell, Cell]]  # of an image and a model: its mask, and the mask on the image

_EMPTY = Cell(None)


def mask_cells(session: Any, path: Path, side: int, truth: Path | None = None) -> tuple[Cell, Cell]:
    """Return the session's mask of an image file, and the mask on the image.

    Parameters
    ----------
    session
        Any rembg session.
    path
        The image.
    side
        Both pictures fit into `side` x `side` pixels.
    truth
        The image's true mask: the second picture then shows the errors and the IoU.

    Raises
    ------
    ImageError
        If a file cannot be read, or the true mask is not of the image's size.

    """
    image = open_image(path)
    rgb = to_rgb(image)[0]
    mask = predict_mask(session, image)
    if truth is None:
        return _mask_cell(mask, side), Cell(shrunk(overlay(rgb, mask), side))
    actual = open_mask(truth, image.size)
    shown = shrunk(error_overlay(rgb, mask, actual), side)
    return _mask_cell(mask, side), Cell(shown, [f"IoU {Confusion.of(mask, actual).iou:.3f}"])


def head_cells(path: Path, side: int, truth: Path | None, *, with_truth: bool) -> list[Cell]:
    """Return the first cells of an image's row: itself, and with `with_truth` its true mask, or an empty place.

    Raises
    ------
    ImageError
        If a file cannot be read, or the true mask is not of the image's size.

    """
    image = open_image(path)
    mask = _EMPTY if truth is None else _mask_cell(open_mask(truth, image.size), side)
    return [Cell(shrunk(to_rgb(image)[0], side), [printable(path.name)]), *([mask] if with_truth else [])]


def comparison(heads: Heads, models: Sequence[str], cells: Cells, side: int) -> PILImage:
    """Return the grid of a comparison: a row for each image, with two columns for each model.

    Parameters
    ----------
    heads
        The first cells of each row, from :func:`head_cells`.
    models
        Pairs of columns, in order.
    cells
        What :func:`mask_cells` made of an image and a model; a missing one stays empty.
    side
        Width of a column in pixels.

    """
    rows = [
        [*head, *(cell for model in models for cell in cells.get((path, model), (_EMPTY, _EMPTY)))]
        for path, head in heads.items()
    ]
    return grid(rows, _headings(heads, models), side)


def comparison_size(heads: Heads, models: Sequence[str], side: int) -> tuple[int, int]:
    """Return the width and height in pixels of the grid that :func:`comparison` will draw."""
    return _layout(list(heads.values()), _headings(heads, models), side)[0]


def _headings(heads: Heads, models: Sequence[str]) -> list[str]:
    with_truth = any(len(head) > 1 for head in heads.values())
    second = _LEGEND if with_truth else "overlay"
    titles = [title for model in models for title in (model, f"{model}, {second}")]
    return ["image", *(["true mask"] if with_truth else []), *titles]


def worst_sheet(scores: Iterable[Score], predict: Predict, side: int, *, resize: bool) -> PILImage:
    """Return the contact sheet of `scores`: image, true mask, predicted mask and their differences, with measures.

    Parameters
    ----------
    scores
        Of one model, in the order wanted.
    predict
        That model's masks: they are made again, so that none has to be kept meanwhile.
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
        prediction = predict(score.pair, image)
        errors = shrunk(error_overlay(rgb, prediction, truth), side)
        rows.append(
            [
                Cell(shrunk(rgb, side), [printable(score.pair.image.name)]),
                _mask_cell(truth, side),
                _mask_cell(prediction, side),
                Cell(errors, _in_words(score.measures)),
            ]
        )
    return grid(rows, ["image", "true mask", "predicted mask", _LEGEND], side)


def _in_words(measures: Measures) -> list[str]:
    clicks = "" if measures.hce is None else f", HCE {measures.hce:.0f}"
    return [f"IoU {measures.iou_05:.3f}{clicks}", f"precision {measures.precision:.3f}, recall {measures.recall:.3f}"]


def _mask_cell(mask: Mask, side: int) -> Cell:
    return Cell(shrunk(Image.fromarray(mask), side))


def check_format(path: Path) -> None:
    """Raise DataError if a sheet cannot be written in the format that the suffix of `path` names."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{printable(path)}: a picture's name ends in {', '.join(FORMATS)}.")


def check_size(size: tuple[int, int], path: Path) -> None:
    """Raise DataError if the format of `path` cannot hold a sheet of this width and height."""
    longest = _LONGEST.get(FORMATS[path.suffix.lower()], max(size))
    if max(size) > longest:
        raise DataError(
            f"{printable(path)}: the sheet has {size[0]} x {size[1]} pixels, more than the {longest} a side of this"
            " format; write .png, or give fewer photos."
        )


def save_sheet(sheet: PILImage, path: Path) -> None:
    """Write the sheet atomically in the format of the suffix.

    Raises
    ------
    DataError
        If the format is unknown, or the file cannot be written.

    """
    check_format(path)
    kind = FORMATS[path.suffix.lower()]
    if kind == "SVG":
        write_atomically(path, lambda part: part.write_text(_svg(sheet), "utf-8"))
    else:
        write_atomically(path, lambda part: sheet.save(part, kind, dpi=(DPI, DPI), resolution=DPI, quality=95))


def _svg(sheet: PILImage) -> str:
    png = io.BytesIO()
    sheet.save(png, "PNG")
    inches = [f"{length / DPI:.4f}in" for length in sheet.size]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{inches[0]}" height="{inches[1]}"'
        f' viewBox="0 0 {sheet.width} {sheet.height}"><image width="{sheet.width}" height="{sheet.height}"'
        f' href="data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"/></svg>\n'
    )


def shrunk(image: PILImage, side: int) -> PILImage:
    """Return the RGB image within `side` x `side` pixels, its aspect kept; a smaller one is not enlarged."""
    if max(image.size) <= side:
        return image.convert("RGB")
    return ImageOps.contain(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS)


def grid(rows: Sequence[Sequence[Cell]], headings: Sequence[str], side: int) -> PILImage:
    """Draw rows of cells under headings.

    Parameters
    ----------
    rows
        Pictures of at most `side` x `side` pixels, one for each heading in every row.
    headings
        One text above each column; it is broken between words if it is wider.
    side
        Width of a column in pixels.

    """
    font = ImageFont.load_default(_FONT_SIZE)
    wrapped = [_wrap(heading, font, side) for heading in headings]
    size, head, heights = _layout(rows, headings, side)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, lines in enumerate(wrapped):
        _write(draw, lines, _MARGIN + column * (side + _MARGIN), _MARGIN, font)
    top = head
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            left = _MARGIN + column * (side + _MARGIN)
            below = top
            if cell.picture:
                sheet.paste(cell.picture, (left, top))
                below += cell.picture.height
            _write(draw, [part for line in cell.lines for part in _wrap(line, font, side)], left, below + 2, font)
        top += height
    return sheet


def _layout(
    rows: Sequence[Sequence[Cell]], headings: Sequence[str], side: int
) -> tuple[tuple[int, int], int, list[int]]:
    """Return a grid's width and height, the height of its headings, and that of each row."""
    font = ImageFont.load_default(_FONT_SIZE)
    head = _MARGIN + _LINE * max(len(_wrap(heading, font, side)) for heading in headings)
    heights = [
        max(cell.picture.height if cell.picture else 0 for cell in row)
        + _LINE * max(sum(len(_wrap(line, font, side)) for line in cell.lines) for cell in row)
        + _MARGIN
        for row in rows
    ]
    return (_MARGIN + len(headings) * (side + _MARGIN), head + sum(heights) + _MARGIN), head, heights


_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _write(draw: ImageDraw.ImageDraw, lines: Sequence[str], left: int, top: int, font: _Font) -> None:
    for number, line in enumerate(lines):
        draw.text((left, top + number * _LINE), line, fill=_INK, font=font)


def _wrap(text: str, font: _Font, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    # A word wider than the column, such as a file name, is cut.
    return [_cut(line, font, width) for line in lines]


def _cut(line: str, font: _Font, width: int) -> str:
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "...") > width:
        line = line[:-1]
    return line + "..."
