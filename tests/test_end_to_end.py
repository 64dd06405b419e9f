"""What a user does: the `rembg` command, the real `rembg s`, and an environment that the plugin leaves again."""

import io
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from tests.support.pages import ROOT
from tests.support.photos import picture
from tests.support.rembg import REMBG, post, rembg
from tests.support.videos import face, write_video

pytestmark = pytest.mark.e2e

NAMES = ["hsv_skin", "ycbcr_skin", "ycbcr_hsv_skin", "ellipse_skin", "diagonal_skin", "icm_skin"]


@pytest.fixture
def photo(tmp_path: Path) -> str:
    """Return the name of a photo in `tmp_path` whose left half is skin."""
    picture(120, 80).save(tmp_path / "photo.png")
    return "photo.png"


def expect_left_half(mask: Image.Image) -> None:
    values = np.asarray(mask)
    assert values.shape == (80, 120)
    assert (values[10:70, 10:50] == 255).all()
    assert (values[10:70, 70:110] == 0).all()


def test_the_installed_command_cuts_the_skin_out(photo: str, tmp_path: Path) -> None:
    subprocess.run([REMBG, "i", "-m", NAMES[0], photo, "skin.png"], cwd=tmp_path, check=True)
    expect_left_half(Image.open(tmp_path / "skin.png").getchannel("A"))


@pytest.mark.parametrize("name", NAMES)
def test_rembg_i_cuts_the_skin_out_without_a_download(name: str, photo: str, tmp_path: Path) -> None:
    rembg(tmp_path, "i", "-m", name, photo, "skin.png")
    with Image.open(tmp_path / "skin.png") as cutout:
        assert cutout.mode == "RGBA"
        expect_left_half(cutout.getchannel("A"))
    assert not (tmp_path / "home").exists()


def test_extras_reach_the_session_and_a_bad_one_is_one_line_without_a_traceback(photo: str, tmp_path: Path) -> None:
    rembg(tmp_path, "i", "-m", "ycbcr_skin", "-om", "-x", '{"cr_min": 170}', photo, "mask.png")
    assert np.asarray(Image.open(tmp_path / "mask.png")).max() == 0
    done = rembg(tmp_path, "i", "-m", "ycbcr_skin", "-x", '{"cr_min": 999}', photo, "other.png", status=1)
    (line,) = done.stderr.strip().splitlines()
    assert line == "Error: ycbcr_skin: cr_min=999 is not possible; cr_min takes a whole number from 0 to 255."


@pytest.mark.parametrize("command", ["i", "p", "b"])
def test_the_help_lists_the_names(command: str, tmp_path: Path) -> None:
    text = "".join(rembg(tmp_path, command, "--help").stdout.split())
    assert [name for name in NAMES if name not in text] == []


def test_rembg_p_does_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        picture(120, 80).save(tmp_path / "in" / name)
    rembg(tmp_path, "p", "-m", "ycbcr_hsv_skin", "-om", "in", "out")
    for name in ("a.png", "b.png"):
        expect_left_half(Image.open(tmp_path / "out" / name))


def test_rembg_b_does_a_stream_of_frames(tmp_path: Path) -> None:
    frames = picture(120, 80).tobytes() * 2
    command = [REMBG, "b", "-m", "ycbcr_skin", "-om", "120", "80", "-o", "frame-%d.png"]
    subprocess.run(command, cwd=tmp_path, input=frames, capture_output=True, check=True)
    first, second = tmp_path.glob("frame-*.png")
    for frame in (first, second):
        expect_left_half(Image.open(frame).convert("L"))


def test_rembg_d_has_nothing_to_do_for_a_classic_session(tmp_path: Path) -> None:
    assert "Error" not in rembg(tmp_path, "d", "ycbcr_skin").stdout
    assert not (tmp_path / "home").exists()


def test_rembg_m_leaves_the_legacy_folder_as_it_is(tmp_path: Path) -> None:
    if "migrate" not in rembg(tmp_path, "--help").stdout:
        pytest.skip("this rembg has no m command")
    legacy = tmp_path / ".u2net"
    legacy.mkdir()
    (legacy / "notes.txt").write_text("mine")
    printed = rembg(tmp_path, "m", XDG_DATA_HOME=str(tmp_path), U2NET_HOME=None).stdout
    assert "migrated 0 file(s)" in printed
    assert "_skin" not in printed


@pytest.mark.parametrize("name", NAMES)
def test_the_server_answers_with_a_png(name: str, rembg_server: str) -> None:
    answer = post(rembg_server, model=name, om="true")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    expect_left_half(Image.open(io.BytesIO(answer.content)))


def test_extras_of_a_request_reach_the_session_and_a_bad_one_is_answered_with_the_reason(rembg_server: str) -> None:
    answer = post(rembg_server, model="ycbcr_skin", om="true", extras='{"cr_min": 170}')
    assert answer.status_code == 200
    assert np.asarray(Image.open(io.BytesIO(answer.content))).max() == 0
    answer = post(rembg_server, model="ycbcr_skin", extras='{"cb_min": 999}')
    assert answer.status_code == 400
    reason = "ycbcr_skin: cb_min=999 is not possible; cb_min takes a whole number from 0 to 255."
    assert answer.json() == {"detail": reason}
    assert post(rembg_server, model="ycbcr_skin").status_code == 200


def test_the_page_of_the_server_offers_the_names(rembg_server: str) -> None:
    page = requests.get(f"{rembg_server}/config", timeout=60).json()
    (models,) = [part for part in page["components"] if part["props"].get("label") == "Models"]
    offered = {value for _, value in models["props"]["choices"]}
    assert set(NAMES) <= offered


@pytest.mark.slow
@pytest.mark.parametrize("editable", [False, True])
def test_uninstalling_leaves_a_working_rembg(editable: bool, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = str(environment / Path(sys.executable).parent.name / Path(sys.executable).name)
    site = Path(ask(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    ours = ask(sys.executable, "import sysconfig; print(sysconfig.get_path('purelib'))")
    # rembg comes from the environment of the tests, whose .pth files do not run in this one.
    (site / "rembg_of_the_tests.pth").write_text(ours)
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "dist", "build", "__pycache__"))
    flags = ["--no-deps", "--no-build-isolation", "--quiet", *(["-e"] if editable else [])]
    before = {path.name for path in site.iterdir()}

    subprocess.run([python, "-m", "pip", "install", *flags, str(source)], check=True)
    assert {"rembg_skin.pth", "rembg_skin.start", "rembg_skin_hook.py"} <= {path.name for path in site.iterdir()}
    names = "import rembg.sessions as s; print('hsv_skin' in s.sessions, 'u2net' in s.sessions)"
    assert ask(python, names) == "True True"

    subprocess.run([python, "-m", "pip", "uninstall", "--yes", "--quiet", "rembg-skin"], check=True)
    assert {path.name for path in site.iterdir()} - {"__pycache__"} == before - {"__pycache__"}
    left = "import rembg.sessions as s; print(any('skin' in name for name in s.sessions), 'u2net' in s.sessions)"
    assert ask(python, left) == "False True"


def ask(python: str, code: str) -> str:
    done = subprocess.run([python, "-c", code], cwd=Path(python).parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.skipif(
    find_spec("rmbg_video") is None or shutil.which("ffmpeg") is None,
    reason="needs ffmpeg and rmbg-video (pip install --no-deps rmbg-video)",
)
def test_a_strangers_program_takes_a_skin_model_by_its_name(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", [face((160, 128))] * 2)
    command = [sys.executable, "-m", "rmbg_video", "in.mp4", "out.webm", "--model", "tiny_skin", "--no-gpu"]
    subprocess.run([*command, "--no-alpha-matting"], cwd=tmp_path, check=True, timeout=600)
    decode = "ffmpeg -v error -c:v libvpx -i out.webm -frames:v 1 -pix_fmt rgba a.png"
    subprocess.run(decode.split(), cwd=tmp_path, check=True)
    alpha = np.asarray(Image.open(tmp_path / "a.png").getchannel("A"))
    assert alpha.shape == (128, 160)
    assert 0.2 < np.mean(alpha > 127) < 0.9
