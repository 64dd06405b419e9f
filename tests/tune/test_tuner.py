"""What `rembg-skin tune` computes and writes down, and how it sets each extra, apart from its page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from rembg_skin.cli import main
from rembg_skin.errors import DataError, ImageError, ModelError, OptionError
from rembg_skin.sessions import session_classes
from rembg_skin.sessions.options import Option, Real
from rembg_skin.tune import tuner as tune
from rembg_skin.tune.controls import widget
from rembg_skin.tune.page import application
from rembg_skin.tune.shells import BASH, CUTOUT, MASK
from rembg_skin.tune.tuner import Asked, Shown, Tuner, remembering
from tests.support.photos import FILES, SKIN, encoded, picture

METHODS = Tuner().methods
CB_MAX = METHODS["ycbcr_skin"].options["cb_max"].default
EXTRAS = {(name, str(option)): option for cls in session_classes().values() for name, option in cls.options.items()}


def shown(name: str, data: bytes | None, *, what: str = MASK, **values: object) -> Shown:
    tuner = Tuner()
    key = None if data is None else tuner.add("photo.png", data)
    return tuner.update(Asked(key, name, values, what, BASH))


def test_it_offers_the_package_s_network_first_and_every_other_whose_file_is_on_disk(home: Path) -> None:
    classic = ["hsv_skin", "ycbcr_skin", "ycbcr_hsv_skin", "ellipse_skin", "diagonal_skin", "icm_skin"]
    assert list(Tuner().methods) == ["tiny_skin", *classic]
    for name in ("pan_skin.onnx", "yunet.onnx", "u2net_skin_refined.onnx"):  # the last one needs two other files
        (home / name).touch()
    assert list(Tuner().methods) == ["tiny_skin", "pan_skin", *classic, "face_skin"]


@pytest.mark.parametrize(
    ("name", "values", "extras"),
    [
        ("ycbcr_skin", {"cb_min": 80.0, "blur": 5.0, "cr_min": None, "cb_max": CB_MAX, "new": 3}, ":cb_min=80,blur=5"),
        ("diagonal_skin", {"cb_center": 119.3}, ""),  # the slider's place beside a default between its steps
        ("diagonal_skin", {"cb_center": 119.40000000000001}, ":cb_center=119.4"),
        ("hsv_skin", {"h_max": 25}, ":h_max=25"),
    ],
)
def test_only_what_was_moved_becomes_an_extra_of_its_type(
    name: str, values: dict[str, object], extras: str, tmp_path: Path
) -> None:
    one = shown(name, None, what=CUTOUT, **values)
    assert one.pictures == {}
    assert one.command == f"rembg-skin cut -m {name}{extras} photo.jpg -o cutout.png"
    with pytest.raises(DataError, match="Upload a photo"):
        Tuner().write(Asked(None, name, {}, MASK, BASH), tmp_path)


@pytest.mark.parametrize("value", ["many", [1], {}, 1e400, float("nan"), 3.5, "true", -1])
@pytest.mark.parametrize("extra", ["cb_min", "invert", "parts"])
def test_nonsense_is_refused_in_words(value: object, extra: str) -> None:
    values: dict[str, Any] = {extra: value}
    with pytest.raises(OptionError, match=f"ycbcr_skin: {extra}="):
        shown("ycbcr_skin", FILES["PNG"], **values)


def test_the_python_lines_and_the_command_give_the_mask_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(FILES["PNG"])
    one = shown("ycbcr_skin", FILES["PNG"], cr_min=140, blur=7)
    names: dict[str, Any] = {}
    exec(one.python, names)
    assert main(one.command.split()[1:]) == 0
    for mask in (names["mask"], Image.open("mask.png")):
        assert np.array_equal(np.asarray(mask), np.asarray(one.pictures["mask"]))


def test_bad_photos_are_refused_and_a_name_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuner, photo = Tuner(), tmp_path / "photo.png"
    photo.write_bytes(FILES["PNG"])
    for name, data, words in (
        ("notes.txt", b"not an image", "notes.txt cannot be read: its format is unknown"),
        ("cut off.png", FILES["PNG"][:100], r"cut off\.png cannot be read: "),
        *((name, b"", "cannot be read") for name in (str(photo), "/dev/zero", "\0", "http://127.0.0.1/", "")),
    ):
        with pytest.raises(ImageError, match=words):
            tuner.add(name, data)
        with pytest.raises(DataError, match="no longer held"):
            tuner.photo(name)
    monkeypatch.setattr(tune, "LARGEST", 2000)
    with pytest.raises(ImageError, match=r"large.png has 0 megapixels; this page takes up to 0"):
        tuner.add("large.png", FILES["PNG"])


def test_the_last_few_photos_are_held_and_the_page_opens_without_the_first(tmp_path: Path) -> None:
    tuner = Tuner()
    keys = [tuner.add("photo.png", FILES["turned by EXIF"]) for _ in range(5)]
    assert (tuner.photo(keys[1]).name, tuner.photo(keys[1]).image.size) == ("photo.png", (40, 60))  # upright
    with pytest.raises(DataError, match="no longer held"):
        tuner.photo(keys[0])
    page = TestClient(application(tuner, tmp_path, {"key": keys[0], "name": "photo.png", "preview": ""}))
    assert page.get("/start").json()["photo"]["key"] == keys[0]
    asked = Asked(keys[0], "hsv_skin", {}, MASK, BASH)._asdict()
    assert "no longer held" in page.post("/update", json=asked).json()["error"]


def test_the_cutout_shows_the_photo_where_the_mask_is_and_a_board_elsewhere() -> None:
    one = shown("ycbcr_skin", encoded(picture(120, 80)))
    mask, board = (np.asarray(one.pictures[name]) for name in ("mask", "cutout"))
    assert min(np.mean(mask == 255), np.mean(mask == 0)) > 0.4
    assert (board[mask == 255] == SKIN).all()
    assert {tuple(pixel) for pixel in board[mask == 0]} == {(224,) * 3, (184,) * 3}


def test_the_mask_of_a_large_photo_has_its_size_and_the_other_pictures_fit_a_screen() -> None:
    one = shown("ycbcr_skin", encoded(Image.new("RGB", (3000, 1000), SKIN)))
    assert [picture.size for picture in one.pictures.values()] == [(3000, 1000), (1024, 341), (1024, 341)]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
def test_downloads_are_what_the_command_writes(
    mode: str, tmp_path: Path, astronaut: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = astronaut.crop((150, 0, 350, 200)).convert("I" if mode == "I;16" else mode)
    if mode == "RGBA":
        source.putalpha(Image.linear_gradient("L").resize(source.size))
    source.convert(mode).save("a.png", dpi=(300, 300))
    tuner = Tuner()
    key = tuner.add("a.png", Path("a.png").read_bytes())
    for what in (MASK, CUTOUT):
        asked = Asked(key, "ycbcr_skin", {"cr_min": 140}, what, BASH)
        assert main(tuner.update(asked).command.split()[1:]) == 0
        assert tuner.write(asked, tmp_path) == Path(f"{what}.png").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "mask.png", "cutout.png"}


@pytest.mark.filterwarnings("ignore:MODEL_CHECKSUM_DISABLED")
def test_a_method_that_is_not_available_leaves_the_others(home: Path) -> None:
    (home / "pan_skin.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match="pan_skin"):
        shown("pan_skin", FILES["PNG"])
    assert shown("ycbcr_skin", FILES["PNG"]).pictures


@pytest.mark.parametrize(
    ("name", "step", "free", "own"),
    [("tiny_skin", "skin", {"stretch": "always"}, {"size": 256}), ("ycbcr_skin", "mask", {}, {"cr_min": 140})],
)
def test_only_the_steps_that_a_change_affects_run_again(
    name: str, step: str, free: dict[str, object], own: dict[str, object], astronaut: Image.Image
) -> None:
    runs: list[int] = []
    cls: Any = METHODS[name]

    def counted(*given: Any) -> Any:
        runs.append(1)
        return getattr(cls, step)(*given)

    session: Any = remembering(type("Counted", (cls,), {step: counted}))
    changes: list[dict[str, object]] = [{}, {"low": 60}, {"grow": 5}, {"feather": 1.5}, {"invert": True}, free, {}]
    for extras in changes:
        assert session.predict(astronaut, **extras) == cls(name, None).predict(astronaut, **extras)
    assert len(runs) == 1
    with_holes = astronaut.convert("RGBA")
    with_holes.putpixel((0, 0), (0, 0, 0, 0))
    for another in (astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT), with_holes):
        session.predict(another)
    session.predict(astronaut, **own)
    session.predict(astronaut.copy())
    assert len(runs) == 4


@pytest.mark.parametrize(("name", "option"), [(name, option) for (name, _), option in EXTRAS.items()])
def test_an_extra_has_a_short_line_of_its_own_and_a_widget_of_allowed_values(name: str, option: Option) -> None:
    shown = widget(name, option)
    line = str(shown["help"])
    assert line.endswith(".")
    assert option.allowed not in line, f"{name} has no line"
    assert len(line) <= 60
    match shown:
        case {"kind": "slider", "low": float() | int() as low, "high": float() | int() as high, "step": step}:
            assert low <= float(str(shown["value"])) <= high
            assert [option.parse(end) for end in (low, high)] == [low, high]
            assert (high - low) / float(str(step)) >= 7  # some steps to try
        case {"kind": "list", "choices": list(choices)}:
            assert 2 < len(choices) <= 41
            assert [option.parse(choice) for choice in choices] == choices
        case _:
            assert shown["value"] == option.default


def test_an_extra_without_a_line_states_its_range() -> None:
    assert widget("new", Real(1.0, 0.0, 2.0))["help"] == "Takes a number from 0 to 2."


@given(low=st.floats(-1e4, 1e4), width=st.floats(1e-3, 1e5))
def test_the_slider_of_a_real_number_has_some_hundred_steps(low: float, width: float) -> None:
    assert 94 <= width / float(str(widget("new", Real(low, low, low + width))["step"])) <= 950
