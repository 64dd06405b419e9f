"""Draw docs/skin.png for README, docs/compare.png and docs/detail.png. Run: `python docs/make_figures.py`.

The photos are in the public domain, works of employees of the United States in the course of their duty: Eileen Collins
by NASA (scikit-image's `astronaut`, docs/portrait.jpg), Grace Hopper by the US Navy (matplotlib's `grace_hopper.jpg`),
Barack Obama by the White House (official portrait of 2012, docs/president.jpg).
"""

from pathlib import Path

import matplotlib.cbook
from PIL import Image, ImageDraw, ImageFont, ImageOps
from rembg import new_session, remove

from rembg_skin.cli import main as rembg_skin

DOCS = Path(__file__).parent
CELL, GAP, HEAD = (272, 232), 6, 30  # pixels
COLUMNS = ("photo", "rembg i -m skin", "rembg i -m skin -om")
SHOWN = ("hsv_skin", "icm_skin", "tiny_skin")


def strip() -> Image.Image:
    """Return the photos in a column each of themselves, their cutouts and their masks."""
    astronaut = Image.open(DOCS / "portrait.jpg")
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = Image.open(file).convert("RGB")
    width, height = CELL[0] + GAP, CELL[1] + GAP
    sheet = Image.new("RGB", (3 * width - GAP, HEAD + 2 * height - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    session = new_session("skin")
    for column, label in enumerate(COLUMNS):
        pen.text((column * width + CELL[0] / 2, HEAD / 2), label, "black", font, "mm")
    for row, photo in enumerate((astronaut, hopper)):
        fitted = ImageOps.fit(photo, (2 * CELL[0], 2 * CELL[1]), centering=(0.5, 0.2))
        found = (fitted, remove(fitted, session=session), remove(fitted, session=session, only_mask=True))
        for column, picture in enumerate(found):
            small = picture.resize(CELL, Image.Resampling.LANCZOS)
            sheet.paste(small, (column * width, HEAD + row * height), small if small.mode == "RGBA" else None)
    return sheet


def details() -> Image.Image:
    """Return a hairline, an ear and fingers at 100 %, in a column each of the photo and of both values of `detail`.

    The network sees the photo at a quarter of its side, as one of 3,000 pixels by default.
    """
    photo = Image.open(DOCS / "president.jpg").convert("RGB")
    session = new_session("skin", size=288)
    cutouts = [
        remove(photo, session=session, detail=detail, bgcolor=(255, 255, 255, 255)) for detail in ("fast", "fine")
    ]
    width, height = 242, 182
    sheet = Image.new("RGB", (3 * width - GAP, HEAD + 3 * height - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for column, (label, picture) in enumerate(zip(("photo", "fast", "fine"), (photo, *cutouts), strict=True)):
        pen.text((column * width + (width - GAP) / 2, HEAD / 2), label, "black", font, "mm")
        for row, (left, top) in enumerate(((340, 70), (500, 165), (520, 755))):
            box = (left, top, left + width - GAP, top + height - GAP)
            sheet.paste(picture.convert("RGB").crop(box), (column * width, HEAD + row * height))
    return sheet


def main() -> None:
    """Draw all."""
    strip().save(DOCS / "skin.png", optimize=True)
    details().save(DOCS / "detail.png", optimize=True)
    portrait, drawn = str(DOCS / "portrait.jpg"), str(DOCS / "compare.png")
    if rembg_skin(["compare", portrait, "-m", *SHOWN, "-o", drawn, "--side", "220"]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
