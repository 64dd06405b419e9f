"""The page of stock `rembg s` in a real browser, with a skin model chosen from its list."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rembg import new_session

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


def test_choose_a_skin_model_upload_and_see_the_cutout(
    browser: Any, rembg_server: str, tmp_path: Path, astronaut: Image.Image
) -> None:
    astronaut.save(tmp_path / "photo.png")
    context = browser.new_context(viewport={"width": 1200, "height": 1100})
    page = context.new_page()
    page.goto(rembg_server)
    models = page.get_by_label("Models")
    models.click()
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
