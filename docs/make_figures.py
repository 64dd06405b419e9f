"""Draw docs/compare.png and docs/chroma.png from docs/portrait.jpg. Run: `python docs/make_figures.py`.

It needs the weights of pan_skin, whose mask of the face stands for the truth in the second one.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from rembg_skin.cli import main as rembg_skin
from rembg_skin.measure import plots
from rembg_skin.measure.stats import ColourStatistics
from rembg_skin.sessions.opening import open_session, predict_mask

DOCS = Path(__file__).parent
CHIN = 200  # pan_skin also sees some skin in the suit, below the face


def main() -> None:
    """Draw both."""
    portrait = DOCS / "portrait.jpg"
    models = ("hsv_skin", "icm_skin", "pan_skin", "tiny_skin")
    rembg_skin(["compare", str(portrait), "-m", *models, "-o", str(DOCS / "compare.png"), "--side", "220"])
    photo = Image.open(portrait)
    mask = np.array(predict_mask(open_session("pan_skin"), photo))
    mask[CHIN:] = 0
    statistics = ColourStatistics()
    statistics.add(photo, mask)
    figure = plots.new_figure("docs", *plots.SIZES["cb_cr_plane"])
    plots.chroma_plane(figure, statistics)
    plots.save(figure, DOCS / "chroma.png")


if __name__ == "__main__":
    main()
