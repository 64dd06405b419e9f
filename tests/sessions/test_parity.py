"""The real architectures, random weights: the masks are those of the reference procedure, and the parameters count."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session
from skimage.data import astronaut

from rembg_skin.catalog import MODELS
from tests.conftest import SHARED
from tests.support.graphs import PUBLISHED_PARAMETERS, build, parameters
from tests.support.networks import place
from tests.support.reference_neural import skin_mask

pytestmark = pytest.mark.filterwarnings("ignore:.*unchecked", "ignore:.*MODEL_CHECKSUM_DISABLED")
PAN = SHARED / "weights" / "pan_skin.onnx"


@pytest.fixture(scope="module")
def graphs() -> dict[str, onnx.ModelProto]:
    return {name: build(name) for name in PUBLISHED_PARAMETERS}


@pytest.mark.parametrize("name", PUBLISHED_PARAMETERS)
def test_the_graphs_have_the_published_number_of_parameters(name: str, graphs: dict[str, onnx.ModelProto]) -> None:
    assert parameters(graphs[name]) == PUBLISHED_PARAMETERS[name]


def photograph(size: tuple[int, int]) -> Image.Image:
    """Return a public-domain photograph at `size`, with the noise of a camera."""
    photo = np.asarray(Image.fromarray(astronaut()).resize(size, Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).normal(0, 5, photo.shape)
    return Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", [*PUBLISHED_PARAMETERS, "pan_skin"])
def test_the_mask_is_the_references(name: str, graphs: dict[str, onnx.ModelProto], home: Path) -> None:
    if name == "pan_skin" and not PAN.exists():
        pytest.skip("../shared/weights/pan_skin.onnx is not here")
    place(home, name, PAN.read_bytes() if name == "pan_skin" else graphs[name])
    network = MODELS[name].network
    assert network
    session = new_session(name)

    def run(tensor: NDArray[np.float32]) -> Any:
        inner = session.inner_session
        return inner.run(None, {inner.get_inputs()[0].name: tensor})[0]

    # U2-Net takes seconds a run: one photograph for it.
    for size in [(4000, 3000), (512, 384), (900, 1600)][: 1 if name == "u2net_skin" else 3]:
        image = photograph(size)
        expected = skin_mask(image, network, run)
        mask = np.asarray(session.predict(image, stretch="always")[0])
        assert np.abs(mask - expected.astype(int)).mean() <= 1
        assert ((mask > 127) == (expected > 127)).mean() >= 0.998
