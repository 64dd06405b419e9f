"""Draw docs/compare.png from docs/portrait.jpg. Run: `python docs/make_figures.py`."""

import sys
from pathlib import Path

from rembg_skin.cli import main as rembg_skin

DOCS = Path(__file__).parent
SHOWN = ("hsv_skin", "icm_skin", "tiny_skin")

if __name__ == "__main__":
    portrait, drawn = str(DOCS / "portrait.jpg"), str(DOCS / "compare.png")
    sys.exit(rembg_skin(["compare", portrait, "-m", *SHOWN, "-o", drawn, "--side", "220"]))
