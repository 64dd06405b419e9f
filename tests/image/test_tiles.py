"""Pieces of an image on one thread or two."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.image.tiles import each, tiles


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_pieces(threads: int) -> None:
    assert each(lambda piece: piece * piece, range(20), threads) == [piece * piece for piece in range(20)]


@given(width=st.integers(0, 3000), height=st.integers(0, 900), halo=st.integers(0, 120))
def test_tiles_cover_every_pixel_once_and_see_their_surroundings(width: int, height: int, halo: int) -> None:
    covered = np.zeros((height, width), dtype=np.uint8)
    for tile, surrounding in tiles((width, height), halo):
        covered[tile.slices()] += 1
        assert surrounding == tile.grown(halo, (width, height))
    assert (covered == 1).all()


def test_two_threads_work_at_once() -> None:
    both = threading.Barrier(2, timeout=10)
    assert len(each(lambda _: both.wait(), [0, 1], 2)) == 2


@pytest.mark.parametrize("bad", [0, 1, 7])
def test_the_first_fault_is_raised_and_nothing_is_left_running(bad: int) -> None:
    def work(piece: int) -> int:
        if piece == bad:
            raise ValueError(piece)
        return piece

    before = threading.active_count()
    with pytest.raises(ValueError, match=str(bad)):
        each(work, range(8), 2)
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.returncode) == ("(1200, 900)\n", 0), done.stderr
