"""Stock `rembg s`: the `curl` lines of docs/server.md as they stand but for its port, its page, its memory."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rembg import new_session

from tests.support.graphs import build
from tests.support.networks import place
from tests.support.pages import ROOT, commands
from tests.support.rembg import post, serving

pytestmark = pytest.mark.e2e


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_make_a_cutout_a_mask_with_extras_and_a_cutout_on_white(rembg_server: str, tmp_path: Path) -> None:
    def curl(line: list[str]) -> Image.Image:
        words = [word.replace("http://127.0.0.1:7000", rembg_server) for word in line]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Image.open(io.BytesIO((tmp_path / line[line.index("-o") + 1]).read_bytes()))

    shutil.copy(ROOT / "docs/portrait.jpg", tmp_path / "photo.jpg")
    first, second, third = (command for command in commands(ROOT / "docs/server.md") if command[0] == "curl")
    alpha = np.asarray(curl(first).getchannel("A"))
    assert (alpha.min(), alpha.max()) == (0, 255)
    mask = curl(second)
    plain = [word.partition("?")[0] for word in second]
    without = curl(plain)
    assert mask.mode == without.mode == "L"
    assert mask.tobytes() != without.tobytes()
    # Extras in the form are ignored, says the page; if rembg reads them one day, it has to change.
    assert curl([*plain, "-F", 'extras={"cb_min":110}']).tobytes() == without.tobytes()
    pixels = np.asarray(curl(third).convert("RGBA"))
    assert (pixels[..., 3] == 255).all()
    assert (pixels[0, 0] == 255).all()


@pytest.mark.browser
def test_choose_a_skin_model_upload_and_see_the_cutout(
    browser: Any, rembg_server: str, tmp_path: Path, astronaut: Image.Image
) -> None:
    astronaut.save(tmp_path / "photo.png")
    context = browser.new_context(viewport={"width": 1200, "height": 1100})
    page = context.new_page()
    page.goto(rembg_server)
    page.get_by_label("Models").click()
    assert page.get_by_role("option", name="hsv_skin", exact=True).is_visible()
    page.get_by_role("option", name="ycbcr_hsv_skin", exact=True).click()
    page.get_by_label("Alpha matting", exact=True).uncheck()
    page.get_by_label("Post process mask").uncheck()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "photo.png")
    page.wait_for_selector("button[aria-label='Remove Image'], button[title='Clear']", timeout=30_000)
    page.get_by_role("button", name="Submit").click()
    output = page.locator("div.block", has=page.get_by_text("Output")).locator("img").last
    output.wait_for(timeout=120_000)
    shown = Image.open(io.BytesIO(page.request.get(output.get_attribute("src")).body()))
    context.close()
    expected = np.asarray(new_session("ycbcr_hsv_skin").predict(astronaut)[0])
    assert shown.mode == "RGBA"
    assert np.array_equal(np.asarray(shown.getchannel("A")), expected)
    assert 0.02 < (expected > 127).mean() < 0.5
    colors = np.abs(np.asarray(shown.convert("RGB")).astype(int) - np.asarray(astronaut))
    assert colors[expected == 255].mean() < 8  # of a WebP


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_fifty_extras_hold_one_copy_of_the_weights(tmp_path: Path) -> None:
    def megabytes(process: int) -> float:
        return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[0]) / 1024

    network = build("dlmv_skin")
    place(tmp_path / "home", "dlmv_skin", network)
    with serving(tmp_path, MODEL_CHECKSUM_DISABLED="1") as (url, process):
        for _ in range(5):
            assert post(url, model="dlmv_skin", om="true").ok
        before = megabytes(process)
        for threshold in range(50):  # the server keeps a session for each text of extras
            assert post(url, model="dlmv_skin", om="true", extras=json.dumps({"threshold": threshold})).ok
        grown = megabytes(process) - before
    assert grown < 3 * network.ByteSize() / 2**20  # a copy each would be more than fifty times the weights
