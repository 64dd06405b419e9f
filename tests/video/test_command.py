"""`rembg-skin video`, run as a user runs it: what is in the file that it writes."""

import csv
import io
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rembg_skin.cli import main
from rembg_skin.image.overlay import SKIN
from rembg_skin.video import masks
from tests.support.videos import PORTRAIT, face, moving, read_video, write_video

Run = Callable[..., int]


@pytest.fixture
def run() -> Run:
    """Return what runs the command with a quick model."""

    def command(*arguments: object) -> int:
        return main(["video", *map(str, arguments), "-m", "ycbcr_skin"])

    return command


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])  # Matroska rounds times to milliseconds
def test_an_mp4_holds_the_mask_frame_for_frame_with_its_rate_and_sound(run: Run, tmp_path: Path, name: str) -> None:
    source = write_video(tmp_path / name, sound="aac")
    assert run(source, tmp_path / "out.mp4", "--csv", tmp_path / "skin.csv") == 0
    assert len((tmp_path / "skin.csv").read_text().splitlines()) == 9
    before, after = read_video(source), read_video(tmp_path / "out.mp4")
    assert after.size == before.size
    assert after.rate == 30
    assert after.times == pytest.approx(np.arange(8) / 30)
    assert (after.sounds, after.sound_packets) == (["aac"], before.sound_packets)
    for frame in after.frames:
        assert np.ptp(frame.astype(int), axis=2).max() <= 2  # gray
        assert 0.3 < (frame[..., 0] > 127).mean() < 0.95


def test_a_mask_is_the_one_that_the_session_makes(run: Run, tmp_path: Path) -> None:
    from PIL import Image
    from rembg import new_session

    source = write_video(tmp_path / "in.mkv", [face((160, 120))] * 3, options={"crf": "0"})
    assert run(source, tmp_path / "out.mkv", "--no-steady") == 0
    shown = read_video(source).frames[0]
    (expected,) = new_session("ycbcr_skin").predict(Image.fromarray(shown))
    written = read_video(tmp_path / "out.mkv").frames[0][..., 0]
    assert ((np.asarray(expected) > 127) == (written > 127)).mean() > 0.99


def test_a_webm_is_a_cutout_whose_alpha_is_the_mask(run: Run, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", moving(3, (160, 120)), sound="aac")
    assert run(source, tmp_path / "out.webm") == 0
    assert run(source, tmp_path / "mask.webm", "--mask") == 0
    seen = read_video(tmp_path / "out.webm", decoder="libvpx-vp9", pixels="rgba")
    masks = read_video(tmp_path / "mask.webm").frames
    assert seen.sounds == ["opus"]
    for cutout, mask, original in zip(seen.frames, masks, read_video(source).frames, strict=True):
        assert np.abs(cutout[..., 3].astype(int) - mask[..., 0]).mean() < 6
        inside = mask[..., 0] > 200
        assert np.abs(cutout[inside, :3].astype(int) - original[inside]).mean() < 8


def test_a_mov_is_a_cutout_in_prores_that_shows_nothing_of_the_rest(run: Run, tmp_path: Path) -> None:
    photo = face((160, 120)).copy()
    photo[:, 100:] = (0, 0, 200)
    source = write_video(tmp_path / "in.mp4", [photo] * 3)
    assert run(source, tmp_path / "out.mov") == 0
    seen = read_video(tmp_path / "out.mov", pixels="rgba")
    assert (seen.codec, seen.size) == ("prores", (160, 120))
    assert seen.frames[0][:, 140:].max() <= 3


def test_an_overlay_is_green_on_gray(run: Run, tmp_path: Path) -> None:
    photo = np.full((48, 64, 3), (60, 90, 200), np.uint8)
    photo[10:40, 10:40] = (200, 150, 120)
    source = write_video(tmp_path / "in.mp4", [photo] * 2)
    assert run(source, tmp_path / "out.mp4", "--overlay") == 0
    frame = read_video(tmp_path / "out.mp4").frames[0].astype(int)
    skin, rest = frame[20:30, 20:30].mean((0, 1)), frame[4, 58]
    assert np.ptp(rest) < 6
    assert skin[1] - skin[0] == pytest.approx(0.55 * (SKIN[1] - SKIN[0]), abs=8)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".mkv"])
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_video_is_masked_upright_and_shown_as_before(
    run: Run, tmp_path: Path, suffix: str, rotation: int
) -> None:
    photo = np.full((48, 80, 3), (40, 60, 200), np.uint8)
    photo[4:20, 4:30] = (200, 150, 120)  # skin at one corner
    source = write_video(tmp_path / "in.mp4", [photo] * 2, rotation=rotation)
    target = tmp_path / f"out{suffix}"
    assert run(source, target, "--mask") == 0
    before, after = read_video(source), read_video(target)
    # PyAV gives degrees against the clock, as numpy turns.
    shown = [np.rot90(seen.frames[0], seen.rotation // 90) for seen in (before, after)]
    assert shown[0].shape == shown[1].shape
    found, skin = shown[1][..., 0] > 127, shown[0][..., 0] > 120
    assert (found == skin).mean() > 0.95
    assert after.rotation == (before.rotation if suffix in {".mp4", ".mov"} else 0)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov", ".mkv"])
def test_frames_keep_their_times_however_uneven_and_odd_sizes_stay_odd(run: Run, tmp_path: Path, suffix: str) -> None:
    times = [0, 0.033, 0.2, 0.21, 0.5, 0.9, 1.0, 2.0]
    source = write_video(tmp_path / "in.webm", moving(8, (63, 47)), codec="libvpx-vp9", times=times)
    assert run(source, tmp_path / f"out{suffix}") == 0
    seen = read_video(tmp_path / f"out{suffix}")
    assert seen.times == pytest.approx(times, abs=0.001)
    assert seen.size == (63, 47)


@pytest.mark.parametrize(
    ("matrix", "size"), [((1, "ITU709"), (64, 48)), ((6, "ITU601"), (64, 48)), ((2, "ITU709"), (1280, 720))]
)
def test_colors_survive_whatever_their_matrix_and_new_files_name_theirs(
    run: Run, tmp_path: Path, matrix: tuple[int, str], size: tuple[int, int]
) -> None:
    skin = np.full((size[1], size[0], 3), (200, 120, 90), np.uint8)
    source = write_video(tmp_path / "in.mp4", [skin] * 2, options={"crf": "1"}, matrix=matrix)
    assert run(source, tmp_path / "out.mov", "--csv", tmp_path / "skin.csv") == 0
    with (tmp_path / "skin.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert [float(row[name]) for name in ("red", "green", "blue")] == pytest.approx([200, 120, 90], abs=3)
    assert next(masks(tmp_path / "out.mov", "ycbcr_skin")).frame[20, 20] == pytest.approx([200, 120, 90], abs=4)


def test_the_table_has_a_line_a_frame(run: Run, tmp_path: Path) -> None:
    photo = np.full((60, 80, 3), (40, 60, 200), np.uint8)
    photo[:, :40] = (200, 150, 120)
    source = write_video(tmp_path / "in.mp4", [photo, photo, photo], times=[0, 0.1, 0.5], options={"crf": "1"})
    assert run(source, "--csv", tmp_path / "skin.csv") == 0
    with (tmp_path / "skin.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["time"]) for row in rows] == pytest.approx([0, 0.1, 0.5])
    for row in rows:
        assert float(row["skin"]) == pytest.approx(0.5, abs=0.03)
        assert [float(row[name]) for name in ("red", "green", "blue")] == pytest.approx([200, 150, 120], abs=3)


def test_a_stream_without_a_length_or_times_comes_from_standard_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = write_video(tmp_path / "in.h264", muxer="h264")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw.read_bytes())))
    assert run("-", tmp_path / "out.mp4") == 0
    times = read_video(tmp_path / "out.mp4").times
    assert len(times) == 8
    assert len(set(np.diff(times).round(4))) == 1


def test_damaged_frames_are_skipped_and_counted(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_video(tmp_path / "in.mp4", moving(30, (160, 120)), options={"g": "5"})
    data, random = bytearray(source.read_bytes()), np.random.default_rng(0)
    for start in random.integers(len(data) // 3, len(data) * 3 // 4, 6):
        data[start : start + 50] = random.bytes(50)
    source.write_bytes(data)
    assert run(source, tmp_path / "out.mp4") == 3
    written = len(read_video(tmp_path / "out.mp4").frames)
    lost = int(capsys.readouterr().out.split(" damaged frame")[0].split()[-1])
    assert written + lost >= 30
    assert 5 < written < 30


def test_a_file_that_breaks_off_is_told(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_video(tmp_path / "in.mkv", moving(90, (160, 120)), options={"g": "10"})
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 3])
    assert run(source, tmp_path / "out.mp4") == 3
    assert "The file ends early" in capsys.readouterr().out
    assert 5 < len(read_video(tmp_path / "out.mp4").frames) < 60


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.mp4", "out.mp4"], "No such file"),
        (["text.mp4", "out.mp4"], "cannot be read as a video"),
        (["tone.wav", "out.mp4"], "has no video"),
        (["in.mp4", "out.xyz"], "take one of .mp4"),
        (["in.mp4", "out.mp4", "--cutout"], "take one of .webm"),
        (["file:in.mp4", "in.mp4"], "which this command reads"),
        (["concat:text.mp4|in.mp4", "--csv", "in.mp4"], "which this command reads"),
        (["in.mp4", "a.mp4", "--csv", "a.mp4"], "written twice"),
        (["in.mp4", "--csv", "a.csv", "--roi", "64", "0", "9", "9"], "holds no pixel"),
        (["in.mp4", "a.mp4", "--faces", "2"], "--csv FILE"),
        (["in.mp4"], "Nothing to write"),
        (["list.mp4", "out.mp4"], "list of other files"),
        (["concatf:list.mp4", "out.mp4"], "list of other files"),
        (["in%d.jpg", "--csv", "in1.jpg"], "which this command reads"),
        (["in.mp4", "folder.mp4"], "Is a directory"),
        (["in.mp4", "out.mp4", "-x", '{"nope": 1}'], 'no extra "nope"'),
        (["in.mp4", "text.mp4/out.mp4"], "cannot be written"),
    ],
)
def test_what_cannot_work_is_told_in_one_line_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: Run,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    video = write_video(Path("in.mp4"), moving(2))
    original = video.read_bytes()
    Path("text.mp4").write_text("no video")
    Path("list.mp4").write_text("ffconcat version 1.0\nfile in.mp4\n")
    Path("in1.jpg").write_bytes(PORTRAIT.read_bytes())
    Path("folder.mp4").mkdir()
    with wave.open("tone.wav", "wb") as sound:
        sound.setparams((1, 2, 8_000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    before = sorted(tmp_path.rglob("*"))
    assert run(*arguments) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]
    assert sorted(tmp_path.rglob("*")) == before
    assert video.read_bytes() == original


def test_ctrl_c_leaves_a_playable_file_and_table(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", moving(600, (320, 240)), sound="aac", options={"preset": "ultrafast"})
    target, table = tmp_path / "out.webm", tmp_path / "skin.csv"
    code = "import sys; from rembg_skin.cli import main; sys.exit(main())"
    files = [str(path) for path in (source, target, "--csv", table)]
    command = [sys.executable, "-c", code, "video", *files, "-m", "ycbcr_hsv_skin"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while not any(part.stat().st_size > 8_000 for part in tmp_path.glob(".*.part")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert err == ""
    seen = read_video(target)
    assert f"Stopped: the first {len(seen.frames)} frames" in out
    assert 1 <= len(seen.frames) < 600
    assert len(table.read_text().splitlines()) == len(seen.frames) + 1
    assert names_in(tmp_path) == ["in.mp4", "out.webm", "skin.csv"]


def test_a_failure_half_way_leaves_the_old_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rembg_skin.errors import ModelError
    from rembg_skin.video import frames

    calls = iter(range(100))

    def failing(*_: object) -> object:
        if next(calls) > 3:
            raise ModelError("out of order")
        return np.zeros((48, 64), np.uint8)

    monkeypatch.setattr(frames, "predict_mask", failing)
    source = write_video(tmp_path / "in.mp4")
    (tmp_path / "out.mp4").write_text("old")
    assert run(source, tmp_path / "out.mp4") == 1
    assert "out of order" in capsys.readouterr().err
    assert (tmp_path / "out.mp4").read_text() == "old"
    assert names_in(tmp_path) == ["in.mp4", "out.mp4"]


def test_without_pyav_one_line_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "rembg_skin.video.reader", raising=False)
    assert run(tmp_path / "in.mp4", tmp_path / "out.mp4") == 1
    assert 'pip install "rembg-skin[video]"' in capsys.readouterr().err


def test_nothing_else_imports_pyav() -> None:
    code = (
        "import sys, rembg_skin, rembg_skin.cli, rembg_skin.video, rembg_skin.commands.video, rembg_skin.plugin;"
        "rembg_skin.register(); assert 'av' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
