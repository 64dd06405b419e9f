"""How folders of images and masks become pairs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rembg_skin.dataset.pairs import check_sizes, find_pairs, open_image, open_mask
from rembg_skin.errors import DataError, ImageError


def put(path: Path, size: tuple[int, int] = (4, 3), **options: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("L", size, 200).save(path, **options)
    return path


def test_files_are_paired_by_stem_whatever_their_format(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.webp", "c.bmp", "notes.txt", ".hidden.png"):
        if name.endswith("txt"):
            (tmp_path / "images" / name).write_text("not an image")
        else:
            put(tmp_path / "images" / name)
    for name in ("a.png", "b.png", "d.png"):
        put(tmp_path / "masks" / name)
    folders = find_pairs(tmp_path / "images", tmp_path / "masks")
    assert [(pair.image.name, pair.mask.name) for pair in folders.pairs] == [("a.webp", "a.png"), ("b.jpg", "b.png")]
    assert [path.name for path in folders.unpaired] == ["c.bmp", "d.png"]


@pytest.mark.parametrize("second", ["a.png", "A.jpeg"])
def test_names_that_would_collide_are_refused(tmp_path: Path, second: str) -> None:
    put(tmp_path / "images" / "a.jpg")
    put(tmp_path / "images" / second)
    put(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match=rf"{second}.*rename or move"):
        find_pairs(tmp_path / "images", tmp_path / "masks")


def test_folders_without_a_pair_and_missing_folders_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.jpg")
    put(tmp_path / "masks" / "b.png")
    with pytest.raises(DataError, match=r"No image in .* has a mask of the same name"):
        find_pairs(tmp_path / "images", tmp_path / "masks")
    with pytest.raises(DataError, match="is not a folder"):
        find_pairs(tmp_path / "images", tmp_path / "none")


def test_masks_of_another_size_are_refused_by_name_and_a_turned_photograph_is_not(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    put(tmp_path / "images" / "turned.jpg", (4, 3), exif=exif)
    put(tmp_path / "masks" / "turned.png", (3, 4))
    folders = find_pairs(tmp_path / "images", tmp_path / "masks")
    check_sizes(folders.pairs)
    assert open_image(folders.pairs[0].image).size == (3, 4)

    put(tmp_path / "images" / "wrong.jpg", (4, 3))
    put(tmp_path / "masks" / "wrong.png", (3, 4))
    with pytest.raises(DataError, match=r"1 masks .*wrong\.png \(3x4, image 4x3\); --resize"):
        check_sizes(find_pairs(tmp_path / "images", tmp_path / "masks").pairs)


def test_a_mask_is_resized_to_the_nearest_level_only_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).save(path)
    with pytest.raises(ImageError, match=r"mask\.png is 2x1, its image 4x2"):
        open_mask(path, (4, 2))
    np.testing.assert_array_equal(open_mask(path, (4, 2), resize=True), [[0, 0, 255, 255]] * 2)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_a_mask_of_any_mode_gives_the_same_levels(tmp_path: Path, mode: str) -> None:
    levels = np.array([[0, 255]], dtype=np.uint8)
    mask = Image.fromarray(levels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(levels).convert(mode)
    mask.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(open_mask(tmp_path / "mask.png", (2, 1)), levels)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"no image at all"])
def test_a_damaged_file_is_named_with_the_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"broken\.png cannot be read: ."):
        open_image(path)


def test_a_truncated_photograph_is_not_read_as_half_a_picture(tmp_path: Path) -> None:
    path = put(tmp_path / "images" / "a.jpg", (400, 300), quality=95)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(ImageError, match="truncated"):
        open_image(path)
