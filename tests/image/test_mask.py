"""From image to tensor and from a network's values to a mask, tile by tile, against NumPy, Pillow and OpenCV."""

import threading

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit, logit

from rembg_skin.image import tiles
from rembg_skin.image.mask import Blur, Stretch, agreed, cleaned, stretched, to_mask
from rembg_skin.image.tensor import automatic_sides, fitted_size, to_tensor
from tests.support.processes import python

BLUR = (9, 2.0)
LENGTH = st.integers(1, 20_000)
CHANCE = st.floats(0, 1, width=32)


def noise(*shape: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def reference(mask: NDArray[np.uint8], blur: Blur) -> NDArray[np.uint8]:
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return cv2.GaussianBlur(opened, (blur[0], blur[0]), blur[1])


def difference(mask: Image.Image, expected: Image.Image | NDArray[np.uint8]) -> NDArray[np.int_]:
    return np.abs(np.asarray(mask).astype(int) - np.asarray(expected))


@example(size=(700, 2500), seed=0, blur=BLUR)  # several tiles: no seams
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 99),
    blur=st.sampled_from([BLUR, (3, 2.0), (3, 1.0)]),
)
def test_the_clean_up_is_opencvs(size: tuple[int, int], seed: int, blur: Blur) -> None:
    mask = noise(*size, seed=seed)
    assert difference(cleaned(mask, mask.size, blur), reference(np.asarray(mask), blur)).max() <= 1


@pytest.mark.parametrize("size", [(2500, 700), (500, 300), (90, 2000), (40, 30)])
def test_an_enlarged_and_a_shrunk_mask_are_opencvs_within_a_gray_level(size: tuple[int, int]) -> None:
    mask = cv2.resize(np.asarray(noise(8, 8)), (64, 64), interpolation=cv2.INTER_CUBIC)
    expected = reference(cv2.resize(mask, size, interpolation=cv2.INTER_LANCZOS4), BLUR)
    assert difference(cleaned(Image.fromarray(mask), size, BLUR), expected).mean() <= 1


def test_how_a_mask_is_cut_into_tiles_changes_no_pixel_by_more_than_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    tiled = cleaned(noise(64, 64), (2500, 700), BLUR)
    monkeypatch.setattr(tiles, "_ROWS", 5000)
    assert difference(tiled, cleaned(noise(64, 64), (2500, 700), BLUR)).max() <= 1


def test_one_thread_and_two_make_the_same_mask_and_the_same_tensor() -> None:
    image = noise(700, 2500, 3)
    alone, together = (cleaned(noise(64, 64), image.size, BLUR, threads=threads) for threads in (1, 2))
    assert alone.tobytes() == together.tobytes()
    for gap in (None, 2.0):
        one, two = (to_tensor(image, 512, reducing_gap=gap, threads=threads) for threads in (1, 2))
        assert np.array_equal(one, two)


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_a_constant_mask_stays_what_it_is(value: int) -> None:
    assert cleaned(Image.new("L", (7, 9), value), (300, 200), BLUR).getextrema() == (value, value)


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("auto", [0.1, 0.5, 0.9], [0, 0.5, 1]),
        ("auto", [0.1, 0.2, 0.5], [0, 0.25, 1]),
        ("auto", [0.1, 0.2, 0.49], [0.1, 0.2, 0.49]),  # no skin: stays faint
        ("always", [0.1, 0.2, 0.3], [0, 0.5, 1]),
        ("never", [0.1, 0.2, 0.9], [0.1, 0.2, 0.9]),
        ("auto", [0.7, 0.7, 0.7], [0.7, 0.7, 0.7]),
        ("always", [0.7, 0.7, 0.7], [0.7, 0.7, 0.7]),
        ("always", [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_stretching(rule: Stretch, values: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(stretched(np.array([values], np.float32), rule), [expected], atol=1e-6)


def test_values_become_bytes_rounded_down() -> None:
    assert np.asarray(to_mask(np.array([[0, 0.5, 0.999, 1]], np.float32))).tolist() == [[0, 127, 254, 255]]


@given(size=st.tuples(st.integers(1, 5000), st.integers(1, 5000)))
def test_a_letterbox_keeps_the_aspect(size: tuple[int, int]) -> None:
    expected = max(1, round(min(size) * 1728 / max(size)))
    assert sorted(fitted_size(size, 1728, "letterbox")) == [expected, 1728]


def test_a_letterbox_is_at_the_top_left_with_zeros_around_it() -> None:
    tensor = to_tensor(Image.new("RGB", (200, 100), (255, 0, 51)), 64, "letterbox")
    assert tensor.shape == (1, 3, 64, 64)
    np.testing.assert_allclose(tensor[0, 0, :32], 1)
    np.testing.assert_allclose(tensor[0, 2, :32], 0.2, rtol=1e-6)
    assert not tensor[0, :, 32:].any()


def test_a_tensor_is_lanczos_and_the_normalization() -> None:
    image, mean, std = noise(90, 70, 3), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    small = np.asarray(image.resize((32, 32), Image.Resampling.LANCZOS), np.float64) / 255
    tensor = to_tensor(image, 32, mean=mean, std=std)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    np.testing.assert_allclose(tensor, ((small - mean) / std).transpose(2, 0, 1)[None], atol=1e-5)


@pytest.mark.parametrize("gap", [None, 1.4, 2.0])
@pytest.mark.parametrize("size", [(1600, 900), (700, 1500), (2001, 517)])
def test_a_large_image_is_shrunk_as_by_pillow(size: tuple[int, int], gap: float | None) -> None:
    image = noise(*size[::-1], 3)
    expected = np.asarray(image.resize((256, 256), Image.Resampling.LANCZOS, reducing_gap=gap), np.float32) / 255
    tensor = to_tensor(image, 256, reducing_gap=gap)[0]
    np.testing.assert_allclose(tensor, expected.transpose(2, 0, 1), atol=1.01 / 255)


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ((20, 30), (205, 256)),
        ((48, 40), (226, 283)),
        ((128, 96), (333, 416)),
        ((129, 96), (416,)),
        ((512, 512), (448,)),
        ((640, 480), (532,)),
        ((756, 500), (448, 608)),
        ((4000, 3000), (448, 768)),
    ],
)
def test_tiny_and_large_images_are_seen_twice(size: tuple[int, int], sides: tuple[int, ...]) -> None:
    assert automatic_sides(size) == sides


@given(width=LENGTH, height=LENGTH)
def test_the_closest_look_grows_with_the_image_and_turns_with_it(width: int, height: int) -> None:
    *_, closest = sides = automatic_sides((width, height))
    assert sides == automatic_sides((height, width))
    assert 0 <= automatic_sides((width + 1, height))[-1] - closest <= 3


@given(first=CHANCE, second=CHANCE)
def test_two_looks_agree_on_the_mean_of_their_logits(first: float, second: float) -> None:
    whole, close = np.full((3, 4), first, np.float32), np.full((6, 8), second, np.float32)
    expected = expit(np.mean(logit(np.clip([first, second], 0.002, 0.998))))
    np.testing.assert_allclose(agreed(whole, close), np.full((6, 8), expected), atol=1e-5)


def test_each_look_says_its_part_where_it_lies() -> None:
    whole = np.array([[0.1, 0.9]], np.float32)
    close = np.full((2, 8), 0.5, np.float32)
    both = agreed(whole, close)
    assert both.shape == close.shape
    assert (np.diff(both, axis=1) >= 0).all()
    assert both[0, 0] < 0.5 < both[0, -1]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_pieces(threads: int) -> None:
    assert tiles.each(lambda piece: piece * piece, range(20), threads) == [piece * piece for piece in range(20)]


@given(width=st.integers(0, 3000), height=st.integers(0, 900), halo=st.integers(0, 120))
def test_tiles_cover_every_pixel_once_and_see_their_surroundings(width: int, height: int, halo: int) -> None:
    covered = np.zeros((height, width), dtype=np.uint8)
    for tile, surrounding in tiles.tiles((width, height), halo):
        covered[tile.slices()] += 1
        assert surrounding == tile.grown(halo, (width, height))
    assert (covered == 1).all()


def test_two_threads_work_at_once() -> None:
    both = threading.Barrier(2, timeout=10)
    assert len(tiles.each(lambda _: both.wait(), [0, 1], 2)) == 2


@pytest.mark.parametrize("bad", [0, 1, 7])
def test_the_first_fault_is_raised_and_nothing_is_left_running(bad: int) -> None:
    def work(piece: int) -> int:
        if piece == bad:
            raise ValueError(piece)
        return piece

    before = threading.active_count()
    with pytest.raises(ValueError, match=str(bad)):
        tiles.each(work, range(8), 2)
    assert threading.active_count() == before


def test_a_thread_that_outlives_the_main_one_still_gets_its_mask() -> None:
    code = """
        import threading
        from PIL import Image
        import rembg_skin
        rembg_skin.register()
        from rembg import new_session
        session = new_session("tiny_skin")
        def late():
            threading.main_thread().join()
            print(session.predict(Image.new("RGB", (1200, 900), "white"))[0].size)
        threading.Thread(target=late).start()
    """
    done = python(code)
    assert (done.stdout, done.returncode) == ("(1200, 900)\n", 0), done.stderr
