"""Time of `predict` on a 512-pixel photograph, all cores, sessions in turn: those that need no download, and pan_skin.

Required, or the run fails: 25 ms for tiny_skin. pan_skin takes part if ../shared/weights has it. Run it
with `python -m benchmarks.predict`.
"""

import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.timing import PORTRAIT, machine, medians, weights

SIZE = (512, 512)
SESSIONS = (
    *("tiny_skin", "pan_skin", "ycbcr_hsv_skin", "hsv_skin", "ycbcr_skin", "icm_skin"),
    *("ellipse_skin", "diagonal_skin"),
)
ALLOWED = 25.0  # ms, tiny_skin


def main() -> int:
    """Print a line a session; 1 where tiny_skin takes too long."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["U2NET_HOME"] = home
        names = list(SESSIONS)
        if pan := weights("pan_skin"):
            models = Path(home) / "models" / "pan_skin"
            models.mkdir(parents=True)
            shutil.copy(pan, models)
        else:
            names.remove("pan_skin")
        from rembg import new_session  # after the folder of its models is set

        print(machine("rembg", "numpy", "pillow", "onnxruntime"), f"{len(os.sched_getaffinity(0))} cores")
        photo = Image.open(PORTRAIT).convert("RGB").resize(SIZE)
        milliseconds = {
            name: 1e3 * seconds
            for name, seconds in medians(
                {name: partial(new_session(name).predict, photo) for name in names}, rounds=40
            ).items()
        }
    for name, value in milliseconds.items():
        print(f"{name:16}{value:6.1f} ms")
    return int(milliseconds["tiny_skin"] > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
