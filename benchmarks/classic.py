"""The classic sessions against the reference procedure in OpenCV, on a 12-megapixel photograph, in one run.

Both sides start from the decoded Pillow image, as a rembg session does, and end with a Pillow mask; the last column
takes the reference from an array that is there already. OpenCV may use two threads; our color rules use one.
The photograph is one of ../shared/data, or docs/portrait.jpg; run it with `python -m benchmarks.classic`.
"""

import sys
from functools import partial

import cv2
import numpy as np
from PIL import Image
from rembg import new_session

from benchmarks.timing import machine, medians, peak_megabytes, photograph
from tests.support.reference import METHODS

PHOTO = photograph("mixed_web/images/mk014.jpg")
SIZE = (4000, 3000)
ROUNDS = 9
ALLOWED = {"hsv_skin": 1.3, "ycbcr_skin": 1.0, "ycbcr_hsv_skin": 1.3, "ellipse_skin": 0.25, "diagonal_skin": 0.25}
ALLOWED_ICM = 0.15

_SETUP = f"""
    from PIL import Image
    from rembg import new_session
    image = Image.open({str(PHOTO)!r}).convert("RGB").resize({SIZE}, Image.Resampling.BICUBIC)
    session = new_session("{{name}}")
    session.predict(image.resize((600, 400)))
"""


def main() -> None:
    """Print a line a session."""
    image = Image.open(PHOTO).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
    pixels = np.array(image)
    cv2.setNumThreads(2)
    print(machine("rembg", "numpy", "pillow", "opencv-python-headless"))
    print(f"{'session':16}{'ours ms':>9}{'OpenCV ms':>11}{'ratio':>8}{'allowed':>9}{'from array':>12}{'memory MB':>11}")
    for name, reference in METHODS.items():
        sides = {
            "ours": partial(new_session(name).predict, image),
            "reference": lambda reference=reference: Image.fromarray(reference(np.asarray(image))),
            "from array": partial(reference, pixels),
        }
        seconds = medians(sides, 3 if name == "icm_skin" else ROUNDS)
        ours = seconds["ours"]
        memory = peak_megabytes(_SETUP.format(name=name), "session.predict(image)")
        print(
            f"{name:16}{ours * 1e3:9.0f}{seconds['reference'] * 1e3:11.0f}{ours / seconds['reference']:8.2f}"
            f"{ALLOWED.get(name, ALLOWED_ICM):9.2f}{ours / seconds['from array']:12.2f}{memory:11.0f}"
        )


if __name__ == "__main__":
    sys.exit(main())
