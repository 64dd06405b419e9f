"""How long `rembg-skin tune` takes to answer a change on a 1-megapixel photo: its function, over HTTP, in a browser.

    python -m benchmarks.tune

The function is what the page calls; HTTP adds the encoding of both pictures and Gradio's queue; the browser adds the
slider's event and the new mask's decoding, until it is on the page. Medians of several changes.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import requests
from PIL import Image

import rembg_skin
from benchmarks.timing import machine

rembg_skin.register()

from rembg_skin.tune.page import launch  # noqa: E402
from rembg_skin.tune.tuner import METHODS, Tuner  # noqa: E402 - the sessions' modules need rembg's tables

SIDE, CHANGES = 1024, 11
PORTRAIT = Path(__file__).resolve().parents[1] / "docs" / "portrait.jpg"


def settings(turn: int) -> list[object]:
    """Return every widget's value, with one that differs from turn to turn."""
    return [
        5 + 2 * (turn % 9) if option == "blur" else kind.default
        for cls in METHODS.values()
        for option, kind in cls.options.items()
    ]


def milliseconds(change: Callable[[int], object]) -> float:
    """Return the median time of a change; the first one, which fills caches, does not count."""
    times = []
    for turn in range(CHANGES + 1):
        started = time.perf_counter()
        change(turn)
        times.append(1000 * (time.perf_counter() - started))
    return median(times[1:])


def asked(session: requests.Session, url: str, name: str, photo: dict[str, object], turn: int) -> None:
    """Ask for a change as the page does, and get both pictures."""
    answer = session.post(f"{url}/run/update", json={"data": [name, "mask", photo, *settings(turn)]}, timeout=60)
    for picture in answer.json()["data"][:2]:
        session.get(picture["url"], timeout=60).raise_for_status()


def in_browser(url: str) -> float | None:
    """Return the median from a press of an arrow key on a slider to the new mask on the page."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if chromium is None:
        return None
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("#mask img", timeout=60_000)
        page.wait_for_timeout(2000)
        slider = page.locator("#ycbcr_skin").get_by_label("range slider for cr_min")
        slider.focus()
        # Timed in the page itself, so that the driver's own round trips do not count.
        page.evaluate(
            """() => {
                window.pressed = 0; window.times = [];
                const shown = () => document.querySelector('#mask img');
                let last = shown().src;
                document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
                const watch = () => {
                    const image = shown();
                    if (image && image.src !== last && image.complete) {
                        last = image.src; window.times.push(performance.now() - window.pressed);
                    }
                    requestAnimationFrame(watch);
                };
                watch();
            }"""
        )
        for _ in range(CHANGES + 1):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(700)
        times = page.evaluate("window.times")
        browser.close()
    return median(times[1:])


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        Image.open(PORTRAIT).resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(photo)
        tuner = Tuner()
        served = launch(photo, browser=False)
        session, url = requests.Session(), f"{served.local_url}gradio_api"
        with photo.open("rb") as file:  # once, as a page does
            upload = session.post(f"{url}/upload", files={"files": file}, timeout=60)
        given = {"path": upload.json()[0], "meta": {"_type": "gradio.FileData"}}
        print(machine("rembg", "gradio", "numpy", "pillow"))
        print(f"{SIDE} x {SIDE} pixels, ms a change: method, function, HTTP")
        for name in METHODS:
            alone = milliseconds(lambda turn, name=name: tuner.update(name, "mask", str(photo), *settings(turn)))
            served_time = milliseconds(lambda turn, name=name: asked(session, url, name, given, turn))
            print(f"{name:15} {alone:6.0f} {served_time:6.0f}", flush=True)
        print(f"in Chromium, key to mask, ycbcr_skin: {in_browser(served.local_url)}")
        served.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
