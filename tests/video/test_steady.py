"""Steadied masks: still where nothing changes, along with the camera, and never late where something does."""

from collections.abc import Callable
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


def view(x: float, y: float, zoom: float = 1.0, turn: float = 0.0) -> Bytes:
    """Return what a camera sees of the portrait, uint8 [120, 160, 3]."""
    with Image.open(PORTRAIT) as photo:
        motion = (zoom, -turn, x, turn, zoom, y)
        return np.asarray(
            photo.convert("RGB").transform(SIZE, Image.Transform.AFFINE, motion, Image.Resampling.BICUBIC)
        )


def gray(frame: Bytes) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(frame).convert("L"), np.float32)


def follower() -> Callable[[Bytes, Bytes], Bytes]:
    """Return what steadies the mask of one frame after the other, as the command does."""
    watcher, steadier = Watcher(), Steadier()

    def follow(frame: Bytes, mask: Bytes) -> Bytes:
        look = watcher(frame)
        return steadier(look, mask if look.needs_mask else None)

    return follow


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
    ("x", "y", "zoom", "turn"),
    [
        (0, 0, 1, 0),
        (0.4, -0.3, 1, 0),
        (3.2, 1.6, 1, 0),
        (14, -9, 1, 0),
        (0, 0, 1.02, 0),
        (1, 1, 0.985, 0.01),
        (40, 3, 1, 0),
    ],
)
def test_the_cameras_motion_is_found_to_a_fraction_of_a_pixel(x: float, y: float, zoom: float, turn: float) -> None:
    before, after = view(150, 40), view(150 + x, 40 + y, zoom, turn)
    motion = camera_motion(gray(grainy(before, 1)), gray(grainy(after, 2)))
    for corner in (40 + 30j, 120 + 90j):
        found = motion.zoom * corner + motion.shift
        assert found == pytest.approx(complex(zoom, turn) * corner + complex(x, y), abs=0.25)


def test_motion_that_cannot_be_told_is_none() -> None:
    flat = np.full((120, 160), 80, np.float32)
    assert camera_motion(flat, flat + 3) == STILL
    assert camera_motion(flat[:10], flat[:10]) == STILL


def test_a_motion_scales_with_the_picture() -> None:
    plane = np.zeros((40, 40), np.float32)
    plane[20, 20] = 1
    assert Motion(1, 1.5 - 2j).scaled(2).warped(plane)[24, 17] == 1


def test_wavering_masks_of_a_still_scene_come_to_rest() -> None:
    steady = follower()
    random = np.random.default_rng(0)
    steadied = [steady(scene(number), left_of(60 + int(random.integers(-3, 4)))) > 127 for number in range(30)]
    changed = [np.count_nonzero(a != b) for a, b in pairwise(steadied[15:])]
    assert max(changed) <= 120  # at most one column; the masks given waver by up to six
    assert abs(int(steadied[-1][60].sum()) - 60) <= 1


def test_the_average_moves_with_the_camera() -> None:
    steady = follower()
    random = np.random.default_rng(0)
    errors = []
    for number in range(25):
        x = 2.5 * number
        edge = 140 - x  # stays with the scene
        row = steady(scene(number, x), left_of(edge + random.normal(0, 2)))[60] > 127
        errors.append(int(row.sum()) - edge)
    assert np.abs(errors[10:]).max() <= 2
    assert abs(np.mean(errors[10:])) <= 1


def test_something_that_moves_takes_its_mask_along_at_once() -> None:
    steady = follower()
    overlap = []
    for number in range(20):
        frame, mask = view(150, 40).copy(), np.zeros((120, 160), np.uint8)
        here = np.s_[30:70, 10 + 6 * number : 40 + 6 * number]
        frame[here] = (60, 110, 190)
        mask[here] = 255
        found = steady(grainy(frame, number), mask) > 127
        overlap.append(np.count_nonzero(found & (mask > 127)) / np.count_nonzero(found | (mask > 127)))
    assert min(overlap) > 0.9


def test_a_cut_starts_anew() -> None:
    steady = follower()
    for number in range(10):
        steady(scene(number), left_of(160))
    assert (steady(grainy(view(20, 300), 11), left_of(0)) > 127).mean() < 0.1


def test_light_that_changes_for_all_is_no_motion() -> None:
    steady = follower()
    for number in range(15):
        steady(scene(number), left_of(80))
    dimmed = (view(150, 40) * 0.9).astype(np.uint8)
    assert np.count_nonzero(steady(grainy(dimmed, 16), left_of(84)) > 127) < 120 * 84


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (7, 5), (241, 163)])
def test_any_size_works_and_the_first_mask_is_kept(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    steady = follower()
    frame = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = random.integers(0, 256, shape, dtype=np.uint8)
    for _ in range(3):
        assert np.array_equal(steady(frame, mask), mask)


def test_every_second_frame_of_a_scene_at_rest_goes_without_a_mask_and_a_moving_one_never() -> None:
    def asked_for(frames: list[Bytes]) -> int:
        masks: list[None] = []

        def work(frame: Bytes) -> Bytes:
            masks.append(None)
            return np.zeros(frame.shape[:2], np.uint8)

        shown = [Frame(number, number / 30, frame) for number, frame in enumerate(frames)]
        assert len(list(masked(shown, work, 2, steady=True))) == len(frames)
        return len(masks)

    still = [scene(number) for number in range(28)]
    panned = [scene(number, number) for number in range(28)]
    moving = [frame.copy() for frame in still]
    for number, frame in enumerate(moving):
        frame[40:60, 4 * number : 4 * number + 20] = (60, 110, 190)
    assert asked_for(still) == 8 + 10
    assert asked_for(panned) < 20
    assert asked_for(moving) == 28


def test_skin_that_comes_into_the_picture_continues_to_its_edge() -> None:
    steady = follower()
    for number in range(20):
        assert steady(scene(number, 3 * number), left_of(160)).min() > 250
