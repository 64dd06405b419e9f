"""rembg_skin.video.masks: frames and masks for Python code."""

import gc
import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session

from rembg_skin.errors import ModelError, OptionError, VideoError
from rembg_skin.video import masks
from tests.support.videos import face, moving, read_video, write_video


def test_a_file_gives_times_upright_frames_and_masks(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", moving(4, (64, 48)), rotation=90, times=[0, 0.1, 0.4, 0.5])
    found = list(masks(source, "ycbcr_skin"))
    assert [each.time for each in found] == pytest.approx([0, 0.1, 0.4, 0.5])
    for (_, frame, mask), stored in zip(found, read_video(source).frames, strict=True):
        assert frame.shape == (64, 48, 3)
        assert mask.shape == (64, 48)
        assert mask.dtype == np.uint8
        assert np.array_equal(frame, np.rot90(stored))


def test_unsteadied_masks_of_arrays_are_the_sessions_own() -> None:
    frames = moving(5)
    session = new_session("hsv_skin", h_max=30)
    for number, (time, frame, mask) in enumerate(masks(iter(frames), "hsv_skin", {"h_max": 30}, steady=False, rate=10)):
        assert time == pytest.approx(number / 10)
        assert np.array_equal(frame, frames[number])
        (expected,) = session.predict(Image.fromarray(frame))
        assert np.array_equal(mask, np.asarray(expected))


def test_memory_does_not_grow_with_the_length_and_endless_streams_work() -> None:
    photo = face((320, 240))
    stream = masks((np.roll(photo, number, axis=1) for number in itertools.count()), "ycbcr_skin")
    peaks = []
    tracemalloc.start()
    try:
        for count in (10, 30):
            tracemalloc.reset_peak()
            for _ in itertools.islice(stream, count):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
        stream.close()
    assert peaks[1] < 1.2 * peaks[0]


def test_frames_of_changing_size_are_masked_each_for_itself_and_in_a_second_run_the_same() -> None:
    frames = [face((64, 48)), *moving(4, (80, 60)), face((64, 48))]
    first, second = ([each.mask for each in masks(frames, "ycbcr_skin")] for _ in range(2))
    assert [mask.shape for mask in first] == [frame.shape[:2] for frame in frames]
    assert all(map(np.array_equal, first, second))


@pytest.mark.parametrize(
    "frame",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_rgb_frame_is_told(frame: NDArray[np.uint8]) -> None:
    with pytest.raises(VideoError, match="frame 1 is"):
        list(masks([face(), frame], "ycbcr_skin"))


def test_a_bad_call_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="No such file"):
        masks(tmp_path / "none.mp4", "ycbcr_skin")
    with pytest.raises(ModelError, match="did you mean"):
        masks([face()], "ycbcr_skim")
    for rate in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(VideoError, match="frames a second"):
            masks([face()], "ycbcr_skin", rate=rate)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_refused_or_unused_call_leaves_no_file_open(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", moving(2))
    gc.disable()
    try:
        with pytest.raises(OptionError, match="no extra"):
            masks(source, "ycbcr_skin", {"nope": 1})
        masks(source, "ycbcr_skin")
        assert source not in [Path(link).resolve() for link in Path("/proc/self/fd").iterdir()]
    finally:
        gc.enable()
