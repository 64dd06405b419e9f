"""pan_skin with its real weights, from a mirror to the mask: what its photographs, the command and the server show."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rembg import new_session, remove
from skimage.data import astronaut

from rembg_skin.catalog import MODELS, FileSource
from tests.support.photos import SHARED
from tests.support.rembg import rembg

PAN = SHARED / "weights" / "pan_skin.onnx"
FASSEG = SHARED / "data" / "fasseg_frontal"

pytestmark = pytest.mark.skipif(not PAN.exists(), reason="../shared/weights/pan_skin.onnx is not here")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder that holds the weights as a mirror does."""
    (source,) = MODELS["pan_skin"].sources
    assert isinstance(source, FileSource)
    path = tmp_path / "mirror" / source.mirror
    path.parent.mkdir(parents=True)
    shutil.copy(PAN, path)
    return tmp_path / "mirror"


@pytest.mark.slow
@pytest.mark.skipif(not FASSEG.exists(), reason="../shared/data/fasseg_frontal is not here")
def test_its_mean_iou_on_frontal_faces_is_at_least_89_percent(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REMBG_SKIN_MIRROR", str(mirror))
    session, ious = new_session("pan_skin"), []
    for path in sorted((FASSEG / "images").iterdir()):
        mask = np.asarray(remove(Image.open(path), session=session, only_mask=True)) > 127
        truth = np.asarray(Image.open(FASSEG / "masks" / f"{path.stem}.png").convert("L")) > 127
        ious.append((mask & truth).sum() / (mask | truth).sum())
    assert len(ious) == 70
    assert np.mean(ious) >= 0.89


def test_the_command_fetches_checks_and_uses_it(mirror: Path, tmp_path: Path) -> None:
    Image.fromarray(astronaut()).save(tmp_path / "photo.jpg", quality=95)
    done = rembg(tmp_path, "i", "-m", "pan_skin", "-om", "photo.jpg", "mask.png", REMBG_SKIN_MIRROR=str(mirror))
    assert done.exit_code == 0, done.output
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    assert mask.shape == (512, 512)
    assert mask[110:150, 210:240].min() > 200  # a cheek
    assert mask[430:500, 300:400].max() < 20  # the suit
    assert mask[100:300, 30:100].max() < 20  # the flag


def test_a_file_that_is_not_the_models_is_an_error_of_the_command(mirror: Path, tmp_path: Path) -> None:
    (file,) = mirror.rglob("*.onnx")
    file.write_bytes(b"another file")
    Image.fromarray(astronaut()).save(tmp_path / "photo.jpg")
    done = rembg(tmp_path, "i", "-m", "pan_skin", "photo.jpg", "out.png", REMBG_SKIN_MIRROR=str(mirror))
    assert done.exit_code == 1
    assert "pan_skin" in done.stderr
    assert "Traceback" not in done.stderr
