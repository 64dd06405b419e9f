"""Labelled grids of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont, ImageOps
from PIL.Image import Image as PILImage

_MARGIN = 8
_LINE = 22
_FONT_SIZE = 15
_PAPER, _INK = "white", "black"


@dataclass(frozen=True)
class Cell:
    """A picture and the lines of text under it; no picture leaves the place empty."""

    picture: PILImage | None
    lines: Sequence[str] = field(default=())


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
        One line above each column; its words are broken where it is wider.
    side
        Width of a column in pixels.

    """
    font = ImageFont.load_default(_FONT_SIZE)
    wrapped = [_wrap(heading, font, side) for heading in headings]
    head = _MARGIN + _LINE * max(len(lines) for lines in wrapped)
    heights = [
        max(cell.picture.height if cell.picture else 0 for cell in row)
        + _LINE * max(sum(len(_wrap(line, font, side)) for line in cell.lines) for cell in row)
        + _MARGIN
        for row in rows
    ]
    sheet = Image.new("RGB", (_MARGIN + len(headings) * (side + _MARGIN), head + sum(heights) + _MARGIN), _PAPER)
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
