"""Files for a session of every kind."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import tflite
from tests.support.networks import place, red_network
from tests.support.photos import YUNET


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let rembg use a folder with tiny networks and the real face detector, unchecked; give the folder."""
    home = tmp_path_factory.mktemp("furnished")
    place(home, "dlmv_skin", red_network(256))
    place(home, "u2netp_skin", red_network(512))
    place(home, "refiner", red_network(512, inputs=4, source=2, batch="batch"))
    if YUNET.exists():
        place(home, "yunet", YUNET.read_bytes())
    if find_spec("ai_edge_litert"):
        place(home, "mediapipe_skin", tflite.pointwise(256), suffix=".tflite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("U2NET_HOME", str(home))
        patch.setenv("MODEL_CHECKSUM_DISABLED", "1")
        yield home
