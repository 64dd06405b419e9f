"""Draw docs/skin.png for README, docs/compare.png and docs/detail.png. Run: `python docs/make_figures.py`.

The photos are in the public domain, works of employees of the United States in the course of their duty: Eileen Collins
by NASA (scikit-image's `astronaut`, docs/portrait.jpg), Grace Hopper by the US Navy (matplotlib's `grace_hopper.jpg`).
"""

from pathlib import Path

import matplotlib.cbook
from PIL import Image, ImageDraw, ImageFont, ImageOps
from rembg import new_session, remove

from rembg_skin.cli import main as rembg_skin

DOCS = Path(__file__).parent
CELL, GAP, HEAD = (272, 232), 6, 30  # pixels
COLUMNS = ("photo", "rembg i -m skin", "rembg i -m skin -om")
HEAD_OF_HOPPER = (140, 60, 512, 378)  # the stars of the flag beside her light up: the model card says so
SHOWN = ("hsv_skin", "icm_skin", "tiny_skin")


def photos() -> tuple[Image.Image, Image.Image]:
    """Return Eileen Collins and Grace Hopper, RGB."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(DOCS / "portrait.jpg").convert("RGB"), Image.open(file).convert("RGB")


def strip() -> Image.Image:
    """Return the photos in a column each of themselves, their cutouts and their masks."""
    width, height = CELL[0] + GAP, CELL[1] + GAP
    sheet = Image.new("RGB", (3 * width - GAP, HEAD + 2 * height - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    session = new_session("skin")
    for column, label in enumerate(COLUMNS):
        pen.text((column * width + CELL[0] / 2, HEAD / 2), label, "black", font, "mm")
    astronaut, hopper = photos()
    for row, photo in enumerate((astronaut, hopper.crop(HEAD_OF_HOPPER))):
        fitted = ImageOps.fit(photo, (2 * CELL[0], 2 * CELL[1]), centering=(0.5, 0.2))
        found = (fitted, remove(fitted, session=session), remove(fitted, session=session, only_mask=True))
        for column, picture in enumerate(found):
            small = picture.resize(CELL, Image.Resampling.LANCZOS)
            sheet.paste(small, (column * width, HEAD + row * height), small if small.mode == "RGBA" else None)
    return sheet


def details() -> Image.Image:
    """Return a hairline, an ear and a chin at 100 %, in a column each of the photo and of both values of `detail`.

    The network sees the photos at a quarter of their side, as one of 3,000 pixels by default.
    """
    astronaut, hopper = photos()
    width, height = 242, 182
    sheet = Image.new("RGB", (3 * width - GAP, HEAD + 3 * height - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for column, label in enumerate(("photo", "fast", "fine")):
        pen.text((column * width + (width - GAP) / 2, HEAD / 2), label, "black", font, "mm")
    session = new_session("skin", size=128)
    for row, (photo, left, top) in enumerate(((astronaut, 110, 40), (hopper, 40, 100), (hopper, 150, 250))):
        cutouts = [remove(photo, session=session, detail=name, bgcolor=(255,) * 4) for name in ("fast", "fine")]
        box = (left, top, left + width - GAP, top + height - GAP)
        for column, picture in enumerate((photo, *cutouts)):
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
