"""The masks of networks that see the complete image in a square are those of the reference procedure."""

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
from tests.support.graphs import Graph, build
from tests.support.networks import place
from tests.support.photos import PAN
from tests.support.reference_neural import skin_mask

SIZES = [(4000, 3000), (512, 384), (900, 1600)]


def photograph(size: tuple[int, int]) -> Image.Image:
    """Return a public-domain photograph at `size`, with the noise of a camera."""
    photo = np.asarray(Image.fromarray(astronaut()).resize(size, Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).normal(0, 5, photo.shape)
    return Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))


def small_graph(size: int) -> onnx.ModelProto:
    """Return a graph of one convolution: the steps around a network are the same, and a run takes no six seconds."""
    graph = Graph(size)
    return graph.model(graph.node("Sigmoid", [graph.conv("image", 3, 1, gain=20.0)]))


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("u2net_skin", SIZES[::2]), ("u2netp_skin", SIZES[:2]), ("dlmv_skin", SIZES), ("pan_skin", SIZES)],
)
def test_the_mask_is_the_references(name: str, sizes: list[tuple[int, int]], home: Path) -> None:
    network = MODELS[name].network
    assert network
    if name == "pan_skin":
        place(home, name, PAN.read_bytes() if PAN.exists() else pytest.skip("its weights are not in ../shared"))
    else:
        place(home, name, small_graph(network.size) if name == "u2net_skin" else build(name))
    session = new_session(name)

    def run(tensor: NDArray[np.float32]) -> Any:
        inner = session.inner_session
        return inner.run(None, {inner.get_inputs()[0].name: tensor})[0]

    for size in sizes:
        image = photograph(size)
        expected = skin_mask(image, network, run)
        mask = np.asarray(session.predict(image, stretch="always", low=0, high=255)[0])
        assert np.abs(mask - expected.astype(int)).mean() <= 1
        assert ((mask > 127) == (expected > 127)).mean() >= 0.998
