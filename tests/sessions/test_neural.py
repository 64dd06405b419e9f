"""The neural sessions through rembg's own `new_session` and `remove`, on tiny networks with known answers."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rembg import new_session, remove

from rembg_skin import machine
from rembg_skin.catalog import MODELS
from rembg_skin.errors import ModelError, OptionError
from rembg_skin.sessions.neural import NEURAL_SESSIONS
from tests.support.networks import place, red_network
from tests.support.photos import MODES, of_mode

pytestmark = pytest.mark.filterwarnings("ignore:.*unchecked", "ignore:.*MODEL_CHECKSUM_DISABLED")
Session = Callable[..., Any]

# dlmv_skin stands for all: 256 pixels, one channel, stretched input, stretch "auto".
RED = red_network(256)


@pytest.fixture
def session(home: Path) -> Any:
    place(home, "dlmv_skin", RED)
    return new_session("dlmv_skin")


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


def test_the_mask_is_the_networks_at_the_images_size(session: Any) -> None:
    assert values(session, halves()) == (255, 0)


@pytest.mark.parametrize("name", [cls.name() for cls in NEURAL_SESSIONS if cls.model.sources])
def test_every_network_of_the_catalog_has_its_session(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_meminfo", lambda _: machine.Memory(10**12, 10**12))
    monkeypatch.setattr(machine, "_groups", lambda *_: [])
    network = MODELS[name].network
    assert network
    mean, std = network.mean[0], network.std[0]
    place(home, name, red_network(network.size, channels=network.channels, gain=std, offset=mean))
    assert values(new_session(name), halves()) == pytest.approx((255, 0), abs=1)


def test_a_photo_without_skin_has_an_almost_empty_mask(session: Any) -> None:
    assert values(session, halves(25, 0)) == pytest.approx((25, 0), abs=1)
    assert values(session, halves(25, 0), stretch="always") == pytest.approx((255, 0), abs=4)


def test_with_some_skin_the_mask_is_stretched(session: Any) -> None:
    assert values(session, halves(150, 50)) == pytest.approx((255, 0), abs=4)  # LANCZOS overshoots
    assert values(session, halves(150, 50), stretch="never") == pytest.approx((150, 50), abs=1)


@pytest.mark.parametrize("stretch", ["auto", "always", "never"])
@pytest.mark.parametrize("red", [0, 200, 255])
def test_a_constant_output_is_a_constant_mask(session: Any, red: int, stretch: str) -> None:
    low, high = remove(halves(red, red), session=session, only_mask=True, stretch=stretch).getextrema()
    assert low == high == pytest.approx(red, abs=1)


def test_a_threshold_makes_it_binary(session: Any) -> None:
    mask = remove(halves(150, 50), session=session, only_mask=True, stretch="never", threshold=100)
    assert np.unique(np.asarray(mask)).tolist() == [0, 255]
    assert values(session, halves(150, 50), stretch="never", threshold=30) == (255, 255)
    assert values(session, halves(150, 50), stretch="never", threshold=200) == (0, 0)


def test_the_clean_up_can_be_left_out(session: Any) -> None:
    smooth, raw = (
        np.asarray(remove(halves(), session=session, only_mask=True, smooth=smooth)) for smooth in (True, False)
    )
    assert np.count_nonzero(smooth % 255) > np.count_nonzero(raw % 255)


def test_extras_of_predict_win_over_those_of_the_session(home: Path) -> None:
    place(home, "dlmv_skin", RED)
    session = new_session("dlmv_skin", stretch="always")
    assert values(session, halves(25, 0)) == pytest.approx((255, 0), abs=4)
    assert values(session, halves(25, 0), stretch="never") == pytest.approx((25, 0), abs=1)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(mode=st.sampled_from(MODES), size=st.tuples(st.integers(1, 90), st.integers(1, 90)))
def test_every_mode_and_size_has_a_mask(session: Any, mode: str, size: tuple[int, int]) -> None:
    (mask,) = session.predict(of_mode(mode, size))
    assert (mask.mode, mask.size) == ("L", size)


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (2, 3000)])
def test_an_image_may_be_all_length(session: Any, size: tuple[int, int]) -> None:
    assert session.predict(Image.new("RGB", size, (255, 0, 0)))[0].getextrema() == (255, 255)


def test_transparent_pixels_are_never_skin(session: Any) -> None:
    image = Image.new("RGBA", (40, 30), (255, 0, 0, 255))
    image.paste((255, 0, 0, 0), (0, 0, 20, 30))
    (mask,) = session.predict(image)
    assert np.asarray(mask)[:, :20].max() == 0
    assert np.asarray(mask)[:, 20:].min() == 255


def test_a_letterbox_is_cut_off_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_meminfo", lambda _: machine.Memory(10**12, 10**12))
    monkeypatch.setattr(machine, "_groups", lambda *_: [])
    place(home, "birefnet_skin", red_network(96))  # any fixed side: it is the graph's
    image = Image.new("RGB", (300, 100), (255, 0, 0))
    (mask,) = new_session("birefnet_skin").predict(image)
    assert mask.getextrema() == (255, 255)


@pytest.mark.parametrize(
    ("extra", "value"),
    [
        ("stretch", "sometimes"),
        ("smooth", 1),
        ("threshold", 256),
        ("threshold", "127"),
        ("size", 63),
        ("size", 1025),
        ("size", 10**9),
        ("size", 320.5),
        ("providers", ["/usr/lib/evil.so"]),
        ("providers", [["CPUExecutionProvider", {"path": "/etc/passwd"}]]),
        ("providers", [{"CPUExecutionProvider": {}}]),
        ("providers", {"CPUExecutionProvider": 1}),
        ("providers", [1]),
    ],
)
def test_a_bad_extra_is_an_error_that_names_it(home: Path, extra: str, value: Any) -> None:
    place(home, "dlmv_skin", red_network("side"))
    with pytest.raises(OptionError, match=rf"dlmv_skin: {extra}=.* is not possible; {extra} takes "):
        new_session("dlmv_skin", **{extra: value})


def test_size_is_the_networks_where_the_graph_is_open(home: Path) -> None:
    place(home, "dlmv_skin", red_network("height", width="width"))
    assert values(new_session("dlmv_skin"), halves()) == (255, 0)
    assert values(new_session("dlmv_skin", size=64), halves()) == (255, 0)


def test_size_is_an_error_where_the_graph_is_fixed(session: Any) -> None:
    with pytest.raises(OptionError, match="size=128 is not possible; size takes nothing but 256"):
        new_session("dlmv_skin", size=128)
    with pytest.raises(OptionError, match="size=128"):
        session.predict(halves(), size=128)
    assert values(session, halves(), size=256) == (255, 0)


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
    ],
    ids=["size", "width", "inputs", "channels", "outputs", "batch", "type"],
)
def test_another_graph_is_refused_on_load_naming_both(home: Path, graph: Any, found: str) -> None:
    path = place(home, "dlmv_skin", graph)
    with pytest.raises(ModelError, match=found) as caught:
        new_session("dlmv_skin")
    assert "[1, 1, 256, 256]" in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_channel_that_does_not_exist_is_refused(home: Path) -> None:
    place(home, "pan_skin", red_network(512, channels=1))
    with pytest.raises(ModelError, match=r"returns tensor\(float\) \[1, 1, 512, 512\].*\[1, 3, 512, 512\]"):
        new_session("pan_skin")


def test_a_file_that_is_no_graph_is_refused(home: Path) -> None:
    place(home, "dlmv_skin", b"no graph")
    with pytest.raises(ModelError, match=r"dlmv_skin: ONNX Runtime cannot load .*dlmv_skin\.onnx"):
        new_session("dlmv_skin")


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), float("-inf"), 3.0, -1.0])
def test_an_output_that_is_no_mask_is_an_error(home: Path, offset: float) -> None:
    place(home, "dlmv_skin", red_network(256, offset=offset))
    with pytest.raises(ModelError, match=r"dlmv_skin: the network returned values from .* is not a mask"):
        new_session("dlmv_skin").predict(halves())


def test_one_session_serves_many_threads(session: Any) -> None:
    reds = [int(red) for red in np.linspace(130, 255, 24)]
    images = [Image.new("RGB", (70, 50), (red, 0, 0)) for red in reds]
    with ThreadPoolExecutor(8) as pool:
        masks = list(pool.map(lambda image: session.predict(image)[0], images))
    for red, mask in zip(reds, masks, strict=True):
        assert mask.getextrema() == pytest.approx((red, red), abs=1)


def test_birefnet_says_that_memory_is_too_small_before_it_fetches_anything(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_meminfo", lambda _: machine.Memory(16 * 10**9, 8 * 10**9))
    monkeypatch.setattr(machine, "_groups", lambda *_: [])
    with pytest.raises(ModelError, match=r"birefnet_skin needs about 40 GB .* has 16\.0 GB.*u2net_skin"):
        new_session("birefnet_skin")
    assert not list(home.rglob("*.onnx*"))


def test_birefnet_warns_when_memory_is_only_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(home, "birefnet_skin", red_network(1728))
    monkeypatch.setattr(machine, "_meminfo", lambda _: machine.Memory(64 * 10**9, 8 * 10**9))
    monkeypatch.setattr(machine, "_groups", lambda *_: [])
    with pytest.warns(RuntimeWarning, match=r"birefnet_skin needs about 40 GB .*8\.0 GB are free now"):
        new_session("birefnet_skin")


def test_rembgs_thread_setting_is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
    place(home, "dlmv_skin", RED)
    session = new_session("dlmv_skin")
    options = session.inner_session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert session.threads == 1


def test_the_users_session_options_are_used_and_left_as_they_are(home: Path) -> None:
    place(home, "dlmv_skin", RED)
    given_options = ort.SessionOptions()
    given_options.intra_op_num_threads = 1
    given_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    used = new_session("dlmv_skin", sess_opts=given_options).inner_session.get_session_options()
    assert given_options.enable_mem_pattern
    assert not used.enable_mem_pattern
    assert used.intra_op_num_threads == 1
    assert used.get_session_config_entry("session.intra_op.allow_spinning") == "0"
