"""The neural sessions through rembg's own `new_session` and `remove`, on tiny networks with known answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image
from rembg import new_session, remove

from rembg_skin.catalog import MODELS
from rembg_skin.errors import ModelError, OptionError
from rembg_skin.machine import Memory
from rembg_skin.sessions.neural import NEURAL_SESSIONS
from tests.support.networks import place, red_network

GB = 10**9

# dlmv_skin stands for all: 256 pixels, one channel, stretched input, stretch "auto".


@pytest.fixture(scope="module")
def session(furnished: Path) -> Any:  # noqa: ARG001
    return new_session("dlmv_skin")


@pytest.fixture
def have(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Return a function that makes the machine one with so many GB of memory, and so many of them free."""
    return lambda total, free: monkeypatch.setattr(
        "rembg_skin.sessions.neural.memory", lambda: Memory(total * GB, free * GB)
    )


def halves(left: int = 255, right: int = 0, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Return an image whose red is `left` in its left half and `right` in its right half."""
    image = Image.new("RGB", size, (right, 0, 0))
    image.paste((left, 0, 0), (0, 0, size[0] // 2, size[1]))
    return image


def values(session: Any, image: Image.Image, **extras: Any) -> tuple[int, int]:
    """Return the mask's values in the middle of the left and of the right half."""
    mask = remove(image, session=session, only_mask=True, **extras)
    assert (mask.mode, mask.size) == ("L", image.size)
    y = image.height // 2
    return mask.getpixel((image.width // 4, y)), mask.getpixel((image.width * 3 // 4, y))


@pytest.mark.parametrize("name", [cls.name() for cls in NEURAL_SESSIONS if cls.model.sources])
def test_every_network_of_the_catalog_has_its_session(name: str, home: Path, have: Callable[[int, int], None]) -> None:
    have(1000, 1000)
    network = MODELS[name].network
    assert network
    mean, std = network.mean[0], network.std[0]
    side = 96 if network.own_size else network.size
    place(home, name, red_network(side, channels=network.channels, gain=std, offset=mean))
    assert values(new_session(name), halves()) == pytest.approx((255, 0), abs=1)


@pytest.mark.parametrize(
    ("reds", "stretch", "expected", "within"),
    [
        ((255, 0), "auto", (255, 0), 0),
        ((25, 0), "auto", (25, 0), 1),  # without skin the mask stays almost empty
        ((25, 0), "always", (255, 0), 4),  # LANCZOS overshoots
        ((150, 50), "auto", (255, 0), 4),
        ((150, 50), "never", (150, 50), 1),
        *(((red, red), stretch, (red, red), 1) for red in (0, 200, 255) for stretch in ("auto", "always", "never")),
    ],
)
def test_the_mask_is_the_networks_stretched_if_there_is_skin(
    session: Any, reds: tuple[int, int], stretch: str, expected: tuple[int, int], within: int
) -> None:
    assert values(session, halves(*reds), stretch=stretch) == pytest.approx(expected, abs=within)
    if reds[0] == reds[1]:
        low, high = remove(halves(*reds), session=session, only_mask=True, stretch=stretch).getextrema()
        assert low == high


@pytest.mark.parametrize(("threshold", "expected"), [(30, (255, 255)), (100, (255, 0)), (200, (0, 0))])
def test_a_threshold_makes_it_binary(session: Any, threshold: int, expected: tuple[int, int]) -> None:
    extras = {"stretch": "never", "threshold": threshold}
    assert values(session, halves(150, 50), **extras) == expected
    mask = remove(halves(150, 50), session=session, only_mask=True, **extras)
    assert np.unique(np.asarray(mask)).tolist() == sorted({*expected})


def test_the_clean_up_can_be_left_out(session: Any) -> None:
    smooth, raw = (np.asarray(session.predict(halves(), smooth=smooth)[0]) for smooth in (True, False))
    assert np.count_nonzero(smooth % 255) > np.count_nonzero(raw % 255)


def test_a_letterbox_is_cut_off_again(home: Path, have: Callable[[int, int], None]) -> None:
    have(1000, 1000)
    place(home, "birefnet_skin", red_network(96))  # any fixed side: it is the graph's
    (mask,) = new_session("birefnet_skin").predict(Image.new("RGB", (300, 100), (255, 0, 0)))
    assert mask.getextrema() == (255, 255)


@pytest.mark.parametrize(
    ("extra", "value"),
    [
        ("stretch", "sometimes"),
        ("smooth", 1),
        ("threshold", "127"),
        *(("size", size) for size in (63, 1025, 10**9, 320.5)),
        ("providers", ["/usr/lib/evil.so"]),
        ("providers", [["CPUExecutionProvider", {"path": "/etc/passwd"}]]),
    ],
)
def test_a_bad_extra_is_an_error_that_names_it(home: Path, extra: str, value: Any) -> None:
    place(home, "dlmv_skin", red_network("side"))
    with pytest.raises(OptionError, match=rf"dlmv_skin: {extra}=.* is not possible; {extra} takes "):
        new_session("dlmv_skin", **{extra: value})


def test_size_is_the_networks_where_the_graph_is_open_and_an_error_where_it_is_fixed(session: Any, home: Path) -> None:
    with pytest.raises(OptionError, match="size=128 is not possible; size takes nothing but 256"):
        session.predict(halves(), size=128)
    assert values(session, halves(), size=256) == (255, 0)
    place(home, "dlmv_skin", red_network(256))
    with pytest.raises(OptionError, match="size=128"):
        new_session("dlmv_skin", size=128)
    place(home, "dlmv_skin", red_network("height", width="width"))
    for extras in ({}, {"size": 64}):
        assert values(new_session("dlmv_skin", **extras), halves()) == (255, 0)


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        (red_network(128), r"\[1, 3, 128, 128\]"),
        (red_network(256, width=128), r"\[1, 3, 256, 128\]"),
        (red_network(256, inputs=4), r"\[1, 4, 256, 256\]"),
        (red_network(256, channels=3), r"\[1, 3, 256, 256\]"),
        (red_network(256, outputs=3), "and tensor"),
        (red_network(256, batch=2), r"\[2, 3, 256, 256\]"),
        (red_network(256, kind=10), r"tensor\(float16\)"),
        (b"no graph", "ONNX Runtime cannot load"),
    ],
    ids=["size", "width", "inputs", "channels", "outputs", "batch", "type", "none"],
)
def test_another_graph_is_refused_on_load_naming_both(home: Path, graph: Any, found: str) -> None:
    path = place(home, "dlmv_skin", graph)
    with pytest.raises(ModelError, match=found) as caught:
        new_session("dlmv_skin")
    assert str(caught.value).startswith("dlmv_skin: ")
    assert "[1, 1, 256, 256]" in str(caught.value) or graph == b"no graph"
    assert str(path) in str(caught.value)


def test_a_channel_that_does_not_exist_is_refused(home: Path) -> None:
    place(home, "pan_skin", red_network(512, channels=1))
    with pytest.raises(ModelError, match=r"returns tensor\(float\) \[1, 1, 512, 512\].*\[1, 3, 512, 512\]"):
        new_session("pan_skin")


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), float("-inf"), 3.0, -1.0])
def test_an_output_that_is_no_mask_is_an_error(home: Path, offset: float) -> None:
    place(home, "dlmv_skin", red_network(256, offset=offset))
    with pytest.raises(ModelError, match=r"dlmv_skin: the network returned values from .* is not a mask"):
        new_session("dlmv_skin").predict(halves())


def test_birefnet_is_told_of_memory_that_is_too_small_or_taken(home: Path, have: Callable[[int, int], None]) -> None:
    have(16, 8)
    with pytest.raises(ModelError, match=r"birefnet_skin needs about 40 GB .* has 16\.0 GB.*u2net_skin"):
        new_session("birefnet_skin")
    assert not list(home.rglob("*.onnx*"))  # nothing was fetched in vain
    place(home, "birefnet_skin", red_network(96))
    have(64, 8)
    with pytest.warns(RuntimeWarning, match=r"birefnet_skin needs about 40 GB .*8\.0 GB are free now"):
        new_session("birefnet_skin")


@pytest.mark.usefixtures("furnished")
def test_threads_are_those_of_rembgs_variable_or_of_the_users_options(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    given = new_session("dlmv_skin", sess_opts=options)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for session in (given, new_session("dlmv_skin")):
        assert session.inner_session.get_session_options().intra_op_num_threads == session.threads == 1
    assert new_session("dlmv_skin").inner_session.get_session_options().inter_op_num_threads == 1
