"""How folders of images and masks become pairs."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rembg_skin.dataset.pairs import Folders, check_sizes, find_pairs
from rembg_skin.errors import DataError


def put(root: Path, *paths: str, size: tuple[int, int] = (4, 3), **options: Any) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, 200).save(root / path, **options)


def paired(root: Path) -> Folders:
    return find_pairs(root / "images", root / "masks")


def test_files_are_paired_by_stem_whatever_their_format_and_the_composition_of_accents(tmp_path: Path) -> None:
    put(tmp_path, "images/b.jpg", "images/a.webp", "images/c.bmp", "masks/a.png", "masks/b.png", "masks/d.png")
    accents = {"caf\u00e9.jpg": "cafe\u0301.png", "n\u0303.webp": "\u00f1.png"}
    put(tmp_path, *(f"images/{name}" for name in accents), *(f"masks/{name}" for name in accents.values()))
    (tmp_path / "images" / "notes.txt").write_text("not an image")
    folders = paired(tmp_path)
    expected = [("a.webp", "a.png"), ("b.jpg", "b.png"), *accents.items()]
    assert [(pair.image.name, pair.mask.name) for pair in folders.pairs] == expected
    assert [path.name for path in folders.unpaired] == ["c.bmp", "d.png"]


def test_subfolders_are_entered_and_paired_by_their_paths(tmp_path: Path) -> None:
    put(tmp_path / "images", "a/x.jpg", "b/x.jpg", "x.jpg", "masks/a/x.png", "masks/b/x.png")
    (tmp_path / "images" / "again").symlink_to(tmp_path / "images")
    folders = find_pairs(tmp_path / "images", tmp_path / "images" / "masks")
    assert [pair.stem for pair in folders.pairs] == ["a/x", "b/x"]
    assert folders.unpaired == [tmp_path / "images" / "x.jpg"]


@pytest.mark.parametrize(
    ("first", "second"), [("a.jpg", "a.png"), ("a.jpg", "A.jpeg"), ("caf\u00e9.jpg", "cafe\u0301.jpg")]
)
def test_names_that_would_collide_are_refused(tmp_path: Path, first: str, second: str) -> None:
    put(tmp_path, f"images/{first}", f"images/{second}", "masks/a.png")
    with pytest.raises(DataError, match=rf"composition of accents.*{second}.*rename or move"):
        paired(tmp_path)


def test_folders_without_a_pair_and_missing_folders_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "images/a.jpg", "masks/b.png")
    with pytest.raises(DataError, match=r"No image in .* has a mask of the same name"):
        paired(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        find_pairs(tmp_path / "images", tmp_path / "none")


def test_masks_of_another_size_are_refused_by_name_and_a_turned_photograph_is_not(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    put(tmp_path, "images/turned.jpg", exif=exif)
    put(tmp_path, "images/wrong.jpg")
    put(tmp_path, "masks/turned.png", "masks/wrong.png", size=(3, 4))
    with pytest.raises(DataError, match=r"^1 masks .*: wrong\.png \(3x4, image 4x3\); --resize"):
        check_sizes(paired(tmp_path).pairs)


def test_a_systems_own_files_are_left_out_and_listed(tmp_path: Path) -> None:
    for folder in (tmp_path / "images", tmp_path / "masks"):
        put(folder, "a.png", "._a.png")
        (folder / ".thumbnails").mkdir()
        (folder / "c.png").mkdir()
    (tmp_path / "images" / "loop.png").symlink_to(tmp_path / "images" / "loop.png")
    folders = paired(tmp_path)
    assert [pair.stem for pair in folders.pairs] == ["a"]
    assert folders.odd == [tmp_path / "images" / "._a.png", tmp_path / "masks" / "._a.png"]
    assert not folders.unpaired


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf_8_pair_and_are_shown_escaped(tmp_path: Path) -> None:
    name = os.fsdecode(b"latin \xe9")
    put(tmp_path, f"images/{name}.png")
    put(tmp_path, f"masks/{name}.png", size=(9, 9))
    pairs = paired(tmp_path).pairs
    assert [pair.stem for pair in pairs] == [name]
    with pytest.raises(DataError, match=r"latin \\xe9\.png \(9x9") as caught:
        check_sizes(pairs)
    str(caught.value).encode()
