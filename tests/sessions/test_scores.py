"""Floors below the figures of the cards, and the pan_skin of users: its real weights from a mirror to the mask.

tiny_skin was trained on these photographs: its floors catch a broken file, and prove no accuracy.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rembg import new_session, remove

from rembg_skin.catalog import MODELS, FileSource
from rembg_skin.measure.metrics import Confusion
from tests.support.networks import place
from tests.support.photos import PAN, SHARED, YUNET
from tests.support.rembg import rembg

FLOORS = [
    ("tiny_skin", "fasseg_frontal", {}, 0.895),
    ("tiny_skin", "hands_and_necks", {}, 0.80),
    ("tiny_skin", "mixed_web", {}, 0.76),
    ("tiny_skin", "fasseg_frontal", {"parts": "skin"}, 0.93),  # its masks leave eyes, brows and mouth out
    ("pan_skin", "fasseg_frontal", {}, 0.89),
    ("face_skin", "fasseg_frontal", {}, 0.778),  # the public script's
]
PHOTOS = {"fasseg_frontal": 70, "hands_and_necks": 7, "mixed_web": 49}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source", "extras", "floor"), FLOORS)
def test_the_mean_iou_is_at_least(name: str, source: str, extras: dict[str, str], floor: float, home: Path) -> None:
    folder, files = SHARED / "data" / source, {"pan_skin": PAN, "face_skin": YUNET}
    if not folder.exists() or not files.get(name, PAN).exists():
        pytest.skip(f"{folder} or the weights of {name} are not here")
    if file := files.get(name):
        place(home, "yunet" if name == "face_skin" else name, file.read_bytes())
    session, scores = new_session(name, **extras), []
    for photo in sorted((folder / "images").iterdir()):
        found = np.asarray(remove(Image.open(photo), session=session, only_mask=True))
        truth = np.asarray(Image.open(folder / "masks" / f"{photo.stem}.png").convert("L"))
        scores.append(Confusion.of(found, truth).iou)  # 1 if both are empty
    assert len(scores) == PHOTOS[source]
    assert np.mean(scores) >= floor


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder that holds the weights of pan_skin as a mirror does."""
    if not PAN.exists():
        pytest.skip("../shared/weights/pan_skin.onnx is not here")
    (source,) = MODELS["pan_skin"].sources
    assert isinstance(source, FileSource)
    path = tmp_path / "mirror" / source.mirror
    path.parent.mkdir(parents=True)
    shutil.copy(PAN, path)
    return tmp_path / "mirror"


def test_the_command_fetches_checks_and_uses_pan_skin(mirror: Path, tmp_path: Path, astronaut: Image.Image) -> None:
    astronaut.save(tmp_path / "photo.jpg", quality=95)
    command = ("i", "-m", "pan_skin", "-om", "photo.jpg", "mask.png")
    rembg(tmp_path, *command, REMBG_SKIN_MIRROR=str(mirror))
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    assert mask.shape == (512, 512)
    assert mask[110:150, 210:240].min() > 200  # a cheek
    assert mask[430:500, 300:400].max() < 20  # the suit
    assert mask[100:300, 30:100].max() < 20  # the flag
    shutil.rmtree(tmp_path / "home")
    (file,) = mirror.rglob("*.onnx")
    file.write_bytes(b"another file")
    done = rembg(tmp_path, *command, status=1, REMBG_SKIN_MIRROR=str(mirror))
    assert "pan_skin" in done.stderr
    assert "Traceback" not in done.stderr
