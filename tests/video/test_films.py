"""Films as cameras, recorders and other programs leave them, made by the command `ffmpeg`."""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rembg_skin.cli import main
from rembg_skin.session import predict_mask
from rembg_skin.video import frames, masks
from tests.support.videos import PORTRAIT, ffmpeg, read_video

Run = Callable[..., int]
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1")


def tone(rate: int) -> tuple[str, ...]:
    return "-f", "lavfi", "-i", f"sine=440:r={rate}:d=1"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs the command with a quick model in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main(["video", *map(str, arguments), "-m", "ycbcr_skin", "--mask"])


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
def test_sound_never_costs_the_picture(
    run: Run, capsys: pytest.CaptureFixture[str], source: str, rate: int, coding: str, target: str, heard: str
) -> None:
    ffmpeg(*PICTURE, *tone(rate), "-ac", 2, "-c:a", coding, source)
    assert run(source, target) == 0
    seen, (name, _, copied) = read_video(Path(target)), heard.partition(" ")
    assert (len(seen.frames), seen.sounds) == (25, [name])
    assert seen.sound_seconds == pytest.approx(1, abs=0.06)
    assert ("encoded again" in capsys.readouterr().out) is not bool(copied)


def test_sound_that_nothing_decodes_costs_a_line_and_status_3(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    ffmpeg(*PICTURE, *tone(44_100), "-map", 0, "-map", 1, "-map", 1, "-c:a:0", "aac", "-c:a:1", "pcm_s16le", "in.mov")
    film = Path("in.mov").read_bytes()
    Path("in.mov").write_bytes(film.replace(b"sowt", b"apac"))  # a phone's spatial sound
    assert run("in.mov", "out.mp4") == 3
    assert "Sound 2: missing" in capsys.readouterr().out
    assert read_video(Path("out.mp4")).sounds == ["aac"]


@pytest.mark.parametrize("second", [0, 1000])
@pytest.mark.parametrize(("suffix", "video", "audio"), [(".ts", "libx264", "aac"), (".mpg", "mpeg2video", "mp2")])
def test_pieces_that_were_joined_follow_one_another(
    run: Run, capsys: pytest.CaptureFixture[str], second: int, suffix: str, video: str, audio: str
) -> None:
    for name, start in (("a", 500), ("b", second)):
        ffmpeg(*PICTURE, *tone(48_000), "-c:v", video, "-c:a", audio, "-output_ts_offset", start, name + suffix)
    Path(f"in{suffix}").write_bytes(Path(f"a{suffix}").read_bytes() + Path(f"b{suffix}").read_bytes())
    assert run(f"in{suffix}", "out.mp4", "--csv", "skin.csv") == 0, capsys.readouterr()
    seen = read_video(Path("out.mp4"))
    assert len(seen.frames) == 50
    assert [after - before for before, after in pairwise(seen.times)] == pytest.approx([0.04] * 49, abs=0.06)
    assert seen.sound_seconds == pytest.approx(2, abs=0.15)
    rows = Path("skin.csv").read_text().splitlines()[1:]
    assert [float(row.split(",")[0]) for row in rows] == pytest.approx(seen.times, abs=0.001)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_hdr_looks_as_sdr_does(run: Run, capsys: pytest.CaptureFixture[str], transfer: str) -> None:
    labels = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    steps = (
        "scale=160:120,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr:range=pc,format=gbrp",
        f"zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=2020:t={transfer}:m=2020_ncl:r=tv:npl=203",
    )
    ffmpeg(
        *("-loop", 1, "-t", 0.2, "-r", 10, "-i", PORTRAIT, "-vf", ",".join(steps), "-pix_fmt", "yuv420p10le"),
        *("-c:v", "libx265", "-crf", 8, "-x265-params", f"log-level=error:{labels}", "hdr.mov"),
    )
    ffmpeg("-loop", 1, "-t", 0.2, "-r", 10, "-i", PORTRAIT, "-vf", "scale=160:120", "-crf", 8, "sdr.mp4")
    hdr, sdr = (next(masks(name, "hsv_skin", steady=False)) for name in ("hdr.mov", "sdr.mp4"))
    assert np.abs(hdr.frame.astype(int) - sdr.frame).mean() < 6
    ours, theirs = hdr.mask > 127, sdr.mask > 127
    assert np.count_nonzero(ours & theirs) > 0.8 * np.count_nonzero(ours | theirs)
    assert run("hdr.mov", "out.mp4") == 0
    assert "HDR" in capsys.readouterr().out


@pytest.mark.parametrize("coding", [("mpeg2video", "-q:v", 2), ("libx264", "-crf", 8)])
def test_interlaced_films_lose_their_combs(run: Run, coding: tuple[object, ...]) -> None:
    moving = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=50:d=1")
    ffmpeg(
        *moving, "-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ildct+ilme", "-c:v", *coding, "in.mkv"
    )

    def combs(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
        rows = frame.astype(int)
        return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())

    stored, shown = read_video(Path("in.mkv")), list(masks("in.mkv", "ycbcr_skin", steady=False))
    assert [each.time for each in shown] == pytest.approx(stored.times, abs=0.001)
    assert combs(shown[12].frame) < 0.7 * combs(stored.frames[12])
    assert run("in.mkv", "out.mp4") == 0


def test_an_animated_avif_is_a_film(run: Run) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=8:d=1", "-c:v", "libaom-av1", "-cpu-used", 8, "in.avif")
    assert run("in.avif", "out.mp4") == 0
    assert len(read_video(Path("out.mp4")).frames) == 8


@pytest.mark.skipif(sys.platform == "win32", reason="such names are not possible")
def test_a_file_that_exists_is_a_file_whatever_its_name(run: Run) -> None:
    Path("2026:11").mkdir()
    source, target = Path("2026:11/a:b.mp4"), Path("2026:11/http:c.mkv")
    ffmpeg(*PICTURE, f"file:{source}")
    assert run(source, target) == 0
    assert len(read_video(Path.cwd() / target).frames) == 25


@pytest.mark.usefixtures("run")
def test_a_table_goes_on_where_a_killed_run_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=6", "in.mp4")
    assert main(["video", "in.mp4", "--csv", "whole.csv", "-m", "ycbcr_skin"]) == 0
    masked: list[int] = []

    def failing(session: Any, image: Any) -> Any:
        masked.append(1)
        if len(masked) == 50:
            raise MemoryError
        return predict_mask(session, image)

    monkeypatch.setattr(frames, "predict_mask", failing)
    with pytest.raises(MemoryError):
        main(["video", "in.mp4", "--csv", "skin.csv", "-m", "ycbcr_skin"])
    assert not Path("skin.csv").exists()
    assert main(["video", "in.mp4", "--csv", "skin.csv", "-m", "ycbcr_skin"]) == 0
    assert "150 frames" in capsys.readouterr().out
    assert len(masked) < 50 + 79  # all of them
    columns = [np.loadtxt(name, delimiter=",", skiprows=1, usecols=(0, 1)) for name in ("skin.csv", "whole.csv")]
    assert columns[0] == pytest.approx(columns[1], abs=0.02)
    assert sorted(path.name for path in Path().iterdir()) == ["in.mp4", "skin.csv", "whole.csv"]
