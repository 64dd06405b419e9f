"""The `curl` lines of docs/server.md, run as they stand against a real server but for its port."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.pages import ROOT, commands

LINES = [command for command in commands(ROOT / "docs/server.md") if command[0] == "curl"]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def curl(line: list[str], url: str, folder: Path) -> Image.Image:
    """Run a line in `folder`, where the photo is, and return the picture that it writes."""
    shutil.copy(ROOT / "docs/portrait.jpg", folder / "photo.jpg")
    done = subprocess.run(
        [word.replace("http://127.0.0.1:7000", url) for word in line],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Image.open(io.BytesIO((folder / line[line.index("-o") + 1]).read_bytes()))


def test_there_are_three_lines() -> None:
    assert len(LINES) == 3


def test_the_first_line_makes_a_cutout(rembg_server: str, tmp_path: Path) -> None:
    alpha = np.asarray(curl(LINES[0], rembg_server, tmp_path).getchannel("A"))
    assert alpha.max() == 255
    assert alpha.min() == 0


def test_the_extras_of_the_second_line_reach_the_session(rembg_server: str, tmp_path: Path) -> None:
    mask = curl(LINES[1], rembg_server, tmp_path)
    without = curl([word.partition("?")[0] for word in LINES[1]], rembg_server, tmp_path)
    assert mask.mode == without.mode == "L"
    assert mask.tobytes() != without.tobytes()


def test_extras_in_the_form_are_ignored(rembg_server: str, tmp_path: Path) -> None:
    # So the page says; if rembg reads them one day, the page has to change.
    plain = [word.partition("?")[0] for word in LINES[1]]
    without = curl(plain, rembg_server, tmp_path).tobytes()
    assert curl([*plain, "-F", 'extras={"cb_min":110}'], rembg_server, tmp_path).tobytes() == without


def test_the_third_line_makes_a_cutout_on_white(rembg_server: str, tmp_path: Path) -> None:
    pixels = np.asarray(curl(LINES[2], rembg_server, tmp_path).convert("RGBA"))
    assert (pixels[..., 3] == 255).all()
    assert (pixels[0, 0] == 255).all()
