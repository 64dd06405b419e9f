"""The pictures of ``compare`` and ``eval --worst``: photographs and masks in labelled grids."""

import base64
import io
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps
from PIL.Image import Image as PILImage

from rembg_skin.errors import DataError, printable
from rembg_skin.files import write_atomically
from rembg_skin.image.overlay import error_overlay, overlay
from rembg_skin.image.rgb import to_rgb
from rembg_skin.measure.evaluate import Predict, Score
from rembg_skin.measure.metrics import Confusion
from rembg_skin.photos import open_image, open_mask
from rembg_skin.session import predict_mask

# What a sheet's suffix selects. SVG holds the picture as PNG; all name 300 dots an inch, as printers want it.
FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP", ".jpg": "JPEG", ".jpeg": "JPEG",
           ".pdf": "PDF", ".svg": "SVG"}  # fmt: skip
DPI = 300
_LONGEST = {"WEBP": 16383, "JPEG": 65500, "PDF": 65500}  # pixels; a PDF holds a JPEG

_LEGEND = "green: right, blue: missed, orange: false"
_MARGIN, _LINE, _FONT_SIZE, _NARROWEST = 8, 22, 15, 3  # pixels; the last: a letter
_font = cache(ImageFont.load_default)

Row = Sequence[PILImage | None]  # cells; None leaves a place empty


def mask_cells(session: Any, path: Path, side: int, truth: Path | None = None) -> tuple[PILImage, PILImage]:
    """Return the cells of a session's mask of an image: the mask, and it on the image; with `truth` its errors and IoU.

    Raises ImageError if a file cannot be read, or the true mask, `truth`, is not of the image's size.
    """
    image = open_image(path)
    rgb = to_rgb(image)[0]
    mask = predict_mask(session, image)
    if truth is None:
        return cell(Image.fromarray(mask), side), cell(overlay(rgb, mask), side)
    actual = open_mask(truth, image.size)
    iou = f"IoU {Confusion.of(mask, actual).iou:.3f}"
    return cell(Image.fromarray(mask), side), cell(error_overlay(rgb, mask, actual), side, iou)


def head_cells(path: Path, side: int, truth: Path | None, *, with_truth: bool) -> Row:
    """Return the first cells of an image's row: itself, and with `with_truth` its true mask, or an empty place.

    Raises ImageError as :func:`mask_cells` does.
    """
    image = open_image(path)
    mask = cell(Image.fromarray(open_mask(truth, image.size)), side) if truth else None
    return [cell(to_rgb(image)[0], side, printable(path.name)), *([mask] if with_truth else [])]


def comparison_headings(models: Sequence[str], side: int, *, with_truth: bool) -> Row:
    """Return the headings over the cells of :func:`head_cells`, and over those of :func:`mask_cells` of each model."""
    second = _LEGEND if with_truth else "overlay"
    titles = [title for model in models for title in (model, f"{model}, {second}")]
    return [cell(None, side, title) for title in ("image", *(["true mask"] if with_truth else []), *titles)]


def worst_sheet(scores: Iterable[Score], predict: Predict, side: int, *, resize: bool) -> PILImage:
    """Return the contact sheet of one model's `scores`: image, true mask, predicted mask, their differences, measures.

    `predict` makes its masks again, so that none has to be kept meanwhile; `resize` is as it was for the scores.
    """
    rows = [[cell(None, side, title) for title in ("image", "true mask", "predicted mask", _LEGEND)]]
    for score in scores:
        image = open_image(score.pair.image)
        rgb = to_rgb(image)[0]
        truth = open_mask(score.pair.mask, image.size, resize=resize)
        prediction = predict(score.pair, image)
        of = score.measures
        clicks = "" if of.hce is None else f", HCE {of.hce:.0f}"
        words = (f"IoU {of.iou_05:.3f}{clicks}", f"precision {of.precision:.3f}, recall {of.recall:.3f}")
        masks = (cell(Image.fromarray(mask), side) for mask in (truth, prediction))
        errors = cell(error_overlay(rgb, prediction, truth), side, *words)
        rows.append([cell(rgb, side, printable(score.pair.image.name)), *masks, errors])
    return grid(rows, side)


def cell(picture: PILImage | None, side: int, *texts: str) -> PILImage:
    """Return the picture, shrunk if it is larger than `side` x `side` pixels, with the texts below it.

    A text wider than `side` is broken between words, or within a word that is wider.
    """
    shown = picture.convert("RGB") if picture else Image.new("RGB", (1, 0))
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    font = _font(_FONT_SIZE)
    lines = [line for text in texts for line in _wrapped(text, font, side)]
    wider = max([0, *(ceil(font.getlength(line)) - shown.width for line in lines)])
    drawn = ImageOps.expand(shown, (0, 0, wider, _LINE * len(lines)), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(drawn).text((0, shown.height + 2 + number * _LINE), line, "black", font)
    return drawn


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    shapes = (textwrap.wrap(text, letters) for letters in range(min(len(text), width // _NARROWEST), 0, -1))
    return next((lines for lines in shapes if all(font.getlength(line) <= width for line in lines)), [])


def grid(rows: Sequence[Row], side: int) -> PILImage:
    """Draw rows of cells, each made by :func:`cell` with this `side`; the first row may hold headings."""
    sheet = Image.new("RGB", _size(rows, side), "white")
    top = _MARGIN
    for row in rows:
        for column, each in enumerate(row):
            if each:
                sheet.paste(each, (_MARGIN + column * (side + _MARGIN), top))
        top += _height(row) + _MARGIN
    return sheet


def _size(rows: Sequence[Row], side: int) -> tuple[int, int]:
    """Return the width and height of a grid."""
    return _MARGIN + max(map(len, rows)) * (side + _MARGIN), _MARGIN + sum(_height(row) + _MARGIN for row in rows)


def _height(row: Row) -> int:
    return max(each.height for each in row if each)


def check_format(path: Path) -> None:
    """Raise DataError if a sheet cannot be written in the format that the suffix of `path` names."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{printable(path)}: a picture's name ends in {', '.join(FORMATS)}.")


def check_size(rows: Sequence[Row], side: int, path: Path) -> None:
    """Raise DataError if the format of `path` cannot hold the grid of these rows."""
    size = _size(rows, side)
    longest = _LONGEST.get(FORMATS[path.suffix.lower()], max(size))
    if max(size) > longest:
        raise DataError(
            f"{printable(path)}: the sheet has {size[0]} x {size[1]} pixels, more than the {longest} a side of this"
            " format; write .png, or give fewer photos."
        )


def save_sheet(sheet: PILImage, path: Path) -> None:
    """Write the sheet atomically in the format of the suffix, see `FORMATS`; raises DataError if that fails."""
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
