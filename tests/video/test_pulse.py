"""examples/pulse.py: from skin that flickers at a known rate to beats a minute."""

import runpy
import sys
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


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["pulse.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(PULSE), run_name="__main__")
    return int(exit_.value.code or 0)


def beats(out: str) -> float:
    return float(out.partition(" beats a minute")[0])


def colors(times: NDArray[np.float64], rate: float, strength: float) -> NDArray[np.float64]:
    """Return skin that pulses, in light that drifts, seen by a camera with noise."""
    wave = np.sin(2 * np.pi * rate / 60 * times)
    light = 1 + 0.05 * np.sin(2 * np.pi * 0.11 * times) + 0.02 * times / times[-1]
    noise = np.random.default_rng(4).normal(0, 0.03, (len(times), 3))
    return np.array([170.0, 120.0, 100.0]) * light[:, None] * (1 + strength * wave[:, None] * BLOOD) + noise


def write_table(path: Path, times: NDArray[np.float64], values: NDArray[np.float64]) -> Path:
    lines = ["time,skin,red,green,blue"]
    lines += [
        f"{time:.6f},0.1,{red:.4f},{green:.4f},{blue:.4f}"
        for time, (red, green, blue) in zip(times, values, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("rate", [48, 72.5, 101, 160])
def test_the_rate_is_found_in_drifting_light(
    rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = np.arange(600) / 30
    assert run(monkeypatch, write_table(tmp_path / "skin.csv", times, colors(times, rate, 0.004))) == 0
    assert beats(capsys.readouterr().out) == pytest.approx(rate, abs=2)


def test_dropped_frames_and_frames_without_skin_do_not_shift_the_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = np.delete(np.arange(600) / 30, [5, 40, 41, 42, 200, 400])
    table = write_table(tmp_path / "skin.csv", times, colors(times, 66, 0.004))
    lines = table.read_text().splitlines()
    lines[100] = lines[100].split(",")[0] + ",0.000000,,,"
    table.write_text("\n".join(lines))
    assert run(monkeypatch, table) == 0
    assert beats(capsys.readouterr().out) == pytest.approx(66, abs=2)


def test_a_clip_whose_skin_flickers_gives_its_rate_and_a_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = face((96, 72)).astype(np.float64)
    random = np.random.default_rng(1)
    frames = []
    for time in np.arange(240) / 30:
        pulsing = photo * (1 + 0.008 * np.sin(2 * np.pi * 78 / 60 * time) * BLOOD)
        frames.append((pulsing + random.normal(0, 3, photo.shape)).clip(0, 255).astype(np.uint8))
    clip = write_video(tmp_path / "clip.mp4", frames, options={"crf": "10", "preset": "ultrafast"})
    assert main(["video", str(clip), "--csv", str(tmp_path / "skin.csv"), "-m", "ycbcr_skin"]) == 0
    capsys.readouterr()
    assert run(monkeypatch, tmp_path / "skin.csv", "--plot", tmp_path / "pulse.png") == 0
    assert beats(capsys.readouterr().out) == pytest.approx(78, abs=2)
    with Image.open(tmp_path / "pulse.png") as plot:
        assert min(plot.size) > 400


@pytest.mark.parametrize(
    ("encoding", "separator", "point"),
    [
        ("utf-8", ",", "."),
        ("utf-8-sig", ",", "."),
        ("utf-8-sig", ";", ","),
        ("cp1252", ";", ","),
        ("utf-16", "\t", ","),
    ],
)
def test_a_table_that_a_spreadsheet_saved_is_read(
    encoding: str,
    separator: str,
    point: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = np.arange(600) / 30
    table = write_table(tmp_path / "skin.csv", times, colors(times, 66, 0.004))
    text = table.read_text().replace(",", "|").replace(".", point).replace("|", separator).replace("\n", "\r\n")
    table.write_bytes(text.encode(encoding))
    assert run(monkeypatch, table) == 0
    assert beats(capsys.readouterr().out) == pytest.approx(66, abs=2)


def test_beats_are_shown_over_time_and_one_face_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = np.arange(1800) / 30
    one = np.where(times[:, None] < 30, colors(times, 60, 0.006), colors(times, 90, 0.006))
    table = write_table(tmp_path / "skin.csv", times, one)
    table.write_text(table.read_text().replace("red,green,blue", "face2_red,face2_green,face2_blue"))
    assert run(monkeypatch, table) == 1
    assert run(monkeypatch, table, "--face", 2, "--window", 20, "--plot", tmp_path / "pulse.png") == 3
    windows = capsys.readouterr().out.splitlines()[1:]
    found = [beats(line.partition(": ")[2]) for line in windows]
    assert found[0] == pytest.approx(60, abs=2)
    assert found[-1] == pytest.approx(90, abs=2)
    assert len(windows) == 5


def test_a_guess_is_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = np.arange(600) / 30
    assert run(monkeypatch, write_table(tmp_path / "skin.csv", times, colors(times, 66, 0.0))) == 3
    assert "the rate is a guess" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a,b\n1,2\n", "is not a table"),
        ("time,skin,red,green,blue\n0,0,,,\n1,0,,,\n", "shows skin for less than 5 seconds"),
        ("time,skin,red,green,blue\n" + "".join(f"{t},1,90,80,70\n" for t in range(9)), "no pulse"),
    ],
)
def test_a_table_without_a_pulse_is_told(
    content: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "skin.csv").write_text(content)
    assert run(monkeypatch, tmp_path / "skin.csv") == 1
    assert told in capsys.readouterr().err
