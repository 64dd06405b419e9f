"""What `rembg-skin tune` computes and writes down, apart from its page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rembg_skin.cli import main
from rembg_skin.errors import DataError, ImageError, ModelError, OptionError
from rembg_skin.tune import tuner as tune
from rembg_skin.tune.shells import BASH, CUTOUT, MASK
from rembg_skin.tune.tuner import Asked, Shown, Tuner, cutout, extras_of, load_photo, methods, remembering

SKIN, SKY = (224, 172, 142), (90, 140, 220)
METHODS = methods()


def shown(name: str, path: Path | None, *, what: str = MASK, **values: object) -> Shown:
    tuner = Tuner()
    key = None if path is None else tuner.add(load_photo(str(path), path.read_bytes()))
    return tuner.update(Asked(key, name, values, what, BASH))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Left half skin, right half sky."""
    image = Image.new("RGB", (120, 80), SKY)
    image.paste(SKIN, (0, 0, 60, 80))
    path = tmp_path / "photo.png"
    image.save(path)
    return path


def test_it_offers_the_package_s_network_first_and_every_other_whose_file_is_on_disk(home: Path) -> None:
    classic = ["hsv_skin", "ycbcr_skin", "ycbcr_hsv_skin", "ellipse_skin", "diagonal_skin", "icm_skin"]
    assert list(methods()) == ["tiny_skin", *classic]
    for name in ("pan_skin.onnx", "yunet.onnx", "u2net_skin_refined.onnx"):  # the last one needs two other files
        (home / name).touch()
    assert list(methods()) == ["tiny_skin", "pan_skin", *classic, "face_skin"]


def test_only_what_was_moved_becomes_an_extra_of_its_type() -> None:
    cls = METHODS["ycbcr_skin"]
    values = {"cb_min": 80.0, "blur": 5.0, "cr_min": None, "cb_max": cls.options["cb_max"].default, "unknown": 3}
    extras = extras_of(cls, values)
    assert extras == {"cb_min": 80, "blur": 5}
    assert all(type(value) is int for value in extras.values())


def test_a_slider_beside_a_default_between_its_steps_is_not_moved() -> None:
    session = METHODS["diagonal_skin"]
    assert extras_of(session, {"cb_center": 119.3}) == {}
    assert extras_of(session, {"cb_center": 119.40000000000001}) == {"cb_center": 119.4}


@pytest.mark.parametrize("value", ["many", [1], {}, 1e400, float("nan"), 3.5, "true", -1])
@pytest.mark.parametrize("extra", ["cb_min", "invert", "parts"])
def test_nonsense_is_refused_in_words(photo: Path, value: object, extra: str) -> None:
    values: dict[str, Any] = {extra: value}
    with pytest.raises(OptionError, match=f"ycbcr_skin: {extra}="):
        shown("ycbcr_skin", photo, **values)


def test_the_python_lines_and_the_command_give_the_mask_that_is_shown(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    one = shown("ycbcr_skin", photo, cr_min=140, blur=7)
    names: dict[str, Any] = {}
    exec(one.python, names)
    assert main(one.command.split()[1:]) == 0
    for mask in (names["mask"], Image.open("mask.png")):
        assert np.array_equal(np.asarray(mask), np.asarray(one.pictures["mask"]))


def test_without_a_photo_the_command_is_there_already(tmp_path: Path) -> None:
    one = shown("hsv_skin", None, what=CUTOUT, h_max=25)
    assert one.pictures == {}
    assert one.command == "rembg-skin cut -m hsv_skin:h_max=25 photo.jpg -o cutout.png"
    with pytest.raises(DataError, match="Upload a photo"):
        Tuner().write(Asked(None, "hsv_skin", {}, MASK, BASH), tmp_path)


def test_a_photo_is_shown_upright_as_rembg_turns_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (40, 20), SKIN).save(tmp_path / "turned.jpg", exif=exif)
    assert load_photo("turned.jpg", (tmp_path / "turned.jpg").read_bytes()).image.size == (20, 40)


def test_bad_photos_are_refused(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageError, match=r"notes.txt cannot be read: its format is unknown"):
        load_photo("notes.txt", b"not an image")
    with pytest.raises(ImageError, match=r"cut off\.png cannot be read: "):
        load_photo("cut off.png", photo.read_bytes()[:100])
    monkeypatch.setattr(tune, "LARGEST", 5000)
    with pytest.raises(ImageError, match=r"large.png has 0 megapixels; this page takes up to 0"):
        load_photo("large.png", photo.read_bytes())


def test_a_name_is_never_opened(photo: Path) -> None:
    for name in (str(photo), "/dev/zero", "../photo.png", "\0", "http://127.0.0.1/", ""):
        with pytest.raises(ImageError, match="cannot be read"):
            load_photo(name, b"")
        with pytest.raises(DataError, match="no longer held"):
            Tuner().photo(name)


def test_the_last_few_photos_are_held(photo: Path) -> None:
    tuner = Tuner()
    keys = [tuner.add(load_photo("photo.png", photo.read_bytes())) for _ in range(5)]
    assert tuner.photo(keys[1]).name == "photo.png"
    with pytest.raises(DataError, match="no longer held"):
        tuner.photo(keys[0])


def test_the_cutout_shows_the_photo_where_the_mask_is_and_a_board_elsewhere() -> None:
    mask = Image.new("L", (64, 32))
    mask.paste(255, (0, 0, 32, 32))
    board = np.asarray(cutout(Image.new("RGB", (64, 32), SKIN), mask))
    assert (board[:, :32] == SKIN).all()
    assert {tuple(pixel) for pixel in board[:, 32:].reshape(-1, 3)} == {(224,) * 3, (184,) * 3}


def test_the_mask_of_a_large_photo_has_its_size_and_the_other_pictures_fit_a_screen(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1000), SKIN).save(tmp_path / "large.png")
    one = shown("ycbcr_skin", tmp_path / "large.png")
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
    key = tuner.add(load_photo("a.png", Path("a.png").read_bytes()))
    for what in (MASK, CUTOUT):
        asked = Asked(key, "ycbcr_skin", {"cr_min": 140}, what, BASH)
        assert main(tuner.update(asked).command.split()[1:]) == 0
        assert tuner.write(asked, tmp_path) == Path(f"{what}.png").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "mask.png", "cutout.png"}


@pytest.mark.filterwarnings("ignore:MODEL_CHECKSUM_DISABLED")
def test_a_method_that_is_not_available_leaves_the_others(photo: Path, home: Path) -> None:
    (home / "pan_skin.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match="pan_skin"):
        shown("pan_skin", photo)
    assert shown("ycbcr_skin", photo).pictures


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
