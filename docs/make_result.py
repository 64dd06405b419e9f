"""Draw docs/result.png: a photo, its mask and its cutout. Run: `python docs/make_result.py SESSION`."""

import sys
from pathlib import Path

from PIL import Image
from rembg import new_session, remove

DOCS = Path(__file__).parent


def main(name: str) -> None:
    """Draw the picture with the session called `name`."""
    photo = Image.open(DOCS / "portrait.jpg")
    session = new_session(name)
    mask = remove(photo, session=session, only_mask=True)
    cutout = remove(photo, session=session)
    sheet = Image.new("RGB", (3 * photo.width + 32, photo.height), "white")
    sheet.paste(photo, (0, 0))
    sheet.paste(mask, (photo.width + 16, 0))
    sheet.paste(cutout, (2 * photo.width + 32, 0), cutout)
    sheet.save(DOCS / "result.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
