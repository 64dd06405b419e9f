"""Unknown extras give one warning each, never an error."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from PIL import Image
from rembg import new_session, remove

import rembg_skin
from rembg_skin.sessions import unknown_extras

rembg_skin.register()


@pytest.fixture(autouse=True)
def _nothing_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown_extras, "_warned", set())


PHOTO = Image.new("RGB", (8, 8), (224, 172, 142))
# What `rembg i -a -om -dc` passes to new_session.
CLI = {
    "alpha_matting": True,
    "alpha_matting_foreground_threshold": 240,
    "alpha_matting_background_threshold": 10,
    "alpha_matting_erode_size": 10,
    "only_mask": True,
    "post_process_mask": True,
    "decontaminate": True,
    "vitmatte": False,
    "bgcolor": (0, 0, 0, 0),
}


def told(**extras: object) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session = new_session("ycbcr_skin", **extras)
        session.predict(PHOTO, **extras)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("theshold", "threshold"), ("cbmin", "cb_min"), ("grwo", "grow"), ("feathr", "feather"), ("Low", "low")],
)
def test_a_misspelt_extra_is_told_once_with_what_was_meant(misspelt: str, meant: str) -> None:
    (line,) = told(**{misspelt: 100})
    assert line == f"ycbcr_skin: there is no extra '{misspelt}', so it was ignored; did you mean {meant}?"
    assert told(**{misspelt: 100}) == []


def test_an_extra_of_another_session_is_told_with_what_this_one_takes() -> None:
    (line,) = told(input_points=[[1, 2]])
    assert "no extra 'input_points', so it was ignored; it takes cb_min, cb_max" in line


def test_what_is_rembgs_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(**CLI, putalpha=True, providers=["CPUExecutionProvider"], cb_min=80) == []

    def remove(data: bytes, sharpen: int = 0) -> None: ...

    monkeypatch.setattr("rembg.bg.remove", remove)  # a later rembg's
    assert told(sharpen=3) == []


def test_remove_tells_it_too() -> None:
    session = new_session("ycbcr_skin")
    with pytest.warns(RuntimeWarning, match="did you mean invert"):
        remove(PHOTO, session=session, only_mask=True, invrt=True)


def test_no_client_fills_the_log() -> None:
    lines = [line for number in range(300) for line in told(**{f"{number}\n\x1b[31m{'x' * 5000}": 1})]
    assert len(lines) == 100
    assert all("\n" not in line and "\x1b" not in line and len(line) < 400 for line in lines)


@pytest.mark.e2e
def test_rembgs_own_command_says_nothing_of_its_options_and_one_line_of_a_misspelt_extra(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "photo.png")
    start = [sys.executable, "-c", "import rembg_skin; from rembg.cli import main; rembg_skin.register(); main()", "i"]
    common = [*start, "-m", "ycbcr_skin", "-om", "-dc", "-bgc", "1", "2", "3", "4", "-x"]
    files = [str(tmp_path / "photo.png"), str(tmp_path / "out.png")]
    quiet = subprocess.run([*common, '{"grow": 1}', *files], capture_output=True, text=True, check=True)
    assert quiet.stderr == ""
    told = subprocess.run([*common, '{"gow": 1}', *files], capture_output=True, text=True, check=True)
    assert told.stderr.count("there is no extra 'gow'") == 1
