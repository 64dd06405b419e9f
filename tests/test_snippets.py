"""The blocks of README and the pages do what they say: each runs, in order, in a folder with what it reads."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from rembg_skin.catalog import MODELS
from rembg_skin.cli import main
from tests.support.networks import place, red_network
from tests.support.pages import PAGES, ROOT, blocks, commands_in
from tests.support.rembg import rembg
from tests.support.videos import face, write_video

# What runs in other tests, or nowhere: installations.
SERVERS = {"curl", "docker", "rembg s", "rembg-skin tune"}
ELSEWHERE = SERVERS | {"pip", "pipx", "uv", "python3", "python", "rembg-skin verify"}


def runs_here(command: list[str]) -> bool:
    return not {command[0], " ".join(command[:2])} & ELSEWHERE


def cases() -> Iterator[object]:
    for page in PAGES:
        for number, (language, text) in enumerate(blocks(page)):
            marks = []
            if language == "sh":
                found = [command for command in commands_in(text) if runs_here(command)]
                if not found:
                    continue
                if any(command[0] == "ffmpeg" for command in found):
                    marks = [pytest.mark.e2e, pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")]
                elif "rembg-skin bench" in text or "rembg-skin masks" in text:  # they start processes
                    marks = [pytest.mark.slow]
            elif language != "python" or "import ray" in text or "cv2.dnn" in text:  # these run in tests of their own
                continue
            yield pytest.param(language, text, marks=marks, id=f"{page.stem}-{number}")


@pytest.fixture
def desk(tmp_path: Path, astronaut: Image.Image, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with the photos, films and weights that the pages name, and go there."""
    small = astronaut.resize((128, 128))  # some steps of rembg take a minute at 512, uncompiled
    for name in ("photo.jpg", "portrait.jpg", "portrait.tif", "a.jpg", "b.jpg", "photos/a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        small.save(tmp_path / name)
    (tmp_path / "masks").mkdir()
    small.convert("L").point(lambda level: 255 * (level > 127)).save(tmp_path / "masks" / "a.png")
    for name in ("in.mp4", "face.mp4"):
        write_video(tmp_path / name, [face((640, 480))] * 2, sound="aac")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    return tmp_path


@pytest.mark.filterwarnings("ignore:.*unchecked", "ignore:.*MODEL_CHECKSUM_DISABLED")
@pytest.mark.parametrize(("language", "text"), list(cases()))
def test_a_block_runs_as_it_stands(language: str, text: str, desk: Path, astronaut: Image.Image) -> None:
    for name in set(re.findall(r"\w+_skin", text)) & set(MODELS):  # a stand-in for weights that lie elsewhere
        if (network := MODELS[name].network) and name != "tiny_skin":
            place(desk / "home", name, red_network(network.size, channels=network.channels, gain=0.2, offset=0.5))
    if language == "python":
        exec(compile(text, "a block", "exec"), {"image": astronaut})
    elif "ffmpeg" in text:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        subprocess.run(["bash", "-euo", "pipefail", "-c", text], env={**os.environ, "PATH": path}, check=True)
    else:
        for program, *arguments in filter(runs_here, commands_in(text)):
            if arguments[0] == "masks":  # each line of a page begins with an empty folder
                shutil.rmtree(desk / "masks", ignore_errors=True)
            if program == "rembg-skin":
                assert main(arguments) == 0, shlex.join(arguments)
            else:
                assert program == "rembg"
                rembg(desk, *arguments)
