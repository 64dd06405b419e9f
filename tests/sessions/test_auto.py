"""`skin`: which model it takes, what it says of it, and that it tries again."""

import json
import logging
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rembg import new_session

import rembg_skin
from rembg_skin import messages
from rembg_skin.catalog import MODELS, FileSource
from rembg_skin.errors import ModelError, OptionError, SkinError
from rembg_skin.sessions import auto
from rembg_skin.sessions.auto import AutoSession
from rembg_skin.weights import failures, store
from rembg_skin.weights.http import SOON
from rembg_skin.weights.settings import AUTO, Settings
from tests.support.github import Answer, GitHub
from tests.support.networks import red_network
from tests.support.photos import SHARED
from tests.support.silence import listening
from tests.support.weights import QUICK

rembg_skin.register()

REPO, ASSET = "samhaswon/skin_segmentation", "skin_u2netp.onnx"
PAN = SHARED / "weights" / "pan_skin.onnx"
SKIN = (224, 172, 142)
TWO_DOWNLOADS = "u2netp_skin,pan_skin,tiny_skin"  # a chain with two models that may fail before one that cannot


@dataclass
class World:
    """A GitHub on loopback that has no model yet, an empty model folder, and what was said on stderr."""

    github: GitHub
    home: Path
    capture: pytest.CaptureFixture[str]

    def offer_u2netp(self, data: bytes | None = None) -> str:
        """Release a network of that name, and return the path at which it is served."""
        network = red_network(512).SerializeToString() if data is None else data
        self.github.release(REPO, "v0.0.2", {ASSET: network})
        path = f"/mirror/{REPO}/v0.0.2/{ASSET}"
        self.github.put(path, network)
        return path

    def offer_pan(self) -> str:
        """Serve the real file, and return its path."""
        if not PAN.exists():
            pytest.skip("the weights of pan_skin are not in ../shared/weights")
        source = MODELS["pan_skin"].sources[0]
        assert isinstance(source, FileSource)
        self.github.put(f"/mirror/{source.mirror}", PAN.read_bytes())
        return f"/mirror/{source.mirror}"

    def said(self) -> list[str]:
        """Return the lines of stderr about the choice since the last call."""
        return [line for line in self.capture.readouterr().err.splitlines() if line.startswith("skin: using")]


@pytest.fixture
def world(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> World:
    monkeypatch.setenv("REMBG_SKIN_MIRROR", f"{github.url}/mirror")
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(AUTO, TWO_DOWNLOADS)
    monkeypatch.setattr(store, "SOON", QUICK)
    monkeypatch.setattr(auto, "_told", set())
    monkeypatch.setattr(messages, "_logged", set())
    monkeypatch.setattr(failures, "_failures", {})
    github.releases[REPO] = []
    github.releases["samhaswon/csc6780-term-project"] = []
    return World(github, tmp_path / "home", capsys)


def taken() -> str:
    session = new_session("skin")
    assert isinstance(session, AutoSession)
    return session.chosen.name()


def test_without_a_chain_of_ones_own_a_failed_download_leads_to_the_network_of_the_package(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(AUTO)
    pan = world.offer_pan()
    assert taken() == "tiny_skin"
    (line,) = world.said()
    assert line == (
        "skin: using tiny_skin (u2netp_skin is not on this disk, no release has a matching file;"
        " rembg-skin download u2netp_skin fetches it)"
    )
    assert world.github.bodies(pan) == []


def test_the_first_of_the_chain_is_taken_and_nothing_else_is_downloaded(world: World) -> None:
    first, second = world.offer_u2netp(), world.offer_pan()
    assert taken() == "u2netp_skin"
    assert world.said() == ["skin: using u2netp_skin"]
    assert len(world.github.bodies(first)) == 1
    assert world.github.bodies(second) == []
    assert taken() == "u2netp_skin"
    assert len(world.github.bodies(first)) == 1


def test_the_second_is_taken_with_one_line_that_says_why(world: World) -> None:
    world.offer_pan()
    assert taken() == "pan_skin"
    (line,) = world.said()
    assert line == (
        "skin: using pan_skin (u2netp_skin is not on this disk, no release has a matching file;"
        " rembg-skin download u2netp_skin fetches it)"
    )


def test_offline_it_is_the_network_of_the_package_and_both_reasons_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REMBG_SKIN_MIRROR")
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    assert taken() == "tiny_skin"
    (line,) = world.said()
    assert line.startswith("skin: using tiny_skin (u2netp_skin is not on this disk, ")
    assert ", pan_skin is not on this disk, " in line
    assert line.count("REMBG_SKIN_OFFLINE") >= 2
    assert not list(world.home.glob("**/*.onnx"))


def test_offline_what_is_on_disk_is_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.offer_pan()
    new_session("pan_skin")
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    monkeypatch.delenv("REMBG_SKIN_MIRROR")
    assert taken() == "pan_skin"


def test_a_failure_that_passes_is_tried_again_with_the_next_session(world: World) -> None:
    first = world.offer_u2netp()
    world.offer_pan()
    world.github.faults[first].extend([Answer(503)] * QUICK.tries)
    assert taken() == "pan_skin"
    assert "out of order (HTTP 503)" in world.said()[0]
    assert taken() == "u2netp_skin"
    assert world.said() == ["skin: using u2netp_skin"]


def test_a_network_that_is_not_the_catalogues_is_left_with_its_reason(world: World) -> None:
    world.offer_u2netp(red_network(512, channels=5).SerializeToString())
    world.offer_pan()
    assert taken() == "pan_skin"
    assert "another network" in world.said()[0]


def test_what_was_tried_in_vain_is_not_tried_again_for_an_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.offer_pan()
    assert taken() == "pan_skin"
    asked = len(world.github.seen)
    world.offer_u2netp()
    assert taken() == "pan_skin"  # by this process
    monkeypatch.setattr(failures, "_failures", {})
    assert taken() == "pan_skin"  # by another one, which reads the stamp
    assert len(world.github.seen) == asked
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + failures.KEPT + 1)
    assert taken() == "u2netp_skin"
    assert not list(world.home.rglob("*.tried.json"))


def test_extras_of_a_client_make_no_second_question(world: World) -> None:
    world.offer_pan()
    for threshold in range(20):
        new_session("skin", threshold=threshold)
    assert len(world.github.bodies(f"/repos/{REPO}/releases")) == 1
    assert len(world.said()) == 1


def test_other_settings_are_tried_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.offer_pan()
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", "http://127.0.0.1:9")
    assert taken() == "pan_skin"
    assert "127.0.0.1 cannot be reached;" in world.said()[0]
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", world.github.url)
    world.offer_u2netp()
    assert taken() == "u2netp_skin"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 30_000, '{"when": 1}', '{"reason": "x", "when": "9999-12-31T00:00:00Z"}']
)
def test_a_stamp_that_means_nothing_is_harmless(world: World, text: str) -> None:
    world.offer_u2netp()
    stamp = world.home / "models" / "u2netp_skin" / "u2netp_skin.onnx.tried.json"
    stamp.parent.mkdir(parents=True)
    stamp.write_text(text)
    assert taken() == "u2netp_skin"


def test_a_forged_stamp_moves_no_cursor_and_makes_no_line_of_its_own(world: World) -> None:
    world.offer_pan()
    stamp = world.home / "models" / "u2netp_skin" / "u2netp_skin.onnx.tried.json"
    stamp.parent.mkdir(parents=True)
    forged = {"reason": "\x1b[2J\nrembg-skin: all is well" * 99, "settings": Settings.read().fingerprint, "patience": 1}
    stamp.write_text(json.dumps({**forged, "when": datetime.now(UTC).isoformat()}))
    assert taken() == "pan_skin"
    (line,) = world.said()
    assert "\x1b" not in line
    assert len(line) < 600


def test_a_silent_network_is_waited_for_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SOON", SOON)
    monkeypatch.delenv(AUTO)
    with listening() as silent:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", silent)
        times = []
        for threshold in (100, 101):
            start = time.monotonic()
            new_session("skin", threshold=threshold)
            times.append(time.monotonic() - start)
        assert "127.0.0.1 does not answer;" in world.said()[0]
    assert 1.0 < times[0] - times[1] < 1.7 + 2.0  # on a busy machine


def test_a_server_logs_what_serves_it_and_no_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn")
    log = logging.getLogger("uvicorn")
    log.addHandler(caplog.handler)
    try:
        world.offer_pan()
        for threshold in (1, 2):
            new_session("skin", threshold=threshold)
            new_session("hsv_skin", s_min=threshold)
    finally:
        log.removeHandler(caplog.handler)
    told = {(record.levelname, record.getMessage()) for record in caplog.records}
    assert sorted((level, line.partition(" ")[0]) for level, line in told) == [
        ("INFO", "hsv_skin:"),
        ("INFO", "pan_skin:"),
        ("WARNING", "skin:"),
    ]
    assert world.said() == []


def test_without_a_stderr_nothing_is_said_and_all_works(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.offer_pan()
    monkeypatch.setattr(sys, "stderr", None)
    assert taken() == "pan_skin"
    assert world.capture.readouterr().out == ""


def test_the_same_choice_is_told_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    for extra in range(5):
        new_session("skin", threshold=extra)
    assert len(world.said()) == 1
    monkeypatch.setenv(AUTO, "hsv_skin")
    assert taken() == "hsv_skin"
    assert world.said() == ["skin: using hsv_skin"]


def test_many_threads_at_once_make_one_download_and_one_line(world: World) -> None:
    first = world.offer_u2netp()
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: taken(), range(16)))
    assert set(names) == {"u2netp_skin"}
    assert len(world.github.bodies(first)) == 1
    assert len(world.said()) == 1


def test_the_environment_sets_another_chain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AUTO, " dlmv_skin, hsv_skin ,")
    assert taken() == "hsv_skin"
    (line,) = world.said()
    assert line.startswith("skin: using hsv_skin (dlmv_skin is not on this disk, ")
    assert "u2netp" not in line


@pytest.mark.parametrize(("name", "meant"), [("dlvm_skin", "dlmv_skin"), ("skin", "pan_skin"), ("u2net", "u2net")])
def test_a_name_that_is_no_skin_model_is_an_error_that_helps(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(AUTO, f"hsv_skin,{name}")
    with pytest.raises(SkinError, match=rf'REMBG_SKIN_AUTO names "{name}".*did you mean .*{meant}'):
        new_session("skin")


def test_if_nothing_is_available_the_error_names_every_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AUTO, "u2netp_skin,dlmv_skin")
    reasons = r"no model of the chain is available. u2netp_skin is not .*; dlmv_skin is not "
    with pytest.raises(ModelError, match=reasons):
        new_session("skin")
    assert world.said() == []


def test_extras_and_pictures_go_to_the_chosen_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AUTO, "ycbcr_skin")
    image = Image.new("RGB", (40, 30), SKIN)
    assert new_session("skin").predict(image)[0].getextrema() == (255, 255)
    assert new_session("skin", cr_min=170).predict(image)[0].getextrema() == (0, 0)
    assert new_session("skin").predict(image, cr_min=170)[0].getextrema() == (0, 0)


def test_a_bad_extra_is_an_error_and_no_reason_for_another_model(world: World) -> None:
    world.offer_u2netp()
    with pytest.raises(OptionError, match="u2netp_skin: threshold"):
        new_session("skin", threshold=-1)
    assert world.said() == []


def test_what_this_machine_cannot_run_is_not_downloaded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setenv(AUTO, "mediapipe_skin,hsv_skin")
    assert taken() == "hsv_skin"
    assert 'pip install "rembg-skin[mediapipe]"' in world.said()[0]
    assert world.github.seen == []


def test_a_download_is_that_of_the_model_it_would_take(world: World) -> None:
    world.offer_pan()
    path = AutoSession.download_models()
    assert path is not None
    assert Path(path).name == "pan_skin.onnx"
    assert world.said()[0].startswith("skin: using pan_skin (u2netp_skin is not on this disk, ")


def test_a_download_that_brings_nothing_says_what_will_be_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = AutoSession.download_models()
    assert path is not None
    assert Path(path).name == "tiny_skin.onnx"
    (line,) = world.said()
    assert line.startswith("skin: using tiny_skin (u2netp_skin is not on this disk, ")
    assert line.endswith("; rembg-skin download u2netp_skin pan_skin fetches them)")
    monkeypatch.setenv(AUTO, "hsv_skin,pan_skin")
    assert AutoSession.download_models() is None
    assert world.said() == ["skin: using hsv_skin"]


def test_rembg_i_says_one_line_and_makes_the_mask(tmp_path: Path) -> None:
    photo = Path(__file__).resolve().parents[2] / "docs" / "portrait.jpg"
    environment = {**os.environ, "REMBG_SKIN_OFFLINE": "1", "U2NET_HOME": str(tmp_path / "home")}
    environment.pop("REMBG_SKIN_MIRROR", None)
    command = [str(Path(sys.executable).with_name("rembg")), "i", "-m", "skin", str(photo), "skin.png"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("skin: using tiny_skin (u2netp_skin is not on this disk, ")
    alpha = np.asarray(Image.open(tmp_path / "skin.png"))[..., 3]
    assert (alpha[100:150, 200:250] > 127).all()  # the face
    assert (alpha[20:200, 330:370] < 127).all()  # the wall behind her
