"""examples/pulse.py: from skin that flickers at a known rate to beats a minute."""

import io
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.cli import main
from tests.support.videos import face, write_video

PULSE = Path(__file__).resolve().parents[2] / "examples" / "pulse.py"
# How strongly blood shows in red, green and blue: Wang et al. 2017, and what cameras measure.
BLOOD = np.array([0.33, 0.77, 0.53])
TIMES = np.arange(600) / 30

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs the program on a table, in a folder of its own, and gives its status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def pulse(table: str | bytes | None, *arguments: object) -> tuple[int, str, str]:
        if table is not None:
            Path("skin.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
        monkeypatch.setattr(sys, "argv", ["pulse.py", "skin.csv", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            runpy.run_path(str(PULSE), run_name="__main__")
        return int(exit_.value.code or 0), *capsys.readouterr()

    return pulse


def beats(line: str) -> float:
    return float(line.partition(" beats a minute")[0])


def rate_of(result: tuple[int, str, str]) -> float:
    status, out, _ = result
    assert status == 0
    return beats(out)


def colors(times: NDArray[np.float64], rate: float, strength: float) -> NDArray[np.float64]:
    """Return skin that pulses, in light that drifts, seen by a camera with noise."""
    wave = np.sin(2 * np.pi * rate / 60 * times)
    light = 1 + 0.05 * np.sin(2 * np.pi * 0.11 * times) + 0.02 * times / times[-1]
    noise = np.random.default_rng(4).normal(0, 0.03, (len(times), 3))
    return np.array([170.0, 120.0, 100.0]) * light[:, None] * (1 + strength * wave[:, None] * BLOOD) + noise


def table_of(times: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    text = io.StringIO()
    table = np.column_stack([times, np.full_like(times, 0.1), values])
    np.savetxt(text, table, "%.4f", ",", header="time,skin,red,green,blue", comments="")
    return text.getvalue()


@pytest.mark.parametrize("rate", [48, 72.5, 101, 160])
def test_the_rate_is_found_in_drifting_light(run: Run, rate: float) -> None:
    assert rate_of(run(table_of(TIMES, colors(TIMES, rate, 0.004)))) == pytest.approx(rate, abs=2)


def test_dropped_frames_and_frames_without_skin_do_not_shift_the_rate(run: Run) -> None:
    times = np.delete(TIMES, [5, 40, 41, 42, 200, 400])
    lines = table_of(times, colors(times, 66, 0.004)).splitlines()
    lines[100] = lines[100].split(",")[0] + ",0.000000,,,"
    assert rate_of(run("\n".join(lines))) == pytest.approx(66, abs=2)


def test_a_clip_whose_skin_flickers_gives_its_rate_and_a_plot(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    photo = face((96, 72)).astype(np.float64)
    random = np.random.default_rng(1)
    frames = []
    for time in np.arange(240) / 30:
        pulsing = photo * (1 + 0.008 * np.sin(2 * np.pi * 78 / 60 * time) * BLOOD)
        frames.append((pulsing + random.normal(0, 3, photo.shape)).clip(0, 255).astype(np.uint8))
    write_video(Path("clip.mp4"), frames, options={"crf": "10", "preset": "ultrafast"})
    assert main(["video", "clip.mp4", "--csv", "skin.csv", "-m", "ycbcr_skin"]) == 0
    capsys.readouterr()
    assert rate_of(run(None, "--plot", "pulse.png")) == pytest.approx(78, abs=2)
    with Image.open("pulse.png") as plot:
        assert min(plot.size) > 400


@pytest.mark.parametrize(
    ("encoding", "signs"),
    [("utf-8", ",."), ("utf-8-sig", ",."), ("utf-8-sig", ";,"), ("cp1252", ";,"), ("utf-16", "\t,")],
)
def test_a_table_that_a_spreadsheet_saved_is_read(run: Run, encoding: str, signs: str) -> None:
    text = table_of(TIMES, colors(TIMES, 66, 0.004)).replace("\n", "\r\n")
    table = text.translate(str.maketrans(",.", signs)).encode(encoding)
    assert rate_of(run(table)) == pytest.approx(66, abs=2)


def test_beats_are_shown_over_time_and_one_face_apart(run: Run) -> None:
    times = np.arange(1800) / 30
    one = np.where(times[:, None] < 30, colors(times, 60, 0.006), colors(times, 90, 0.006))
    table = table_of(times, one).replace("red,green,blue", "face2_red,face2_green,face2_blue")
    assert run(table)[0] == 1
    status, out, _ = run(table, "--face", 2, "--window", 20, "--plot", "pulse.png")
    found = [beats(line.partition(": ")[2]) for line in out.splitlines()[1:]]
    assert (status, len(found)) == (3, 5)
    assert [found[0], found[-1]] == pytest.approx([60, 90], abs=2)


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        ("a,b\n1,2\n", 1, "is not a table"),
        ("time,skin,red,green,blue\n0,0,,,\n1,0,,,\n", 1, "shows skin for less than 5 seconds"),
        ("time,skin,red,green,blue\n" + "".join(f"{t},1,90,80,70\n" for t in range(9)), 1, "no pulse"),
        (table_of(TIMES, colors(TIMES, 66, 0.0)), 3, "the rate is a guess"),
    ],
    ids=["no table", "short", "constant", "noise"],
)
def test_a_table_without_a_pulse_is_told(run: Run, content: str, status: int, told: str) -> None:
    found, out, errors = run(content)
    assert found == status
    assert told in (errors if status == 1 else out)
