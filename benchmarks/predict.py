"""Time of `predict`, all cores, sessions in turn: those that need no download, and pan_skin.

A photograph of 512 x 512 and, for tiny_skin, one of 12 megapixels. The aim for tiny_skin is 60 and 350 ms.
pan_skin takes part if ../shared/weights has it. Run it with `python -m benchmarks.predict`.
"""

import os
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.timing import PORTRAIT, machine, medians, place_weights

SMALL, LARGE = (512, 512), (4000, 3000)
SESSIONS = (*("tiny_skin", "ycbcr_hsv_skin", "hsv_skin", "ycbcr_skin", "icm_skin", "ellipse_skin", "diagonal_skin"),)


def main() -> None:
    """Print a line a session."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["U2NET_HOME"] = home
        names = [*place_weights(Path(home), "pan_skin"), *SESSIONS]
        from rembg import new_session  # after the folder of its models is set

        print(machine("rembg", "numpy", "pillow", "onnxruntime"), f"{len(os.sched_getaffinity(0))} cores")
        portrait = Image.open(PORTRAIT).convert("RGB")
        sessions = {name: new_session(name) for name in names}
        runs = {name: partial(session.predict, portrait.resize(SMALL)) for name, session in sessions.items()}
        runs["tiny_skin, 12 megapixels"] = partial(sessions["tiny_skin"].predict, portrait.resize(LARGE))
        milliseconds = {name: 1e3 * seconds for name, seconds in medians(runs, rounds=40).items()}
    for name, value in milliseconds.items():
        print(f"{name:26}{value:6.1f} ms")


if __name__ == "__main__":
    main()
