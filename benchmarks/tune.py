"""How long `rembg-skin tune` takes to answer a change on a 1-megapixel photo: its function, over HTTP, in a browser.

    python -m benchmarks.tune                        # the times
    python -m benchmarks.tune picture docs/tune.png  # the picture of the page in the docs

The function is what the page calls; HTTP adds the encoding of the pictures and their way; the browser adds the slider's
event and the new mask's decoding, until it is on the page. Medians of several changes: of the clock, and of the
processor, which a busy machine changes less. An extra after the mask is moved, then one of the method itself.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import requests
from PIL import Image

from benchmarks.timing import machine
from rembg_skin.tune.page import serve_page
from rembg_skin.tune.shells import BASH, MASK
from rembg_skin.tune.tuner import Asked, Tuner

SIDE, CHANGES = 1024, 11
PORTRAIT = Path(__file__).resolve().parents[1] / "docs" / "portrait.jpg"

# Values of an extra after the mask, and of one that the method itself takes.
AFTER: Mapping[str, list[object]] = {"low": [10 + 3 * turn for turn in range(CHANGES + 1)]}
OWN: Mapping[str, Mapping[str, list[object]]] = {"tiny_skin": {"size": [256 + 32 * t for t in range(CHANGES + 1)]}}
BLUR: Mapping[str, list[object]] = {"blur": [5 + 2 * (turn % 9) for turn in range(CHANGES + 1)]}


def milliseconds(change: Callable[[object], object], values: list[object]) -> tuple[float, float]:
    """Return the median time of a change by the clock and by the processor; the first one fills caches."""
    times, work = [], []
    for value in values:
        started, worked = time.perf_counter(), time.process_time()
        change(value)
        times.append(1000 * (time.perf_counter() - started))
        work.append(1000 * (time.process_time() - worked))
    return median(times[1:]), median(work[1:])


@contextmanager
def browser_page(url: str, width: int, height: int) -> Iterator[Any]:
    """Give the page in a headless Chromium, with its first mask on it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(url)
        page.wait_for_selector("#mask img[src]", timeout=120_000)
        yield page
        browser.close()


def in_browser(page: Any, method: str, extra: str) -> float:
    """Return the median from a press of an arrow key on a slider to the new mask on the page."""
    page.locator("#method").select_option(method)
    page.locator("#command pre", has_text=method).wait_for()
    page.locator(f"#{method}").get_by_label(f"range slider for {extra}", exact=True).focus()
    # Timed in the page itself, so that the driver's own round trips do not count.
    page.evaluate(
        """() => {
            window.pressed = 0; window.times = [];
            document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
            document.querySelector('#mask img').onload = () => window.times.push(performance.now() - window.pressed);
        }"""
    )
    for _ in range(CHANGES + 1):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(700)
    return median(page.evaluate("window.times")[1:])


def measure(folder: Path) -> None:
    """Serve the page with a photo, and print the times."""
    photo = folder / "photo.png"
    Image.open(PORTRAIT).resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(photo)
    tuner = Tuner()
    key = tuner.add(photo.name, photo.read_bytes())
    with serve_page(folder, photo, 0) as (address, _):
        compare(tuner, key, photo, address)


def compare(tuner: Tuner, key: str, photo: Path, address: str) -> None:
    """Print the times of every method: called, over HTTP and in a browser."""
    session, url = requests.Session(), address.partition("?")[0]
    session.get(address, timeout=60)
    uploaded = session.post(f"{url}upload", data=photo.read_bytes(), timeout=60).json()["key"]
    print(machine("rembg", "starlette", "numpy", "pillow"))
    print(f"{SIDE} x {SIDE} pixels, ms a change (of the processor): method, extra, function, HTTP")
    for name in tuner.methods:
        for extra, values in {**AFTER, **OWN.get(name, BLUR)}.items():

            def alone(value: object, name: str = name, extra: str = extra) -> None:
                tuner.update(Asked(key, name, {extra: value}, MASK, BASH))

            def over_http(value: object, name: str = name, extra: str = extra) -> None:
                asked = Asked(uploaded, name, {extra: value}, MASK, BASH)._asdict()
                session.post(f"{url}update", json=asked, timeout=60).raise_for_status()

            sides = [milliseconds(side, values) for side in (alone, over_http)]
            print(f"{name:15} {extra:8}", *(f"{clock:6.0f} ({work:.0f})" for clock, work in sides), flush=True)
    with browser_page(address, 1400, 950) as page:
        for method, extra in (("tiny_skin", "low"), ("ycbcr_skin", "cr_min")):
            print(f"in Chromium, key to mask: {method} {extra} {in_browser(page, method, extra):.0f}", flush=True)


def picture(target: Path, folder: Path) -> None:
    """Write the picture of the page, with the portrait of this repository on it."""
    target = target.absolute()
    os.chdir(PORTRAIT.parent)  # the page shows the photo's name as it was given
    with serve_page(folder, Path(PORTRAIT.name), 0) as (url, _), browser_page(url, 1200, 680) as page:
        page.locator("#tiny_skin").get_by_label("number input for grow", exact=True).fill("4")
        page.locator("#command", has_text="grow").wait_for(timeout=60_000)
        page.locator("h1").click()  # away from the field
        page.screenshot(path=target)
    Image.open(target).convert("P", palette=Image.Palette.ADAPTIVE).save(target, optimize=True)


def main() -> int:
    """Measure and print, or draw the page."""
    with tempfile.TemporaryDirectory() as name:
        if sys.argv[1:2] == ["picture"]:
            picture(Path(sys.argv[2]), Path(name))
        else:
            measure(Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
