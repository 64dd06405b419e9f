"""`docs/runtimes.md`: the network in OpenCV and in Node gives the session's mask, by the lines that the page shows."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image
from rembg import new_session

from rembg_skin.cli import main
from tests.support.pages import ROOT, blocks

CODE = dict(blocks(ROOT / "docs" / "runtimes.md"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a photo and both files that the page's commands write."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "docs" / "portrait.jpg", "photo.jpg")
    for command in CODE["sh"].splitlines():
        assert main(command.split()[1:]) == 0
    return tmp_path


def check(folder: Path) -> None:
    photo, mask = Image.open(folder / "photo.jpg"), Image.open(folder / "mask.png")
    assert (mask.mode, mask.size) == ("L", photo.size)
    found, wanted = np.asarray(mask) > 127, np.asarray(new_session("tiny_skin").predict(photo)[0]) > 127
    assert np.count_nonzero(found & wanted) / np.count_nonzero(found | wanted) > 0.96


def test_opencv(folder: Path) -> None:
    pytest.importorskip("cv2")
    exec(CODE["python"], {})
    check(folder)


@pytest.mark.parametrize("name", ["tiny_skin.onnx", "tiny_skin_448.onnx"])
def test_opencv_gives_the_values_of_onnx_runtime(folder: Path, name: str) -> None:
    cv2 = pytest.importorskip("cv2")
    if cv2.__version__.startswith("4") and "448" not in name:
        pytest.skip("OpenCV 4 needs fixed sides")
    image = np.random.default_rng(1).random((1, 3, 448, 448), np.float32)
    (expected,) = ort.InferenceSession(folder / "tiny_skin.onnx").run(["mask"], {"image": image})
    network = cv2.dnn.readNetFromONNX(str(folder / name))
    network.setInput(image)
    assert np.abs(network.forward("mask") - expected).max() < 1e-3


def test_a_file_of_other_sides(tmp_path: Path) -> None:
    file = tmp_path / "wide.onnx"
    assert main(["export", "tiny_skin", str(file), "--side", "448x320"]) == 0
    (image,) = ort.InferenceSession(file).get_inputs()
    assert image.shape == [1, 3, 320, 448]


@pytest.mark.parametrize("side", ["449", "0", "448x", "x448", "-32", "99999", "448x321", "4096"])
def test_other_sides_are_refused_in_words(side: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "tiny_skin", str(tmp_path / "a.onnx"), f"--side={side}"])
    assert "is not a side" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
def test_node(folder: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no Node is installed")
    packages = ("onnxruntime-node", "sharp")
    modules = Path(subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=True).stdout.strip())
    if not all((modules / package).exists() for package in packages):
        pytest.skip("npm install --global --ignore-scripts onnxruntime-node sharp")
    (folder / "node_modules").symlink_to(modules)
    (folder / "mask.mjs").write_text(CODE["js"])
    subprocess.run([node, "mask.mjs"], cwd=folder, check=True)
    check(folder)


def test_the_card_s_value_to_check_a_port_by() -> None:
    data = ROOT / "rembg_skin" / "data"
    card = (data / "tiny_skin.md").read_text("utf-8")
    (stated,) = re.findall(r"`mask` with a mean of (\S+) and a `skin` with a mean of (\S+); (\S+) %", card)
    photo = Image.open(ROOT / "docs" / "portrait.jpg").convert("RGB").resize((448, 448), Image.Resampling.LANCZOS)
    image = (np.asarray(photo, np.float32) / 255).transpose(2, 0, 1)[None]
    mask, skin = ort.InferenceSession(data / "tiny_skin.onnx").run(["mask", "skin"], {"image": image})
    assert f"{mask.mean():.4f} {skin.mean():.4f} {100 * np.mean(mask > 0.5):.2f}".split() == list(stated)
