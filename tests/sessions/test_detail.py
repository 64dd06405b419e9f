"""`detail="fine"`: second looks along the edges of large photos, and edges that follow the photo at its own size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from rembg import new_session

from rembg_skin.cli import main
from rembg_skin.image.arrays import Floats
from rembg_skin.image.guided import guided
from rembg_skin.image.patches import along_edges

SKIN, WALL = (230, 170, 140), (20, 60, 90)


def disk_photo(size: tuple[int, int], scale: float = 0.3) -> Image.Image:
    """Return a disk of skin before a wall."""
    photo = Image.new("RGB", size, WALL)
    ImageDraw.Draw(photo).circle((size[0] / 2, size[1] / 2), scale * min(size), SKIN)
    return photo


def red(part: Image.Image, side: int) -> Floats:
    """Return a look that sees the red of a part at `side` pixels."""
    size = [max(1, round(length * side / max(part.size))) for length in part.size]
    seen = np.asarray(part.resize((size[0], size[1]), Image.Resampling.BOX).getchannel("R"), np.float32)
    return seen / np.float32(255)


def looks_at(photo: Image.Image, closest: int, side: int) -> tuple[Floats | None, list[Image.Image]]:
    seen: list[Image.Image] = []

    def look(part: Image.Image) -> Floats:
        seen.append(part)
        return red(part, side)

    return along_edges(photo, red(photo, closest), look, closest, side), seen


def test_patches_show_the_edges_and_nothing_else() -> None:
    photo = Image.new("RGB", (2000, 1000), WALL)
    photo.paste(SKIN, (150, 150, 250, 250))
    values, seen = looks_at(photo, 250, 64)
    assert values is not None
    assert values.shape == (250, 500)
    assert [max(part.size) for part in seen] == [256]


def test_an_edge_becomes_as_sharp_as_a_look_at_twice_the_size() -> None:
    photo = disk_photo((1600, 1200))
    values, _ = looks_at(photo, 200, 200)
    truth = red(photo, 400)
    coarse = np.asarray(Image.fromarray(red(photo, 200)).resize((400, 300), Image.Resampling.BICUBIC))
    assert values is not None
    assert np.abs(values - truth).mean() < 0.6 * np.abs(coarse - truth).mean()


def test_away_from_edges_the_first_look_stays() -> None:
    photo = disk_photo((1600, 1200))
    values = along_edges(photo, red(photo, 200), lambda _: np.zeros((9, 9), np.float32), 200, 200)
    assert values is not None
    assert values[150, 200] == pytest.approx(SKIN[0] / 255, abs=0.01)
    assert values[5, 5] == pytest.approx(WALL[0] / 255, abs=0.01)


@pytest.mark.parametrize(
    "photo", [disk_photo((220, 100)), *(Image.new("RGB", (2000, 1000), color) for color in (WALL, SKIN))]
)
def test_small_photos_and_photos_without_an_edge_get_no_second_look(photo: Image.Image) -> None:
    assert looks_at(photo, 200, 200) == (None, [])


def test_a_crowd_costs_no_more_than_six_looks() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (30, 40, 1), np.uint8) * np.uint8(255)
    photo = Image.fromarray(np.repeat(noise, 3, axis=2)).resize((4000, 3000), Image.Resampling.NEAREST)
    _, seen = looks_at(photo, 400, 200)
    assert len(seen) == 6


@given(size=st.tuples(st.integers(1, 900), st.integers(1, 900)), at=st.tuples(st.floats(0, 1), st.floats(0, 1)))
@settings(max_examples=40)
def test_any_size_and_any_place_of_an_edge(size: tuple[int, int], at: tuple[float, float]) -> None:
    photo = Image.new("RGB", size, WALL)
    photo.paste(SKIN, (round(at[0] * size[0]), round(at[1] * size[1]), *size))
    values, _ = looks_at(photo, 64, 48)
    if values is not None:
        assert 0 <= values.min() <= values.max() <= 1
        assert guided(values, photo).size == size


def softened(photo: Image.Image, factor: int) -> Floats:
    levels = photo.getchannel("R").point(lambda level: 255 * (level > 127))
    return np.asarray(levels.reduce(factor), np.float32) / np.float32(255)


def wrong(mask: Image.Image, photo: Image.Image) -> float:
    truth = np.asarray(photo.getchannel("R")) > 127
    return float(np.mean((np.asarray(mask) > 127) != truth))


def test_a_guided_mask_follows_the_photos_own_edges() -> None:
    photo = disk_photo((800, 600))
    values = softened(photo, 8)
    plain = Image.fromarray((values * 255).astype(np.uint8)).resize(photo.size, Image.Resampling.BICUBIC)
    assert wrong(guided(values, photo), photo) < 0.5 * wrong(plain, photo)


def test_tiles_and_threads_leave_no_seam() -> None:
    photo = disk_photo((2500, 700), 0.45)
    values = softened(photo, 5)
    mask = np.asarray(guided(values, photo, threads=1)).astype(int)
    assert np.array_equal(mask, np.asarray(guided(values, photo, threads=2)))
    flipped = guided(values[::-1], photo.transpose(Image.Transpose.FLIP_TOP_BOTTOM))  # the tiles lie elsewhere
    assert np.abs(mask - np.asarray(flipped)[::-1]).max() <= 2


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize("name", ["dlmv_skin", "mediapipe_skin"])
def test_a_session_in_fine_detail_is_nearer_to_the_photo(name: str) -> None:
    if name == "mediapipe_skin":
        pytest.importorskip("ai_edge_litert", reason="LiteRT, of the extra mediapipe")
    photo, session = disk_photo((1800, 1200)), new_session(name)
    fast, fine = (session.predict(photo, detail=detail, low=0, high=255)[0] for detail in ("fast", "fine"))
    assert fine.size == photo.size
    assert wrong(fine, photo) < 0.5 * wrong(fast, photo)


def test_fast_is_the_default_but_fine_that_of_cut(tmp_path: Path, astronaut: Image.Image) -> None:
    session, large, small = new_session("tiny_skin"), astronaut.resize((1200, 1200)), astronaut.crop((100, 0, 350, 250))
    fast, fine = (session.predict(large, detail=detail)[0] for detail in ("fast", "fine"))
    assert fast == session.predict(large)[0] != fine
    assert session.predict(small)[0] == session.predict(small, detail="fine")[0]
    large.save(tmp_path / "photo.png")
    for extras, expected in (["-x", '{"detail": "fast"}'], fast), ([], fine):
        assert main(["cut", str(tmp_path / "photo.png"), "-m", "tiny_skin", "--mask", *extras]) == 0
        with Image.open(tmp_path / "photo.mask.png") as mask:
            assert np.array_equal(np.asarray(mask), np.asarray(expected))
        (tmp_path / "photo.mask.png").unlink()
