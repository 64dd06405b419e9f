"""`rembg-skin tune`: what it computes and writes down, and its page in a real browser."""

import io
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import rembg_skin
from rembg_skin.errors import SkinError
from rembg_skin.sessions.options import Choice, Integer, Option, Real, Switch
from rembg_skin.tune import tuner as tune
from rembg_skin.tune.tuner import METHODS, Tuner, call, command, cutout, extras_of, opened, step_of

rembg_skin.register()

SKIN, SKY = (224, 172, 142), (90, 140, 220)


def defaults(**changed: object) -> list[object]:
    """Return every widget's value, in the page's order."""
    return [changed.get(name, option.default) for cls in METHODS.values() for name, option in cls.options.items()]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Left half skin, right half sky."""
    image = Image.new("RGB", (120, 80), SKY)
    image.paste(SKIN, (0, 0, 60, 80))
    path = tmp_path / "photo.png"
    image.save(path)
    return path


@pytest.mark.parametrize("name", list(METHODS))
def test_defaults_are_no_extras(name: str) -> None:
    session = METHODS[name]
    assert extras_of(session, {key: option.default for key, option in session.options.items()}) == {}


def test_only_what_was_moved_becomes_an_extra_of_its_type() -> None:
    session = METHODS["ycbcr_skin"]
    values = {key: option.default for key, option in session.options.items()} | {"cb_min": 80.0, "blur": 5}
    extras = extras_of(session, values)
    assert extras == {"cb_min": 80, "blur": 5}
    assert all(type(value) is int for value in extras.values())


def test_a_slider_beside_a_default_between_its_steps_is_not_moved() -> None:
    session = METHODS["diagonal_skin"]
    values: dict[str, object] = {key: option.default for key, option in session.options.items()}
    assert extras_of(session, values | {"cb_center": 119.3}) == {}
    assert extras_of(session, values | {"cb_center": 119.50000000000001}) == {"cb_center": 119.5}


@given(low=st.floats(-1e4, 1e4), width=st.floats(1e-3, 1e5))
def test_a_slider_has_a_thousand_steps_or_more_and_not_far_more(low: float, width: float) -> None:
    assert 999 <= width / step_of(Real(low, low, low + width)) <= 10_100


@given(
    photo=st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20),
    angle=st.floats(-360, 360),
    mask_alone=st.booleans(),
)
@pytest.mark.skipif(os.name == "nt", reason="quoting for a POSIX shell")
def test_the_command_survives_the_shell_and_the_call_python(photo: str, angle: float, mask_alone: bool) -> None:
    extras = {"angle": angle, "blur": 5}
    words = shlex.split(command("diagonal_skin", extras, photo, mask_alone=mask_alone))
    assert words[:4] == ["rembg", "i", "-m", "diagonal_skin"]
    assert words[-2].removeprefix("./") == photo.removeprefix("./")
    assert not words[-2].startswith("-")
    assert ("-om" in words) == mask_alone
    assert f'"angle": {angle!r}' in words[words.index("-x") + 1]
    code = call("diagonal_skin", extras, photo, mask_alone=mask_alone)
    assert photo in compile(code, "call", "exec").co_consts or photo in code
    assert f"angle={angle!r}, blur=5" in code


def test_the_python_lines_give_the_mask_that_is_shown(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photo.parent)
    values = defaults(cr_min=140, blur=7)
    mask, _, _, python, _ = Tuner().update("ycbcr_skin", "mask", str(photo), *values)
    names: dict[str, Any] = {}
    exec(python, names)
    assert mask is not None
    assert np.array_equal(np.asarray(names["mask"]), np.asarray(mask))


def test_a_minimum_above_its_maximum_is_told_and_nothing_is_shown(photo: Path) -> None:
    shown = Tuner().update("ycbcr_skin", "mask", str(photo), *defaults(cb_min=200))
    assert shown[:4] == (None, None, "", "")
    assert "cb_min=200 is not possible" in shown[4]


def test_without_a_photo_the_command_is_there_already() -> None:
    shown = Tuner().update("hsv_skin", "cutout", None, *defaults(h_max=25))
    assert shown[:3] == (None, None, "rembg i -m hsv_skin -x '{\"h_max\": 25}' photo.jpg skin.png")


def test_a_photo_is_shown_upright_as_rembg_turns_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (40, 20), SKIN).save(tmp_path / "turned.jpg", exif=exif)
    assert opened(str(tmp_path / "turned.jpg")).size == (20, 40)


def test_bad_photos_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(SkinError, match=r"notes.txt cannot be read as an image"):
        opened(str(tmp_path / "notes.txt"))
    with pytest.raises(SkinError, match="There is no file"):
        opened(str(tmp_path / "nothing.png"))
    Image.new("RGB", (300, 200)).save(tmp_path / "large.png")
    monkeypatch.setattr(tune, "LARGEST", 50_000)
    with pytest.raises(SkinError, match=r"large.png has 0 megapixels; this page takes up to 0"):
        opened(str(tmp_path / "large.png"))


def test_the_cutout_shows_the_photo_where_the_mask_is_and_a_board_elsewhere() -> None:
    mask = Image.new("L", (64, 32))
    mask.paste(255, (0, 0, 32, 32))
    shown = np.asarray(cutout(Image.new("RGB", (64, 32), SKIN), mask))
    assert (shown[:, :32] == SKIN).all()
    assert {tuple(pixel) for pixel in shown[:, 32:].reshape(-1, 3)} == {(224,) * 3, (184,) * 3}


@pytest.mark.parametrize(
    ("stub", "told"),
    [
        ("None", 'needs Gradio, which is not installed: pip install "rembg-skin[cli]"'),
        ("types.SimpleNamespace(__version__='5.49.1')", "needs Gradio 6; 5.49.1 is installed: pip install --upgrade"),
    ],
)
def test_without_its_gradio_one_line_says_what_to_install(stub: str, told: str, tmp_path: Path) -> None:
    code = (
        f"import sys, types; sys.modules['gradio'] = {stub}\n"
        "from rembg_skin.cli import main; sys.exit(main(['tune', '--no-browser']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"rembg-skin: rembg-skin tune {told}")


@dataclass
class Served:
    """A running `rembg-skin tune` and a page that shows it."""

    url: str
    page: Any
    asked: list[str] = field(default_factory=list)

    def open(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(self.url)
        self.page.wait_for_selector("#command .cm-line", timeout=60_000)

    def command(self) -> str:
        """Press the copy button of the command, and return what is on the clipboard."""
        self.page.locator("#command").get_by_label(re.compile("copy", re.IGNORECASE)).first.click()
        text = self.page.evaluate("navigator.clipboard.readText()")
        assert isinstance(text, str)
        return text

    def shown(self, element: str = "mask") -> Image.Image:
        source = self.page.locator(f"#{element} img").get_attribute("src")
        return Image.open(io.BytesIO(self.page.request.get(source).body()))

    def source(self) -> str | None:
        images = self.page.locator("#mask img")
        return images.get_attribute("src") if images.count() else None

    def wait_for_another_mask(self, than: str | None) -> None:
        self.page.wait_for_function(
            "old => { const image = document.querySelector('#mask img'); return image && image.src !== old }",
            arg=than,
            timeout=20_000,
        )


def serve(folder: Path, *arguments: str) -> "tuple[subprocess.Popen[str], str]":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = str(Path(sys.executable).with_name("rembg-skin"))
    environment = {**os.environ, "TMPDIR": str(folder), "NO_PROXY": "127.0.0.1,localhost"}
    process = subprocess.Popen(
        [script, "tune", "--no-browser", "--port", str(port), *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert f"http://127.0.0.1:{port}" in line
    return process, f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, astronaut: Image.Image) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    astronaut.save(folder / "uploaded photo.png")
    astronaut.crop((100, 0, 400, 300)).save(folder / "it's given.png")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    process, url = serve(folder, "it's given.png")
    yield url
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def served(browser: Any, server: str) -> Iterator[Served]:
    context = browser.new_context(
        viewport={"width": 1300, "height": 950}, permissions=["clipboard-read", "clipboard-write"]
    )
    one = Served(server, context.new_page())
    one.open()
    yield one
    context.close()


def run_copied(text: str, folder: Path) -> Image.Image:
    """Run a copied command as the user would, with the `rembg` of this environment, and return what it wrote."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(text, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Image.open(folder / shlex.split(text)[-1])


@pytest.mark.browser
@pytest.mark.e2e
def test_upload_move_a_slider_copy_the_command_run_it_and_get_the_same_mask(served: Served, folder: Path) -> None:
    page = served.page
    served.wait_for_another_mask(None)
    before = served.source()
    page.locator("#photo").get_by_label("Remove Image").or_(page.locator("#photo button[title='Clear']")).first.click()
    page.locator("#photo input[type=file]").first.set_input_files(folder / "uploaded photo.png")
    served.wait_for_another_mask(before)
    default, before = served.shown(), served.source()
    assert default.size == (512, 512)
    page.get_by_label("mask", exact=True).check()
    slider = page.locator("#ycbcr_skin").get_by_label("range slider for cr_min")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 137 / 255, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 150 / 255, middle, steps=8)
    page.mouse.up()
    served.wait_for_another_mask(before)
    page.wait_for_timeout(1500)  # the last of the positions that the mouse went through
    moved = served.shown()
    assert np.count_nonzero(np.asarray(moved)) < 0.8 * np.count_nonzero(np.asarray(default))
    text = served.command()
    assert re.fullmatch(r"""rembg i -m ycbcr_skin -om -x '\{"cr_min": 1[45]\d\}' 'uploaded photo.png' mask.png""", text)
    written = run_copied(text, folder)
    assert np.array_equal(np.asarray(written), np.asarray(moved.convert("L")))


@pytest.mark.browser
@pytest.mark.e2e
def test_the_given_photo_another_method_and_its_cutout(served: Served, folder: Path) -> None:
    page = served.page
    served.wait_for_another_mask(None)
    before = served.source()
    page.locator("#method input").click()
    page.get_by_role("option", name="hsv_skin", exact=True).click()
    served.wait_for_another_mask(before)
    assert page.locator("#hsv_skin").is_visible()
    assert not page.locator("#ycbcr_skin").is_visible()
    before = served.source()
    page.locator("#hsv_skin").get_by_label("number input for h_max").fill("12")
    page.keyboard.press("Tab")
    served.wait_for_another_mask(before)
    page.wait_for_timeout(500)
    text = served.command()
    assert shlex.split(text) == shlex.split("""rembg i -m hsv_skin -x '{"h_max": 12}' "it's given.png" skin.png""")
    mask = np.asarray(served.shown().convert("L"))
    assert np.array_equal(np.asarray(run_copied(text, folder))[..., 3], mask)
    seen = np.asarray(served.shown("cutout").convert("RGB")).astype(int)
    photo = np.asarray(Image.open(folder / "it's given.png")).astype(int)
    assert np.abs(seen - photo)[mask == 255].mean() < 6  # of a JPEG
    before = served.source()
    page.locator("#hsv_skin").get_by_role("button", name="Defaults").click()
    served.wait_for_another_mask(before)
    page.wait_for_timeout(500)
    assert "-x" not in served.command()


@pytest.mark.browser
@pytest.mark.e2e
def test_every_option_of_every_method_has_its_widget(served: Served) -> None:
    for name, cls in METHODS.items():
        served.page.locator("#method input").click()
        served.page.get_by_role("option", name=name, exact=True).click()
        panel = served.page.locator(f"#{name}")
        panel.wait_for(state="visible")
        for option, kind in cls.options.items():
            assert widget_range(panel, option, kind) == allowed_range(kind), (name, option)


def widget_range(panel: Any, name: str, kind: Option) -> tuple[float, ...]:
    if isinstance(kind, Choice | Switch) or (isinstance(kind, Integer) and kind.default is None):
        return (float(panel.get_by_label(name, exact=True).count() > 0),)
    slider = panel.get_by_label(f"range slider for {name}", exact=True)
    return tuple(float(slider.get_attribute(edge)) for edge in ("min", "max"))


def allowed_range(kind: Option) -> tuple[float, ...]:
    if isinstance(kind, Choice | Switch):
        return (1.0,)
    assert isinstance(kind, Integer | Real)
    return (1.0,) if kind.default is None else (float(kind.low), float(kind.high))


@pytest.mark.browser
@pytest.mark.e2e
def test_nothing_is_asked_for_at_another_host(served: Served) -> None:
    served.wait_for_another_mask(None)
    served.page.wait_for_load_state("networkidle")
    foreign = [url for url in served.asked if not url.startswith((served.url, "data:", "blob:"))]
    assert len(served.asked) > 10
    assert foreign == []
    html = served.page.request.get(served.url).text()
    assert not re.search(r"<(script|link)[^>]*https://", html)


@pytest.mark.e2e
def test_only_this_machine_can_reach_it(server: str) -> None:
    port = int(server.rstrip("/").rpartition(":")[2])
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    # Another address of the same machine: reached by a server that listens on every address.
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.e2e
def test_ctrl_c_ends_it_and_nothing_is_left(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    process, _ = serve(tmp_path / "temporary", str(folder / "uploaded photo.png"))
    process.send_signal(2)
    assert process.wait(timeout=30) == 130
    assert list((tmp_path / "temporary").glob("rembg-skin*")) == []
