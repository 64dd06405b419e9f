"""`skin` is another name of one model: the recommended one, or that of REMBG_SKIN_MODEL. It asks no host."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rembg import new_session
from rembg.sessions import sessions

import rembg_skin
from rembg_skin.catalog import RECOMMENDED
from rembg_skin.errors import OptionError, SettingError, WeightsError
from rembg_skin.sessions import session_classes
from rembg_skin.weights import packaged_file

PHOTO = Path(__file__).resolve().parents[2] / "docs" / "portrait.jpg"
# rembg's own command, in a Python in which no look-up of a name, no connection and no datagram is possible.
FORBIDDEN = """
import sys
def forbid(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"):
        print("NETWORK", event, arguments, file=sys.stderr)
        raise RuntimeError("no network")
sys.addaudithook(forbid)
from rembg.cli import main
main()
"""


@pytest.mark.e2e
def test_rembg_i_m_skin_opens_no_connection(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORBIDDEN, "i", "-m", "skin", str(PHOTO), "skin.png"]
    environment = {**os.environ, "U2NET_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.rglob("*")] == ["skin.png"]
    alpha = np.asarray(Image.open(tmp_path / "skin.png"))[..., 3]
    assert (alpha[100:150, 200:250] > 127).all()  # the face
    assert (alpha[20:200, 330:370] < 127).all()  # the wall behind her


def test_it_is_the_recommended_model(astronaut: Image.Image) -> None:
    session = new_session("skin")
    assert isinstance(session, session_classes()[RECOMMENDED])
    assert session.name() == RECOMMENDED
    assert session.predict(astronaut) == new_session(RECOMMENDED).predict(astronaut)
    assert sessions["skin"].download_models() == sessions[RECOMMENDED].download_models()


def test_a_variable_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMBG_SKIN_MODEL", "ycbcr_skin")
    image = Image.new("RGB", (40, 30), (224, 172, 142))
    assert new_session("skin").name() == "ycbcr_skin"
    assert new_session("skin").predict(image)[0].getextrema() == (255, 255)
    assert new_session("skin", cr_min=170).predict(image)[0].getextrema() == (0, 0)
    assert sessions["skin"].download_models() is None


def test_its_errors_are_those_of_that_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    monkeypatch.setenv("REMBG_SKIN_MODEL", "u2net_skin")
    with pytest.raises(WeightsError, match="u2net_skin: its weights could not be downloaded"):
        new_session("skin")
    monkeypatch.setenv("REMBG_SKIN_MODEL", "hsv_skin")
    with pytest.raises(OptionError, match="hsv_skin: threshold"):
        new_session("skin", threshold=-1)


@pytest.mark.parametrize(
    ("name", "meant"), [("dlvm_skin", "dlmv_skin"), ("u2net", "u2net_skin"), ("\x1b[2J", "tiny_skin")]
)
def test_a_name_that_is_not_a_skin_model_is_an_error_that_helps(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMBG_SKIN_MODEL", name)
    with pytest.raises(SettingError, match=rf"REMBG_SKIN_MODEL=.* is not .*; did you mean .*{meant}") as caught:
        new_session("skin")
    assert "\x1b" not in str(caught.value)


def test_weights_that_the_package_lacks_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packaged_file.cache_clear()
    monkeypatch.setattr("rembg_skin.weights.receipts.resources.files", lambda _: tmp_path)
    with pytest.raises(WeightsError, match=r"tiny_skin\.onnx is missing\. .*PyInstaller adds by itself"):
        new_session("skin")


def test_weights_in_a_zipped_package_are_unpacked(tmp_path: Path) -> None:
    package = Path(rembg_skin.__file__).parents[1]
    shutil.make_archive(str(tmp_path / "packed"), "zip", package, "rembg_skin")
    check = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'packed.zip')!r})\n"
        "import rembg_skin; from rembg_skin.catalog import MODELS; from rembg_skin.weights import fetch\n"
        "assert 'packed.zip' in rembg_skin.__file__\n"
        "path = fetch(MODELS['tiny_skin']); assert path.stat().st_size > 3e6; print(path)"
    )
    environment = {**os.environ, "REMBG_SKIN_DISABLE": "1"}
    done = subprocess.run([sys.executable, "-c", check], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()  # it is gone with the process
