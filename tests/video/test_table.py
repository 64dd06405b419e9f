"""The table of colors: means of the eroded skin, in a box, face by face, and resumed after a killed run."""

import io
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from rembg_skin.errors import DataError
from rembg_skin.image.tiles import Box
from rembg_skin.networks.yunet import Face
from rembg_skin.video.table import Faces, Table, color_of, resumed, written

RED = np.full((40, 60, 3), (200, 10, 20), np.uint8)
HALF = RED.copy()
HALF[:, 30:] = (0, 0, 255)


def row(box: Box | None = None, faces: Faces | None = None, level: int = 255) -> dict[str, str]:
    """Return the row of the frame HALF, all of whose mask is `level`."""
    table = Table(Path(), box, faces)
    return dict(zip(table.columns, table.row(0.5, HALF, np.full((40, 60), level, np.uint8)), strict=True))


def test_the_color_is_that_of_the_selected_pixels() -> None:
    random = np.random.default_rng(2)
    rgb, selection = random.integers(0, 256, (30, 20, 3), dtype=np.uint8), random.random((30, 20)) < 0.3
    mean, deviation, pixels = color_of(rgb, selection)
    assert pixels == np.count_nonzero(selection)
    assert mean == pytest.approx(rgb[selection].mean(axis=0))
    assert deviation == pytest.approx(rgb[selection].std(axis=0))


def test_a_frame_without_skin_has_no_color() -> None:
    assert list(row(level=127).values()) == ["0.500000", "0.000000", *[""] * 6, "0"]


def test_a_box_leaves_out_all_else() -> None:
    found = row(Box(0, 0, 30, 40))
    assert (found["red"], found["red_sd"], found["pixels"]) == ("200.0000", "0.0000", "1200")
    assert float(row()["red"]) == pytest.approx(100)


def test_each_face_keeps_its_columns_while_others_come_and_go() -> None:
    left, right = Face(2, 2, 14, 20, 0.9), Face(40, 2, 50, 18, 0.9)
    frames = iter([[left], [right, left], [right], [Face(4, 2, 16, 20, 0.9), right]])
    faces = Faces(2, lambda _: next(frames))
    found = [row(faces=faces) for _ in range(4)]
    assert [each["face1_red"] for each in found] == ["200.0000", "200.0000", "", "200.0000"]
    assert [each["face2_blue"] for each in found] == ["", "255.0000", "255.0000", "255.0000"]


@pytest.mark.parametrize(
    ("left", "kept", "rows", "last"),
    [
        ("time,skin\r\n0.0,0.1\r\n0.5,0.1\r\n1.0,0.2", "time,skin\r\n0.0,0.1\r\n0.5,0.1\r\n", 2, 0.5),
        *((nothing, "", 0, -math.inf) for nothing in ("", "time", "time,skin\r\n", "time,skin\r\n0.5")),
    ],
)
def test_rows_that_a_killed_run_left_are_kept_but_not_a_broken_one(
    left: str, kept: str, rows: int, last: float
) -> None:
    file = io.StringIO(left, newline="")
    assert resumed(file) == (rows, last)
    file.write("next")
    assert file.getvalue() == f"{kept}next"


def test_only_an_equal_run_goes_on_and_two_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with written(path, "one", lambda: True) as file:
        file.write("first\n")
        with pytest.raises(DataError, match="by another run"), written(path, "one", lambda: False):
            pass
    with written(path, "two", lambda: False) as file:
        assert file.read() == ""
    assert path.read_text() == ""
    with written(path, "one", lambda: False) as file:
        assert file.read() == "first\n"
    assert path.read_text() == "first\n"
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.skipif(sys.platform != "linux", reason="a folder of descriptors, in which not even root can make a file")
def test_a_descriptor_gets_the_table_without_a_file_beside_it(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w") as out, written(Path(f"/dev/fd/{out.fileno()}"), "one", lambda: False) as file:
        file.write("first\n")
    assert (tmp_path / "a.csv").read_text() == "first\n"
