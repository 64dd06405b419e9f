"""`rembg-skin video`, run as a user runs it: what is in the file that it writes."""

import io
import signal
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import DEFAULT, Mock

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session

from rembg_skin.cli import main
from rembg_skin.errors import ModelError
from rembg_skin.image.arrays import Bytes
from rembg_skin.image.overlay import SKIN
from rembg_skin.session import predict_mask
from rembg_skin.video import frames, masks
from tests.support.command import PROGRAM
from tests.support.processes import python, started, wait_for
from tests.support.videos import PORTRAIT, face, ffmpeg, moving, read_video, write_video

Run = Callable[..., tuple[int, str]]
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs the command with a quick model in a folder of its own, and gives its status and lines."""
    monkeypatch.chdir(tmp_path)

    def video(*arguments: object) -> tuple[int, str]:
        return main(["video", *map(str, arguments), "-m", "ycbcr_skin"]), "".join(capsys.readouterr())

    return video


def names() -> list[str]:
    return sorted(map(str, Path().rglob("*")))


def tone(rate: int) -> tuple[str, ...]:
    return "-f", "lavfi", "-i", f"sine=440:r={rate}:d=1"


def columns(name: str) -> NDArray[Any]:
    """Return the table, a field a column."""
    return np.genfromtxt(name, delimiter=",", names=True)


def blue_with_skin(height: int, width: int, *place: slice) -> Bytes:
    photo = np.full((height, width, 3), (40, 60, 200), np.uint8)
    photo[place] = (200, 150, 120)
    return photo


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])  # Matroska rounds times to milliseconds
def test_an_mp4_holds_the_sessions_mask_frame_for_frame_with_its_rate_and_sound(run: Run, name: str) -> None:
    write_video(name, sound="aac", options={"crf": "0"})
    assert run(name, "out.mp4", "--csv", "skin.csv", "--no-steady")[0] == 0
    assert len(columns("skin.csv")["time"]) == 8
    before, after = read_video(name), read_video("out.mp4")
    assert after.size == before.size
    assert after.rate == 30
    assert after.times == pytest.approx(np.arange(8) / 30)
    assert (after.sounds, after.sound_packets) == (["aac"], before.sound_packets)
    session = new_session("ycbcr_skin")
    for shown, frame in zip(before.frames, after.frames, strict=True):
        assert np.ptp(frame.astype(int), axis=2).max() <= 2  # gray
        (expected,) = session.predict(Image.fromarray(shown))
        assert ((np.asarray(expected) > 127) == (frame[..., 0] > 127)).mean() > 0.99


@pytest.mark.parametrize(
    ("target", "codec", "decoder", "sound"),
    [
        ("out.webm", "vp9", "libvpx-vp9", "opus"),
        ("out.mkv --cutout", "vp9", "libvpx-vp9", "aac"),
        ("out.mov", "prores", "prores", "aac"),
    ],
)
def test_a_cutout_has_the_mask_as_alpha_and_shows_nothing_of_the_rest(
    run: Run, target: str, codec: str, decoder: str, sound: str
) -> None:
    photo = face((160, 120)).copy()
    photo[:, 100:] = (0, 0, 200)
    write_video("in.mp4", [photo] * 3, sound="aac")
    assert run("in.mp4", *target.split())[0] == run("in.mp4", "mask.webm", "--mask")[0] == 0
    seen = read_video(target.partition(" ")[0], decoder=decoder, pixels="rgba")
    assert (seen.codec, seen.size, seen.sounds) == (codec, (160, 120), [sound])
    shown = zip(seen.frames, read_video("mask.webm").frames, read_video("in.mp4").frames, strict=True)
    for cutout, mask, original in shown:
        assert np.abs(cutout[..., 3].astype(int) - mask[..., 0]).mean() < 6
        inside = mask[..., 0] > 200
        assert np.abs(cutout[inside, :3].astype(int) - original[inside]).mean() < 8
        assert cutout[:, 140:].max() <= 3


def test_an_overlay_is_green_on_gray(run: Run) -> None:
    write_video("in.mp4", [blue_with_skin(48, 64, np.s_[10:40], np.s_[10:40])] * 2)
    assert run("in.mp4", "out.mp4", "--overlay")[0] == 0
    frame = read_video("out.mp4").frames[0].astype(int)
    skin, rest = frame[20:30, 20:30].mean((0, 1)), frame[4, 58]
    assert np.ptp(rest) < 6
    assert skin[1] - skin[0] == pytest.approx(0.55 * (SKIN[1] - SKIN[0]), abs=8)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".mkv"])
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_video_is_masked_upright_and_shown_as_before(run: Run, suffix: str, rotation: int) -> None:
    write_video("in.mp4", [blue_with_skin(48, 80, np.s_[4:20], np.s_[4:30])] * 2, rotation=rotation)
    assert run("in.mp4", f"out{suffix}", "--mask")[0] == 0
    before, after = read_video("in.mp4"), read_video(f"out{suffix}")
    # PyAV gives degrees against the clock, as numpy turns.
    shown = [np.rot90(seen.frames[0], seen.rotation // 90) for seen in (before, after)]
    assert shown[0].shape == shown[1].shape
    found, skin = shown[1][..., 0] > 127, shown[0][..., 0] > 120
    assert (found == skin).mean() > 0.95
    assert after.rotation == (before.rotation if suffix in {".mp4", ".mov"} else 0)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov", ".mkv"])
def test_frames_keep_their_times_however_uneven_and_odd_sizes_stay_odd(run: Run, suffix: str) -> None:
    times = [0, 0.033, 0.2, 0.21, 0.5, 0.9, 1.0, 2.0]
    write_video("in.webm", moving(8, (63, 47)), codec="libvpx-vp9", times=times)
    assert run("in.webm", f"out{suffix}")[0] == 0
    seen = read_video(f"out{suffix}")
    assert seen.times == pytest.approx(times, abs=0.001)
    assert seen.size == (63, 47)


@pytest.mark.parametrize(
    ("matrix", "size"), [((1, "ITU709"), (64, 48)), ((6, "ITU601"), (64, 48)), ((2, "ITU709"), (1280, 720))]
)
def test_colors_survive_whatever_their_matrix_and_new_files_name_theirs(
    run: Run, matrix: tuple[int, str], size: tuple[int, int]
) -> None:
    photo = blue_with_skin(size[1], size[0], np.s_[:], np.s_[: size[0] // 2])
    write_video("in.mp4", [photo] * 2, times=[0, 0.4], options={"crf": "1"}, matrix=matrix)
    assert run("in.mp4", "out.mov", "--csv", "skin.csv")[0] == 0
    table = columns("skin.csv")
    assert table["time"] == pytest.approx([0, 0.4])
    assert table["skin"] == pytest.approx(0.5, abs=0.03)
    for color, level in {"red": 200, "green": 150, "blue": 120}.items():
        assert table[color] == pytest.approx(level, abs=3)
    assert next(masks("out.mov", "ycbcr_skin")).frame[20, 20] == pytest.approx([200, 150, 120], abs=4)


def test_a_stream_without_a_length_or_times_comes_from_standard_input(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = write_video("in.h264", muxer="h264")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw.read_bytes())))
    assert run("-", "out.mp4")[0] == 0
    times = read_video("out.mp4").times
    assert len(times) == 8
    assert len(set(np.diff(times).round(4))) == 1


def test_damaged_frames_are_skipped_and_counted(run: Run) -> None:
    source = write_video("in.mp4", moving(30, (160, 120)), options={"g": "5"})
    data, random = bytearray(source.read_bytes()), np.random.default_rng(0)
    for start in random.integers(len(data) // 3, len(data) * 3 // 4, 6):
        data[start : start + 50] = random.bytes(50)
    source.write_bytes(data)
    status, out = run("in.mp4", "out.mp4")
    written, lost = len(read_video("out.mp4").frames), int(out.split(" damaged frame")[0].split()[-1])
    assert status == 3
    assert written + lost >= 30
    assert 5 < written < 30


def test_a_file_that_breaks_off_is_told(run: Run) -> None:
    source = write_video("in.mkv", moving(90, (160, 120)), options={"g": "10"})
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 3])
    status, out = run("in.mkv", "out.mp4")
    assert (status, "The file ends early" in out) == (3, True)
    assert 5 < len(read_video("out.mp4").frames) < 60


@pytest.mark.parametrize(
    ("source", "rate", "coding", "target", "heard"),
    [
        ("in.avi", 44_100, "pcm_s16le", "out.mp4", "aac"),  # stereo without names for its channels
        ("in.mkv", 192_000, "pcm_s24le", "out.mp4", "aac"),  # AAC ends at 96,000
        ("in.avi", 11_025, "pcm_u8", "out.webm", "opus"),
        ("in.mkv", 48_000, "wavpack", "out.m4v", "aac"),
        ("in.mkv", 48_000, "libopus", "out.mov", "aac"),
        ("in.mp4", 48_000, "aac", "out.webm", "opus"),
        ("in.mkv", 48_000, "libopus", "out.webm", "opus copied"),
        ("in.mkv", 48_000, "libmp3lame", "out.mp4", "mp3float copied"),
        ("in.avi", 4_000, "pcm_s16le", "out.mov", "pcm_s16le copied"),
    ],
)
def test_sound_never_costs_the_picture(run: Run, source: str, rate: int, coding: str, target: str, heard: str) -> None:
    ffmpeg(*PICTURE, *tone(rate), "-ac", 2, "-c:a", coding, source)
    status, out = run(source, target, "--mask")
    seen, (name, _, copied) = read_video(target), heard.partition(" ")
    assert (status, len(seen.frames), seen.sounds) == (0, 25, [name])
    assert seen.sound_seconds == pytest.approx(1, abs=0.06)
    assert ("encoded again" in out) is not bool(copied)


def test_sound_that_nothing_decodes_costs_a_line_and_status_3(run: Run) -> None:
    ffmpeg(*PICTURE, *tone(44_100), "-map", 0, "-map", 1, "-map", 1, "-c:a:0", "aac", "-c:a:1", "pcm_s16le", "in.mov")
    film = Path("in.mov").read_bytes()
    Path("in.mov").write_bytes(film.replace(b"sowt", b"apac"))  # a phone's spatial sound
    status, out = run("in.mov", "out.mp4")
    assert (status, "Sound 2: missing" in out) == (3, True)
    assert read_video("out.mp4").sounds == ["aac"]


@pytest.mark.parametrize("second", [0, 1000])
@pytest.mark.parametrize(("suffix", "video", "audio"), [(".ts", "libx264", "aac"), (".mpg", "mpeg2video", "mp2")])
def test_pieces_that_were_joined_follow_one_another(run: Run, second: int, suffix: str, video: str, audio: str) -> None:
    for name, start in (("a", 500), ("b", second)):
        ffmpeg(*PICTURE, *tone(48_000), "-c:v", video, "-c:a", audio, "-output_ts_offset", start, name + suffix)
    Path(f"in{suffix}").write_bytes(Path(f"a{suffix}").read_bytes() + Path(f"b{suffix}").read_bytes())
    assert run(f"in{suffix}", "out.mp4", "--csv", "skin.csv") == (0, "50 frames in out.mp4 and skin.csv.\n")
    seen = read_video("out.mp4")
    assert len(seen.frames) == 50
    assert np.diff(seen.times) == pytest.approx(0.04, abs=0.06)
    assert seen.sound_seconds == pytest.approx(2, abs=0.15)
    assert columns("skin.csv")["time"] == pytest.approx(seen.times, abs=0.001)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_hdr_looks_as_sdr_does(run: Run, transfer: str) -> None:
    photo = ("-loop", 1, "-t", 0.2, "-r", 10, "-i", PORTRAIT, "-crf", 8, "-vf")
    steps = (
        "scale=160:120,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr:range=pc,format=gbrp,zscale="
        f"t=linear:npl=203,format=gbrpf32le,zscale=p=2020:t={transfer}:m=2020_ncl:r=tv:npl=203,format=yuv420p10le"
    )
    labels = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    ffmpeg(*photo, steps, "-c:v", "libx265", "-x265-params", labels, "hdr.mov")
    ffmpeg(*photo, "scale=160:120", "sdr.mp4")
    hdr, sdr = (next(masks(name, "hsv_skin", steady=False)) for name in ("hdr.mov", "sdr.mp4"))
    assert np.abs(hdr.frame.astype(int) - sdr.frame).mean() < 6
    ours, theirs = hdr.mask > 127, sdr.mask > 127
    assert np.count_nonzero(ours & theirs) > 0.8 * np.count_nonzero(ours | theirs)
    status, out = run("hdr.mov", "out.mp4")
    assert (status, "HDR" in out) == (0, True)


@pytest.mark.parametrize("coding", [("mpeg2video", "-q:v", 2), ("libx264", "-crf", 8)])
def test_interlaced_films_lose_their_combs(run: Run, coding: tuple[object, ...]) -> None:
    fields = ("-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ildct+ilme", "-c:v", *coding)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=50:d=1", *fields, "in.mkv")

    def combs(frame: Bytes) -> float:
        rows = frame.astype(int)
        return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())

    stored, shown = read_video("in.mkv"), list(masks("in.mkv", "ycbcr_skin", steady=False))
    assert [each.time for each in shown] == pytest.approx(stored.times, abs=0.001)
    assert combs(shown[12].frame) < 0.7 * combs(stored.frames[12])
    assert run("in.mkv", "out.mp4")[0] == 0


def test_an_animated_avif_is_a_film(run: Run) -> None:
    ffmpeg(*PICTURE, "-c:v", "libaom-av1", "-cpu-used", 8, "in.avif")
    assert run("in.avif", "out.mp4")[0] == 0
    assert len(read_video("out.mp4").frames) == 25


@pytest.mark.skipif(sys.platform == "win32", reason="such names are not possible")
def test_a_file_that_exists_is_a_file_whatever_its_name(run: Run) -> None:
    source, target = Path("2026:11/a:b.mp4"), Path("2026:11/http:c.mkv")
    source.parent.mkdir()
    write_video(f"file:{source}")
    assert run(source, target)[0] == 0
    assert len(read_video(Path.cwd() / target).frames) == 8


def test_a_table_goes_on_where_a_killed_run_ended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=6", "in.mp4")
    assert run("in.mp4", "--csv", "whole.csv")[0] == 0
    masked = Mock(wraps=predict_mask, side_effect=[DEFAULT] * 49 + [MemoryError] + [DEFAULT] * 99)
    monkeypatch.setattr(frames, "predict_mask", masked)
    with pytest.raises(MemoryError):
        run("in.mp4", "--csv", "skin.csv")
    assert not Path("skin.csv").exists()
    assert run("in.mp4", "--csv", "skin.csv") == (0, "150 frames in skin.csv.\n")
    assert masked.call_count < 50 + 79  # all of them
    found, whole = columns("skin.csv"), columns("whole.csv")
    for name in ("time", "skin"):
        assert found[name] == pytest.approx(whole[name], abs=0.02)
    assert names() == ["in.mp4", "skin.csv", "whole.csv"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("none.mp4 out.mp4", "No such file"),
        ("text.mp4 out.mp4", "cannot be read as a video"),
        ("tone.wav out.mp4", "has no video"),
        ("list.mp4 out.mp4", "list of other files"),
        ("concatf:list.mp4 out.mp4", "list of other files"),
        ("in.mp4 out.xyz", "take one of .mp4"),
        ("in.mp4 out.mp4 --cutout", "take one of .webm"),
        ("file:in.mp4 in.mp4", "read by this command"),
        ("concat:text.mp4|in.mp4 --csv in.mp4", "read by this command"),
        ("in%d.jpg --csv in1.jpg", "read by this command"),
        ("in.mp4 a.mp4 --csv a.mp4", "written twice"),
        ("in.mp4 --csv a.csv --roi 64 0 9 9", "holds no pixel"),
        ("in.mp4 a.mp4 --faces 2", "--csv FILE"),
        ("in.mp4", "Nothing to write"),
        ("in.mp4 folder.mp4", "Is a directory"),
        ('in.mp4 out.mp4 -x {"nope":1}', 'no extra "nope"'),
        ("in.mp4 text.mp4/out.mp4", "cannot be written"),
    ],
)
def test_what_cannot_work_is_told_in_one_line_and_leaves_nothing(run: Run, arguments: str, told: str) -> None:
    video = write_video("in.mp4", moving(2))
    original = video.read_bytes()
    Path("text.mp4").write_text("no video")
    Path("list.mp4").write_text("ffconcat version 1.0\nfile in.mp4\n")
    Path("in1.jpg").write_bytes(PORTRAIT.read_bytes())
    Path("folder.mp4").mkdir()
    with wave.open("tone.wav", "wb") as sound:
        sound.setparams((1, 2, 8_000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    before = names()
    status, printed = run(*arguments.split())
    assert (status, len(printed.splitlines())) == (1, 1)
    assert told in printed
    assert names() == before
    assert video.read_bytes() == original


def test_ctrl_c_leaves_a_playable_file_and_table(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", moving(600, (320, 240)), sound="aac", options={"preset": "ultrafast"})
    command = [PROGRAM, "video", "in.mp4", "out.webm", "--csv", "skin.csv", "-m", "ycbcr_hsv_skin"]
    with started(command, cwd=tmp_path) as process:
        wait_for(lambda: any(part.stat().st_size > 8_000 for part in tmp_path.glob(".*.part")) or bool(process.poll()))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")  # which a table may go to
    seen = read_video(tmp_path / "out.webm")
    lines = err.splitlines()
    assert lines[0].startswith(f"Stopped: the first {len(seen.frames)} frames")
    assert lines[1:] == ["Sound: encoded again, as .webm files cannot hold the original's."]
    assert 1 <= len(seen.frames) < 600
    assert len((tmp_path / "skin.csv").read_text().splitlines()) == len(seen.frames) + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.webm", "skin.csv"]


def test_a_failure_half_way_leaves_the_old_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [np.zeros((48, 64), np.uint8)] * 4 + [ModelError("out of order")] * 4
    monkeypatch.setattr(frames, "predict_mask", Mock(side_effect=results))
    write_video("in.mp4")
    Path("out.mp4").write_text("old")
    status, printed = run("in.mp4", "out.mp4")
    assert (status, "out of order" in printed) == (1, True)
    assert Path("out.mp4").read_text() == "old"
    assert names() == ["in.mp4", "out.mp4"]


def test_without_pyav_one_line_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "rembg_skin.video.reader", raising=False)
    status, printed = run("in.mp4", "out.mp4")
    assert (status, 'pip install "rembg-skin[video]"' in printed) == (1, True)


def test_nothing_else_imports_pyav() -> None:
    modules = "sys, rembg_skin, rembg_skin.cli, rembg_skin.video, rembg_skin.commands.video, rembg_skin.plugin"
    assert python(f"import {modules}; rembg_skin.register(); print('av' in sys.modules)").stdout == "False\n"
