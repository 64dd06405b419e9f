"""Steadied masks: still where nothing changes, along with the camera, and never late where something does."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.video.frames import Frame, masked
from rembg_skin.video.motion import STILL, Motion, camera_motion
from rembg_skin.video.steady import Steadier, Watcher
from tests.support.videos import PORTRAIT

Bytes = NDArray[np.uint8]
SIZE = (160, 120)


def view(x: float, y: float, zoom: complex = 1) -> Bytes:
    """Return what a camera sees of the portrait, uint8 [120, 160, 3]."""
    motion = (zoom.real, -zoom.imag, x, zoom.imag, zoom.real, y)
    with Image.open(PORTRAIT) as photo:
        rgb = photo.convert("RGB")
    return np.asarray(rgb.transform(SIZE, Image.Transform.AFFINE, motion, Image.Resampling.BICUBIC))


def gray(frame: Bytes) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(frame).convert("L"), np.float32)


def steadied(frames: Iterable[Bytes], masks: Iterable[Bytes]) -> list[Bytes]:
    """Return the masks steadied, frame by frame, as the command does it."""
    watcher, steadier = Watcher(), Steadier()
    pairs = zip(map(watcher, frames), masks, strict=True)
    return [steadier(look, mask if look.needs_mask else None) for look, mask in pairs]


def grainy(frame: Bytes, seed: int) -> Bytes:
    noise = np.random.default_rng(seed).normal(0, 5, frame.shape)
    return (frame + noise).clip(0, 255).astype(np.uint8)


def scene(seed: int, x: float = 0.0) -> Bytes:
    """Return one scene, from a camera that moved by `x` pixels to the right, with the grain of `seed`."""
    return grainy(view(150 + x, 40), seed)


def left_of(edge: float) -> Bytes:
    """Return a mask of all that is to the left of `edge`."""
    return np.where(np.arange(SIZE[0]) < round(edge), 255, 0).astype(np.uint8)[None].repeat(SIZE[1], axis=0)


@pytest.mark.parametrize(
    ("zoom", "shift"),
    [(1, 0), (1, 0.4 - 0.3j), (1, 3.2 + 1.6j), (1, 14 - 9j), (1.02, 0), (0.985 + 0.01j, 1 + 1j), (1, 40 + 3j)],
)
def test_the_cameras_motion_is_found_to_a_fraction_of_a_pixel(zoom: complex, shift: complex) -> None:
    before, after = view(150, 40), view(150 + shift.real, 40 + shift.imag, zoom)
    motion = camera_motion(gray(grainy(before, 1)), gray(grainy(after, 2)))
    for corner in (40 + 30j, 120 + 90j):
        assert motion.zoom * corner + motion.shift == pytest.approx(zoom * corner + shift, abs=0.25)


def test_motion_that_cannot_be_told_is_none() -> None:
    flat = np.full((120, 160), 80, np.float32)
    assert camera_motion(flat, flat + 3) == STILL
    assert camera_motion(flat[:10], flat[:10]) == STILL


def test_a_motion_scales_with_the_picture() -> None:
    plane = np.zeros((40, 40), np.float32)
    plane[20, 20] = 1
    assert Motion(1, 1.5 - 2j).scaled(2).warped(plane)[24, 17] == 1


def test_wavering_masks_of_a_still_scene_come_to_rest() -> None:
    random = np.random.default_rng(0)
    masks = [left_of(60 + int(random.integers(-3, 4))) for _ in range(30)]
    found = [mask > 127 for mask in steadied(map(scene, range(30)), masks)]
    changed = [np.count_nonzero(a != b) for a, b in pairwise(found[15:])]
    assert max(changed) <= 120  # at most one column; the masks given waver by up to six
    assert abs(int(found[-1][60].sum()) - 60) <= 1


def test_the_average_moves_with_the_camera() -> None:
    random = np.random.default_rng(0)
    ways = 2.5 * np.arange(25)
    masks = [left_of(140 - x + random.normal(0, 2)) for x in ways]  # the edge stays with the scene
    found = steadied(map(scene, range(25), ways), masks)
    errors = [int((mask[60] > 127).sum()) - 140 + x for mask, x in zip(found, ways, strict=True)]
    assert np.abs(errors[10:]).max() <= 2
    assert abs(np.mean(errors[10:])) <= 1


def test_something_that_moves_takes_its_mask_along_at_once() -> None:
    frames, masks = [scene(number) for number in range(20)], np.zeros((20, 120, 160), np.uint8)
    for number, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
        here = np.s_[30:70, 10 + 6 * number : 40 + 6 * number]
        frame[here] = grainy(np.full((40, 30, 3), (60, 110, 190)), number)
        mask[here] = 255
    for found, mask in zip(steadied(frames, masks), masks, strict=True):
        assert np.count_nonzero((found > 127) & (mask > 127)) > 0.9 * np.count_nonzero((found > 127) | (mask > 127))


def test_a_cut_starts_anew() -> None:
    frames = [*map(scene, range(10)), grainy(view(20, 300), 11)]
    assert (steadied(frames, [left_of(160)] * 10 + [left_of(0)])[-1] > 127).mean() < 0.1


def test_light_that_changes_for_all_is_no_motion() -> None:
    dimmed = (view(150, 40) * 0.9).astype(np.uint8)
    found = steadied([*map(scene, range(15)), grainy(dimmed, 16)], [left_of(80)] * 15 + [left_of(84)])
    assert np.count_nonzero(found[-1] > 127) < 120 * 84


def test_skin_that_comes_into_the_picture_continues_to_its_edge() -> None:
    assert np.min(steadied(map(scene, range(20), range(0, 60, 3)), [left_of(160)] * 20)) > 250


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (7, 5), (241, 163)])
def test_any_size_works_and_the_first_mask_is_kept(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    frame = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = random.integers(0, 256, shape, dtype=np.uint8)
    for found in steadied([frame] * 3, [mask] * 3):
        assert np.array_equal(found, mask)


def test_every_second_frame_of_a_scene_at_rest_goes_without_a_mask_and_a_moving_one_never() -> None:
    def masks_made(frames: list[Bytes]) -> int:
        made: list[Bytes] = []

        def work(frame: Bytes) -> Bytes:
            made.append(frame)
            return np.zeros(frame.shape[:2], np.uint8)

        shown = [Frame(number, number / 30, frame) for number, frame in enumerate(frames)]
        assert len(list(masked(shown, work, 2, steady=True))) == len(frames)
        return len(made)

    still = [scene(number) for number in range(28)]
    assert masks_made(still) == 8 + 10
    assert masks_made([scene(number, number) for number in range(28)]) < 20
    for number, frame in enumerate(still):
        frame[40:60, 4 * number : 4 * number + 20] = (60, 110, 190)
    assert masks_made(still) == 28
