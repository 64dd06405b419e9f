"""What `rembg-skin tune` computes and writes down, apart from its page."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rembg import new_session, remove

import rembg_skin
from rembg_skin.errors import ImageError, ModelError, OptionError, SkinError
from rembg_skin.sessions.base import SkinSession
from rembg_skin.tune import tuner as tune
from rembg_skin.tune.shells import BASH, CUTOUT, MASK
from rembg_skin.tune.tuner import METHODS, Memory, Shown, Tuner, cutout, extras_of, load_photo, remembering

rembg_skin.register()

SKIN, SKY = (224, 172, 142), (90, 140, 220)


def defaults(method: str = "", **changed: object) -> list[object]:
    """Return every widget's value, in the page's order; `changed` are those of one method, or of all."""
    return [
        changed.get(option, kind.default) if name == method or not method else kind.default
        for name, cls in METHODS.items()
        for option, kind in cls.options.items()
    ]


def shown(name: str, path: Path | None, *, writes: str = MASK, shell: str = BASH, **changed: object) -> Shown:
    return Tuner().update(name, writes, shell, None if path is None else str(path), *defaults(name, **changed))


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
    assert extras_of(session, values | {"cb_center": 119.31}) == {}
    assert extras_of(session, values | {"cb_center": 119.50000000000001}) == {"cb_center": 119.5}


def test_a_word_instead_of_a_number_is_no_extra() -> None:
    session = METHODS["ycbcr_hsv_skin"]
    values: dict[str, object] = {key: option.default for key, option in session.options.items()}
    assert extras_of(session, values | {"morph": "default", "blur": 5}) == {"blur": 5}


def test_the_python_lines_give_the_mask_that_is_shown(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photo.parent)
    one = shown("ycbcr_skin", photo, cr_min=140, blur=7)
    names: dict[str, Any] = {}
    exec(one.python, names)
    assert one.mask is not None
    assert np.array_equal(np.asarray(names["mask"]), np.asarray(one.mask))


def test_a_minimum_above_its_maximum_is_an_error_that_names_both(photo: Path) -> None:
    with pytest.raises(OptionError, match=r"cb_min=200 is not possible.*cb_max"):
        shown("ycbcr_skin", photo, cb_min=200)


def test_without_a_photo_the_command_is_there_already() -> None:
    one = shown("hsv_skin", None, writes=CUTOUT, h_max=25)
    assert one[:3] == (None, None, None)
    assert one.command == "rembg i -m hsv_skin -x '{\"h_max\": 25}' photo.jpg skin.png"


def test_a_photo_is_shown_upright_as_rembg_turns_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (40, 20), SKIN).save(tmp_path / "turned.jpg", exif=exif)
    assert load_photo(str(tmp_path / "turned.jpg")).size == (20, 40)


def test_bad_photos_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ImageError, match=r"notes.txt cannot be read: its format is unknown"):
        load_photo(str(tmp_path / "notes.txt"))
    with pytest.raises(ImageError, match=r"nothing\.png cannot be read: No such file"):
        load_photo(str(tmp_path / "nothing.png"))
    Image.new("RGB", (300, 200)).save(tmp_path / "large.png")
    monkeypatch.setattr(tune, "LARGEST", 50_000)
    with pytest.raises(ImageError, match=r"large.png has 0 megapixels; this page takes up to 0"):
        load_photo(str(tmp_path / "large.png"))
    one = shown("hsv_skin", tmp_path / "notes.txt")
    assert one[:5] == (None, None, None, "", "")
    assert "notes.txt cannot be read" in one.line


def test_the_cutout_shows_the_photo_where_the_mask_is_and_a_board_elsewhere() -> None:
    mask = Image.new("L", (64, 32))
    mask.paste(255, (0, 0, 32, 32))
    board = np.asarray(cutout(Image.new("RGB", (64, 32), SKIN), mask))
    assert (board[:, :32] == SKIN).all()
    assert {tuple(pixel) for pixel in board[:, 32:].reshape(-1, 3)} == {(224,) * 3, (184,) * 3}


def test_of_a_large_photo_the_mask_is_whole_and_the_other_pictures_fit_a_screen(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1000), SKIN).save(tmp_path / "large.png")
    one = shown("ycbcr_skin", tmp_path / "large.png")
    assert [picture and picture.size for picture in one[:3]] == [(3000, 1000), (1024, 341), (1024, 341)]


def test_the_overlay_tints_the_skin_of_a_grey_photo(photo: Path) -> None:
    one = shown("ycbcr_skin", photo)
    assert one.overlay is not None
    pixels = np.asarray(one.overlay).astype(int)
    sky, skin = pixels[:, 80:], pixels[:, 10:40]
    assert (sky == sky[..., :1]).all()  # grey
    assert (skin[..., 1] > skin[..., 0] + 20).all()  # green


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_downloads_are_what_the_command_writes(mode: str, tmp_path: Path, astronaut: Image.Image) -> None:
    source = astronaut.crop((150, 0, 350, 200)).convert(mode)
    if mode == "RGBA":
        source.putalpha(Image.linear_gradient("L").resize(source.size))
    path = tmp_path / "a photo.png"
    source.save(path)
    values = defaults("ycbcr_skin", cr_min=140)
    written = [Tuner().write(what, tmp_path, "ycbcr_skin", str(path), *values) for what in (MASK, CUTOUT)]
    assert [file.name for file in written] == ["a photo-mask.png", "a photo-cutout.png"]
    session = new_session("ycbcr_skin", cr_min=140)
    for file, only_mask in zip(written, (True, False), strict=True):
        expected = remove(Image.open(path), session=session, only_mask=only_mask)
        assert np.array_equal(np.asarray(Image.open(file)), np.asarray(expected))


def test_a_method_that_is_not_available_leaves_the_others(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object, **_more: object) -> None:
        raise ModelError("tiny_skin: another network")

    monkeypatch.setattr(METHODS["tiny_skin"], "__init__", broken)
    tuner = Tuner()
    with pytest.raises(ModelError, match="another network"):
        tuner.update("tiny_skin", MASK, BASH, str(photo), *defaults())
    assert tuner.update("ycbcr_skin", MASK, BASH, str(photo), *defaults()).mask is not None


def test_without_a_photo_there_is_nothing_to_download(tmp_path: Path) -> None:
    with pytest.raises(SkinError, match="Upload a photo"):
        Tuner().write(MASK, tmp_path, "ycbcr_skin", None, *defaults())


@pytest.fixture
def network() -> tuple[SkinSession, list[int]]:
    """Give the network's session, and a list that grows by each run of the network."""
    runs: list[int] = []
    cls: Any = METHODS["tiny_skin"]

    class Counted(cls):  # type: ignore[misc]
        def skin(self, rgb: Image.Image, *arguments: Any) -> Any:
            runs.append(1)
            return cls.skin(self, rgb, *arguments)

    return remembering(Counted), runs


def test_the_network_runs_anew_only_for_another_photo_or_size(
    network: tuple[SkinSession, list[int]], astronaut: Image.Image
) -> None:
    session, runs = network
    plain = METHODS["tiny_skin"]("tiny_skin", None)
    changes: list[dict[str, object]] = [
        {},
        {"low": 60},
        {"high": 120, "grow": 3, "feather": 2.0},
        {"invert": True},
        {"threshold": 100},
        {"stretch": "always"},
        {"smooth": False},
    ]
    for extras in changes:
        assert session.predict(astronaut, **extras) == plain.predict(astronaut, **extras)
    assert len(runs) == 1
    session.predict(astronaut, size=256)
    session.predict(astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert len(runs) == 3
    session.predict(astronaut.copy())
    assert len(runs) == 3


def test_the_method_works_anew_only_for_its_own_settings(
    astronaut: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls, made = METHODS["ycbcr_skin"], []
    whole = cls.mask

    def counted(*given: Any) -> Image.Image:
        made.append(1)
        return whole(*given)

    monkeypatch.setattr(cls, "mask", counted)
    session = remembering(cls)
    for extras in ({}, {"low": 60}, {"grow": 5}, {"feather": 1.5}, {"invert": True}, {}):
        shown = session.predict(astronaut, **extras)
        assert shown == cls("ycbcr_skin", None).predict(astronaut, **extras)
    assert len(made) == 1 + 6  # once, and by each plain session
    session.predict(astronaut, cr_min=140)
    with_holes = astronaut.convert("RGBA")
    with_holes.putpixel((0, 0), (0, 0, 0, 0))
    session.predict(with_holes)
    assert len(made) == 3 + 6


def test_a_memory_keeps_the_last_answers_for_any_number_of_threads() -> None:
    memory, asked = Memory(2), []

    def answer(question: int) -> int:
        asked.append(question)
        return question * question

    for question in (1, 2, 1, 3, 1, 2):  # 2 is the one that nobody asked for longest when 3 comes
        assert memory.recall(question, lambda question=question: answer(question)) == question**2  # type: ignore[misc]
    assert asked == [1, 2, 3, 2]
    threads = [threading.Thread(target=lambda: memory.recall(9, lambda: answer(9))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.recall(9, lambda: 0) == 81
