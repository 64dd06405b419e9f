"""The page of `rembg-skin tune` in a real browser, 1400 and 400 pixels wide."""

import io
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.tune.controls import widget
from rembg_skin.tune.tuner import Tuner
from tests.support.command import run

METHODS = Tuner().methods
pytestmark = [pytest.mark.browser, pytest.mark.e2e]
WIDE, NARROW = {"width": 1400, "height": 950}, {"width": 400, "height": 850}


@dataclass
class Seen:
    """The page of a running `rembg-skin tune`, and all addresses that it sent requests to."""

    page: Any
    asked: list[str]

    def command(self) -> str:
        """Press the copy button of the command, and return what is on the clipboard."""
        self.page.locator("#command button").click()
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def wait_for_command(self, text: str | re.Pattern[str]) -> None:
        """Wait until the command is of the last change."""
        self.page.locator("#command pre", has_text=text).wait_for()

    def source(self) -> str | None:
        """Return the address of the mask's picture."""
        source: str | None = self.page.locator("#mask img").get_attribute("src")
        return source

    def picture(self, element: str = "mask") -> NDArray[np.uint8]:
        data = b64decode(self.page.locator(f"#{element} img").get_attribute("src").partition(",")[2])
        return np.asarray(Image.open(io.BytesIO(data)).convert("L" if element == "mask" else "RGB"))

    def wait_for_another_mask(self, than: str | None) -> None:
        self.page.wait_for_function(
            "old => { const { src } = document.querySelector('#mask img'); return src && src !== old }", arg=than
        )

    def choose(self, method: str) -> Any:
        """Choose a method under its defaults, and return its settings."""
        panel = self.page.locator(f"#{method}")
        self.page.locator("#method").select_option(method)
        panel.get_by_role("button", name="Defaults").click()
        self.wait_for_command(re.compile(f" {method} "))
        return panel

    def give(self, file: Path) -> None:
        self.page.locator("#photo input[type=file]").set_input_files(file)

    def set(self, method: str, extra: str, number: float) -> None:
        self.page.locator(f"#{method}").get_by_label(f"number input for {extra}", exact=True).fill(str(number))
        self.page.keyboard.press("Tab")

    def box(self, element: str) -> dict[str, float]:
        box = self.page.locator(element).first.bounding_box()
        assert box is not None, element
        return {**box, "bottom": box["y"] + box["height"], "right": box["x"] + box["width"]}


@contextmanager
def opened_page(browser: Any, server: str, viewport: dict[str, int]) -> Iterator[Seen]:
    context = browser.new_context(viewport=viewport, permissions=["clipboard-read", "clipboard-write", "camera"])
    context.set_default_timeout(120_000)
    one = Seen(context.new_page(), [])
    one.page.on("request", lambda request: one.asked.append(request.url))
    one.page.goto(server)
    one.wait_for_another_mask(None)
    yield one
    context.close()


@pytest.fixture
def fresh(browser: Any, server: str) -> Iterator[Seen]:
    """Give a page as it is when it opens."""
    with opened_page(browser, server, WIDE) as page:
        yield page


@pytest.fixture(scope="module")
def seen(browser: Any, server: str) -> Iterator[Seen]:
    """Give a page that other tests use, too: each chooses its method, and none another photo."""
    with opened_page(browser, server, WIDE) as page:
        yield page


def test_upload_move_a_slider_copy_the_command_run_it_and_get_the_same_mask(fresh: Seen, folder: Path) -> None:
    seen, mouse = fresh, fresh.page.mouse
    panel = seen.choose("ycbcr_skin")
    before = seen.source()
    seen.give(folder / "uploaded photo.png")
    seen.wait_for_command("uploaded photo")
    seen.wait_for_another_mask(before)
    default = seen.picture()
    assert default.shape == (512, 512)
    seen.page.get_by_label("mask", exact=True).check()
    box = seen.box("#ycbcr_skin [aria-label='range slider for cr_min']")
    middle = (box["y"] + box["bottom"]) / 2
    mouse.move(box["x"] + box["width"] * (137 - 50) / 155, middle)
    mouse.down()
    mouse.move(box["x"] + box["width"] * (150 - 50) / 155, middle, steps=8)
    mouse.up()
    last = panel.get_by_label("range slider for cr_min").input_value()
    seen.wait_for_command(f"cr_min={last} ")  # the last of the positions that the mouse went through
    moved = seen.picture()
    assert np.count_nonzero(moved) < 0.8 * np.count_nonzero(default)
    text = seen.command()
    assert re.fullmatch(r"rembg-skin cut --mask -m ycbcr_skin:cr_min=1[45]\d 'uploaded photo.png' -o mask.png", text)
    words = subprocess.run(f"printf '%s\\n' {text}", shell=True, capture_output=True, text=True, check=True).stdout
    assert run(*words.splitlines()[1:], cwd=folder).returncode == 0
    assert np.array_equal(np.asarray(Image.open(folder / "mask.png")), moved)


def test_the_given_photo_another_method_its_cutout_and_its_defaults(fresh: Seen, folder: Path) -> None:
    seen, page = fresh, fresh.page
    assert "token" not in page.url
    assert seen.command() == """rembg-skin cut -m tiny_skin 'it'"'"'s given.png' -o cutout.png"""
    panel = seen.choose("hsv_skin")
    assert not page.locator("#tiny_skin button").first.is_visible()
    before = seen.source()
    seen.set("hsv_skin", "h_max", 12)
    seen.wait_for_command("h_max=12")
    mask = seen.picture()
    photo = np.asarray(Image.open(folder / "it's given.png")).astype(int)
    assert np.abs(seen.picture("cutout").astype(int) - photo)[mask == 255].mean() < 6  # of a JPEG
    panel.get_by_role("button", name="Defaults").click()
    page.wait_for_function("() => !document.querySelector('#command').textContent.includes('h_max')")
    assert seen.source() == before
    page.reload()  # the token is in the cookie
    seen.wait_for_another_mask(None)


def test_a_list_and_a_word_of_the_network(seen: Seen) -> None:
    panel = seen.choose("tiny_skin")
    panel.get_by_label("size", exact=True).select_option("256")
    seen.wait_for_command("size=256")
    panel.get_by_label("always", exact=True).check()
    panel.get_by_label("smooth", exact=True).uncheck()
    seen.wait_for_command("stretch=always,smooth=false,size=256")


def test_a_minimum_above_its_maximum_and_what_is_no_photo_are_told_and_the_page_stays(seen: Seen, folder: Path) -> None:
    seen.choose("ycbcr_skin")
    shown = seen.source(), seen.command()
    (folder / "notes.txt").write_text("not an image")
    seen.give(folder / "notes.txt")
    seen.page.locator("#line", has_text="notes.txt cannot be read").wait_for()
    assert (seen.source(), seen.command()) == shown
    seen.set("ycbcr_skin", "cb_min", 180)
    told = seen.page.locator("#line", has_text=re.compile("cb_min=180.*cb_max"))
    told.wait_for()
    assert "are those before this change" in told.inner_text()
    assert (seen.source(), seen.command()) == shown
    seen.set("ycbcr_skin", "cb_min", 90)
    seen.page.locator("#line", has_text="% skin").wait_for()


@pytest.mark.parametrize(("what", "end", "mode"), [("mask", ".mask.png", "L"), ("cutout", ".cut.png", "RGBA")])
def test_downloads_are_named_after_the_photo(what: str, end: str, mode: str, seen: Seen) -> None:
    seen.choose("ycbcr_skin")
    with seen.page.expect_download() as waiting:
        seen.page.get_by_role("button", name=f"Download {what}").click()
    assert waiting.value.suggested_filename.endswith(end)
    assert Image.open(waiting.value.path()).mode == mode


def test_a_photo_may_be_pasted_or_taken_with_the_camera(fresh: Seen, folder: Path) -> None:
    fresh.page.locator("#camera").click()
    fresh.page.locator("#photo video").wait_for()
    fresh.page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
    fresh.page.locator("#camera").click()
    fresh.wait_for_command("camera.png")
    fresh.page.evaluate(
        """data => {
            const files = new DataTransfer();
            files.items.add(new File([Uint8Array.from(data)], "pasted.png"));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: files }));
        }""",
        list((folder / "uploaded photo.png").read_bytes()),
    )
    fresh.wait_for_command("pasted.png")


def test_the_command_is_quoted_for_the_shell_that_is_chosen(seen: Seen) -> None:
    seen.choose("hsv_skin")
    for shell, quoted in {"PowerShell": "'it''s", "cmd.exe": "\"it's", "bash": "'it'\"'\"'s"}.items():
        seen.page.get_by_label(shell, exact=True).check()
        seen.wait_for_command(quoted)


@pytest.mark.parametrize("method", METHODS)
def test_every_option_of_a_method_has_its_widget_and_its_line(method: str, seen: Seen) -> None:
    panel = seen.choose(method)
    for name, option in METHODS[method].options.items():
        field = panel.get_by_label(name, exact=True)
        match shown := widget(name, option):
            case {"kind": "slider"}:
                assert panel.get_by_label(f"range slider for {name}", exact=True).count() == 1, f"{name} has no slider"
                number = panel.get_by_label(f"number input for {name}", exact=True)
                assert number.evaluate("field => field.scrollWidth <= field.clientWidth"), f"{name}: a digit is cut off"
            case {"kind": "words", "words": tuple(words)}:
                assert all(panel.get_by_label(word, exact=True).is_visible() for word in words), name
            case {"kind": "switch"}:
                assert (field.get_attribute("type"), field.is_checked()) == ("checkbox", shown["value"])
            case _:
                assert field.input_value() == ""
        assert panel.get_by_text(str(shown["help"]), exact=True).is_visible(), name


def test_wide_the_settings_stand_beside_the_pictures(seen: Seen) -> None:
    boxes = [seen.box(f"#{element}") for element in ("mask", "cutout", "overlay")]
    assert all(box["x"] > seen.box("#controls")["right"] for box in boxes)
    assert len({round(box["y"]) for box in boxes}) == 1
    assert all(box["width"] > 200 and box["right"] <= 1400 for box in boxes)
    assert seen.page.get_by_role("heading", name="Tune a skin mask").is_visible()
    assert seen.page.get_by_text("Photos of up to 200 MB and 50 megapixels").is_visible()


def test_narrow_the_pictures_stand_above_the_settings_and_stay_in_view(browser: Any, server: str) -> None:
    with opened_page(browser, server, NARROW) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 400
        order = [seen.box(element) for element in ("h1", "#photo", "#mask", "#controls", "#command")]
        assert all(above["bottom"] <= below["y"] for above, below in pairwise(order))
        seen.choose("ycbcr_hsv_skin").get_by_label("range slider for v_max").scroll_into_view_if_needed()
        seen.page.mouse.move(200, 600)
        seen.page.mouse.wheel(0, 300)
        seen.page.wait_for_timeout(500)
        mask = seen.box("#mask")
        assert mask["y"] >= -1
        assert mask["bottom"] < 0.6 * NARROW["height"]


def test_nothing_is_asked_for_at_another_host(seen: Seen, server: str) -> None:
    assert len(seen.asked) > 4
    assert [url for url in seen.asked if not url.startswith((server.partition("?")[0], "data:", "blob:"))] == []


def test_a_page_of_another_site_gets_nothing(browser: Any, server: str) -> None:
    page = browser.new_context().new_page()
    page.goto(server)  # the browser holds the cookie
    evil = {"body": "<title>evil</title>", "content_type": "text/html"}
    page.route("http://evil.example/", lambda route: route.fulfill(**evil))
    page.goto("http://evil.example/")
    tried = """async url => {
        try { return (await fetch(url, {method: "POST", body: "{}", credentials: "include"})).status }
        catch (error) { return error.message }
    }"""
    assert page.evaluate(tried, server.replace("/?", "/update?")) == "Failed to fetch"
    framed = page.evaluate(
        """url => new Promise(done => {
            const frame = document.createElement("iframe");
            frame.onload = () => done(frame.contentDocument === null);
            frame.src = url;
            document.body.append(frame);
        })""",
        server,
    )
    assert framed  # nothing to be read in it
    page.context.close()
