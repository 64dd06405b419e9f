"""What a user does: the real `rembg` command and the real `rembg s`, of the environment that runs the tests."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from tests.support.processes import started

pytestmark = pytest.mark.e2e

NAMES = ["hsv_skin", "ycbcr_skin", "ycbcr_hsv_skin", "ellipse_skin", "diagonal_skin", "icm_skin"]
SKIN, SKY = (224, 172, 142), (90, 140, 220)
REMBG = str(Path(sys.executable).with_name("rembg"))
REPOSITORY = Path(__file__).resolve().parents[1]


def rembg(
    folder: Path, *arguments: str, stdin: bytes | None = None, **variables: str
) -> "subprocess.CompletedProcess[bytes]":
    """Run the command outside of the repository, so that the installed package is what runs."""
    environment = {**os.environ, "U2NET_HOME": str(folder / "home"), **variables}
    return subprocess.run(
        [REMBG, *arguments], cwd=folder, env=environment, input=stdin, capture_output=True, check=False
    )


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Left half skin, right half sky."""
    path = tmp_path / "photo.png"
    picture().save(path)
    return path


def picture() -> Image.Image:
    image = Image.new("RGB", (120, 80), SKY)
    image.paste(SKIN, (0, 0, 60, 80))
    return image


def expect_left_half(mask: Image.Image) -> None:
    values = np.asarray(mask)
    assert values.shape == (80, 120)
    assert (values[10:70, 10:50] == 255).all()
    assert (values[10:70, 70:110] == 0).all()


def test_rembg_i_cuts_the_skin_out(photo: Path, tmp_path: Path) -> None:
    done = rembg(tmp_path, "i", "-m", NAMES[0], photo.name, "skin.png")
    assert done.returncode == 0, done.stderr
    cutout = Image.open(tmp_path / "skin.png")
    assert cutout.mode == "RGBA"
    expect_left_half(cutout.getchannel("A"))
    assert not (tmp_path / "home").exists()  # nothing was downloaded


def test_rembgs_command_knows_every_classic_session(photo: Path, tmp_path: Path) -> None:
    # rembg's start takes seconds: one process calls its command once for each.
    code = """if True:
        import sys
        from rembg.cli import main
        for name in sys.argv[2:]:
            main(["i", "-m", name, sys.argv[1], f"{name}.png"], standalone_mode=False)
    """
    environment = {**os.environ, "U2NET_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", code, photo.name, *NAMES]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        with Image.open(tmp_path / f"{name}.png") as cutout:
            assert cutout.mode == "RGBA"
            expect_left_half(cutout.getchannel("A"))
    assert not (tmp_path / "home").exists()


def test_extras_of_the_command_reach_the_session(photo: Path, tmp_path: Path) -> None:
    done = rembg(tmp_path, "i", "-m", "ycbcr_skin", "-om", "-x", '{"cr_min": 170}', photo.name, "mask.png")
    assert done.returncode == 0, done.stderr
    assert np.asarray(Image.open(tmp_path / "mask.png")).max() == 0


def test_a_bad_extra_is_one_line_without_a_traceback(photo: Path, tmp_path: Path) -> None:
    done = rembg(tmp_path, "i", "-m", "ycbcr_skin", "-x", '{"cr_min": 999}', photo.name, "mask.png")
    assert done.returncode == 1
    (line,) = done.stderr.decode().strip().splitlines()
    assert line == "Error: ycbcr_skin: cr_min=999 is not possible; cr_min takes a whole number from 0 to 255."


@pytest.mark.parametrize("command", ["i", "p", "b"])
def test_the_help_lists_the_names(command: str, tmp_path: Path) -> None:
    done = rembg(tmp_path, command, "--help")
    text = "".join(done.stdout.decode().split())
    assert done.returncode == 0, done.stderr
    assert [name for name in NAMES if name not in text] == []


def test_rembg_p_does_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for stem in ("a", "b"):
        picture().save(tmp_path / "in" / f"{stem}.png")
    done = rembg(tmp_path, "p", "-m", "ycbcr_hsv_skin", "-om", "in", "out")
    assert done.returncode == 0, done.stderr
    for stem in ("a", "b"):
        expect_left_half(Image.open(tmp_path / "out" / f"{stem}.png"))


def test_rembg_b_does_a_stream_of_frames(tmp_path: Path) -> None:
    frames = picture().tobytes() * 2
    done = rembg(tmp_path, "b", "-m", "ycbcr_skin", "-om", "120", "80", "-o", "frame-%d.png", stdin=frames)
    assert done.returncode == 0, done.stderr
    written = sorted(tmp_path.glob("frame-*.png"))
    assert len(written) == 2
    for frame in written:
        expect_left_half(Image.open(frame).convert("L"))


def test_rembg_d_has_nothing_to_do_for_a_classic_session(tmp_path: Path) -> None:
    done = rembg(tmp_path, "d", "ycbcr_skin")
    assert done.returncode == 0, done.stderr
    assert b"Error" not in done.stdout
    assert not (tmp_path / "home").exists()


def test_rembg_m_leaves_the_legacy_folder_as_it_is(tmp_path: Path) -> None:
    if b"migrate" not in rembg(tmp_path, "--help").stdout:
        pytest.skip("this rembg has no m command")
    legacy = tmp_path / ".u2net"
    legacy.mkdir()
    (legacy / "notes.txt").write_text("mine")
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    environment.pop("U2NET_HOME", None)
    done = subprocess.run([REMBG, "m"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "migrated 0 file(s)" in done.stdout
    assert "_skin" not in done.stdout


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[tuple[str, int]]:
    """Start a real `rembg s` with its page on a free port of the loopback interface; give its URL and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"U2NET_HOME": str(folder / "home"), "GRADIO_ANALYTICS_ENABLED": "False", **variables}
    environment["BROWSER"] = "true"  # rembg opens a browser window at its start
    command = [REMBG, "s", "-h", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "log").open("wb") as log,
        started(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        wait_until(lambda: requests.get(f"{url}/openapi.json", timeout=5).ok, process, folder / "log")
        yield url, process.pid


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server without any weights."""
    with serving(tmp_path_factory.mktemp("server")) as (url, _):
        yield url


def wait_until(ready: Callable[[], bool], process: "subprocess.Popen[str]", log: Path) -> None:
    deadline = time.monotonic() + 180  # a first start of rembg compiles for most of a minute
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if ready():
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    pytest.fail("rembg s did not start: " + log.read_text())


def post(url: str, **form: str) -> requests.Response:
    buffer = io.BytesIO()
    picture().save(buffer, "PNG")
    extras = form.pop("extras", None)
    return requests.post(
        f"{url}/api/remove",
        files={"file": ("photo.png", buffer.getvalue())},
        data=form,
        params={"extras": extras} if extras else {},
        timeout=60,
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_server_answers_with_a_png(name: str, server: str) -> None:
    answer = post(server, model=name, om="true")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    expect_left_half(Image.open(io.BytesIO(answer.content)))


def test_extras_of_a_request_reach_the_session(server: str) -> None:
    answer = post(server, model="ycbcr_skin", om="true", extras=json.dumps({"cr_min": 170}))
    assert answer.status_code == 200
    assert np.asarray(Image.open(io.BytesIO(answer.content))).max() == 0


def test_a_bad_extra_of_a_request_is_answered_with_what_is_wrong(server: str) -> None:
    answer = post(server, model="ycbcr_skin", extras='{"cb_min": 999}')
    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "ycbcr_skin: cb_min=999 is not possible; cb_min takes a whole number from 0 to 255."
    }
    assert post(server, model="ycbcr_skin").status_code == 200


def test_the_page_of_the_server_offers_the_names(server: str) -> None:
    page = requests.get(f"{server}/config", timeout=60).json()
    (models,) = [part for part in page["components"] if part["props"].get("label") == "Models"]
    offered = {value for _, value in models["props"]["choices"]}
    assert set(NAMES) <= offered


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
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(".*", "dist", "build", "__pycache__"))
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
