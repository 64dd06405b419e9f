"""From image to tensor and from a network's values to a mask, against NumPy, Pillow and OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.image import tiles
from rembg_skin.image.mask import Blur, Stretch, cleaned, stretched, to_mask
from rembg_skin.image.tensor import fitted_size, to_tensor

BLUR = (9, 2.0)


def noise(*shape: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def reference(mask: NDArray[np.uint8], blur: Blur = BLUR) -> NDArray[np.uint8]:
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return cv2.GaussianBlur(opened, (blur[0], blur[0]), blur[1])


def difference(mask: Image.Image, expected: Image.Image | NDArray[np.uint8]) -> NDArray[np.int_]:
    return np.abs(np.asarray(mask).astype(int) - np.asarray(expected))


@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 99),
    blur=st.sampled_from([BLUR, (3, 2.0), (3, 1.0)]),
)
def test_the_clean_up_is_opencvs(size: tuple[int, int], seed: int, blur: Blur) -> None:
    mask = noise(*size, seed=seed)
    assert difference(cleaned(mask, mask.size, blur), reference(np.asarray(mask), blur)).max() <= 1


def test_an_image_of_many_tiles_has_no_seams() -> None:
    mask = noise(700, 2500)
    assert difference(cleaned(mask, mask.size, BLUR), reference(np.asarray(mask))).max() <= 1


@pytest.mark.parametrize("size", [(2500, 700), (500, 300), (90, 2000), (40, 30)])
def test_an_enlarged_and_a_shrunk_mask_are_opencvs_within_a_gray_level(size: tuple[int, int]) -> None:
    mask = cv2.resize(np.asarray(noise(8, 8)), (64, 64), interpolation=cv2.INTER_CUBIC)
    expected = reference(cv2.resize(mask, size, interpolation=cv2.INTER_LANCZOS4))
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
