"""Draw docs/compare.png and docs/chroma.png from docs/portrait.jpg. Run: `python docs/make_figures.py`.

tiny_skin's mask of the face stands for the truth in the second one.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from rembg_skin.cli import main as rembg_skin
from rembg_skin.measure import plots
from rembg_skin.measure.stats import ColourStatistics
from rembg_skin.session import open_session, predict_mask

DOCS = Path(__file__).parent
CHIN = 200  # the portrait's face ends above it
SHOWN = ("hsv_skin", "icm_skin", "tiny_skin")


def main() -> None:
    """Draw both."""
    portrait = DOCS / "portrait.jpg"
    compare = ["compare", str(portrait), "-m", *SHOWN, "-o", str(DOCS / "compare.png"), "--side", "220"]
    if rembg_skin(compare):  # the README shows it: rather none than one with a gap
        raise SystemExit(1)
    photo = Image.open(portrait)
    mask = np.array(predict_mask(open_session("tiny_skin"), photo))
    mask[CHIN:] = 0
    statistics = ColourStatistics()
    statistics.add(photo.convert("RGB"), mask)
    figure = plots.new_figure("docs", *plots.SIZES["cb_cr_plane"])
    plots.chroma_plane(figure, statistics)
    figure.savefig(DOCS / "chroma.png", dpi=150)


if __name__ == "__main__":
    main()
