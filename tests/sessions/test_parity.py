"""The real architectures, random weights: the masks are those of the reference procedure."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session
from skimage.data import astronaut

from rembg_skin.catalog import MODELS, Network
from tests.support.graphs import Graph, build
from tests.support.networks import place
from tests.support.photos import SHARED
from tests.support.reference_neural import skin_mask

pytestmark = pytest.mark.filterwarnings("ignore:.*unchecked", "ignore:.*MODEL_CHECKSUM_DISABLED")
PAN = SHARED / "weights" / "pan_skin.onnx"


SIZES = [(4000, 3000), (512, 384), (900, 1600)]


def photograph(size: tuple[int, int]) -> Image.Image:
    """Return a public-domain photograph at `size`, with the noise of a camera."""
    photo = np.asarray(Image.fromarray(astronaut()).resize(size, Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).normal(0, 5, photo.shape)
    return Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))


def check(name: str, network: Network, sizes: Sequence[tuple[int, int]], **extras: object) -> None:
    """Compare the session's masks of photographs with those of the reference around the same network."""
    session = new_session(name)

    def run(tensor: NDArray[np.float32]) -> Any:
        inner = session.inner_session
        return inner.run(None, {inner.get_inputs()[0].name: tensor})[0]

    for size in sizes:
        image = photograph(size)
        expected = skin_mask(image, network, run)
        mask = np.asarray(session.predict(image, stretch="always", low=0, high=255, **extras)[0])
        assert np.abs(mask - expected.astype(int)).mean() <= 1
        assert ((mask > 127) == (expected > 127)).mean() >= 0.998


@pytest.mark.parametrize("name", ["u2netp_skin", "dlmv_skin", "pan_skin"])
def test_the_mask_is_the_references(name: str, home: Path) -> None:
    if name == "pan_skin" and not PAN.exists():
        pytest.skip("../shared/weights/pan_skin.onnx is not here")
    place(home, name, PAN.read_bytes() if name == "pan_skin" else build(name))
    network = MODELS[name].network
    assert network
    check(name, network, SIZES)


def test_u2net_at_a_smaller_side_makes_the_references_mask(home: Path) -> None:
    # At its own side a run takes six seconds; the steps around it at that side are the next test's.
    place(home, "u2net_skin", build("u2net_skin", size="side"))
    network = MODELS["u2net_skin"].network
    assert network
    check("u2net_skin", replace(network, size=320), SIZES[:1], size=320)


def test_the_steps_around_u2net_at_its_own_side_are_the_references(home: Path) -> None:
    network = MODELS["u2net_skin"].network
    assert network
    graph = Graph(network.size)
    place(home, "u2net_skin", graph.model(graph.node("Sigmoid", [graph.conv("image", 3, 1, gain=20.0)])))
    check("u2net_skin", network, SIZES[::2])
