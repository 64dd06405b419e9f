"""Draw docs/result.png and docs/hard.png: photos with their masks. Run: `python docs/make_result.py SESSION`."""

import sys
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageOps
from rembg import new_session, remove

DOCS = Path(__file__).parent
GAP, SHOWN = 16, 320  # pixels
BY_COLOUR = "ycbcr_hsv_skin"
FOUR = ("astronaut.png", "ihc.png", "chelsea.png", "coffee.png")  # free of copyright, says scikit-image


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures of one size in a row, on white."""
    width, height = pictures[0].size
    sheet = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), "white")
    for column, picture in enumerate(pictures):
        sheet.paste(picture, (column * (width + GAP), 0), picture if picture.mode == "RGBA" else None)
    return sheet


def result(name: str) -> Image.Image:
    """Return the portrait, its mask and its cutout."""
    photo = Image.open(DOCS / "portrait.jpg")
    session = new_session(name)
    return side_by_side([photo, remove(photo, session=session, only_mask=True), remove(photo, session=session)])


def hard(name: str) -> Image.Image:
    """Return four pictures in one, one of them with skin, and the masks by colour and by the session."""
    (package,) = find_spec("skimage").submodule_search_locations
    picture = Image.new("RGB", (2 * SHOWN, 2 * SHOWN))
    for index, file in enumerate(FOUR):
        part = ImageOps.fit(Image.open(Path(package, "data", file)).convert("RGB"), (SHOWN, SHOWN))
        picture.paste(part, (index % 2 * SHOWN, index // 2 * SHOWN))
    masks = [remove(picture, session=new_session(session), only_mask=True) for session in (BY_COLOUR, name)]
    return side_by_side([shown.resize((SHOWN, SHOWN), Image.Resampling.BOX) for shown in (picture, *masks)])


if __name__ == "__main__":
    for file, draw in (("result.png", result), ("hard.png", hard)):
        draw(sys.argv[1]).save(DOCS / file, optimize=True)
