"""How folders of images and masks become pairs."""

import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rembg_skin.dataset.pairs import Folders, check_sizes, find_pairs
from rembg_skin.errors import DataError, ImageError
from rembg_skin.photos import open_image, open_mask, shown_size
from tests.support.photos import encoded


def put(path: Path, size: tuple[int, int] = (4, 3), **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 200).save(path, **options)
    return path


def put_all(root: Path, *paths: str) -> None:
    for path in paths:
        put(root / path)


def paired(root: Path) -> Folders:
    return find_pairs(root / "images", root / "masks")


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_files_are_paired_by_stem_whatever_their_format(tmp_path: Path) -> None:
    put_all(tmp_path, "images/b.jpg", "images/a.webp", "images/c.bmp", "masks/a.png", "masks/b.png", "masks/d.png")
    (tmp_path / "images" / "notes.txt").write_text("not an image")
    folders = paired(tmp_path)
    assert [(pair.image.name, pair.mask.name) for pair in folders.pairs] == [("a.webp", "a.png"), ("b.jpg", "b.png")]
    assert [path.name for path in folders.unpaired] == ["c.bmp", "d.png"]


def test_subfolders_are_entered_and_paired_by_their_paths(tmp_path: Path) -> None:
    put_all(tmp_path / "images", "a/x.jpg", "b/x.jpg", "x.jpg", "masks/a/x.png", "masks/b/x.png")
    (tmp_path / "images" / "again").symlink_to(tmp_path / "images")
    folders = find_pairs(tmp_path / "images", tmp_path / "images" / "masks")
    assert [pair.stem for pair in folders.pairs] == ["a/x", "b/x"]
    assert folders.unpaired == [tmp_path / "images" / "x.jpg"]


@pytest.mark.parametrize(
    ("first", "second"), [("a.jpg", "a.png"), ("a.jpg", "A.jpeg"), ("caf\u00e9.jpg", "cafe\u0301.jpg")]
)
def test_names_that_would_collide_are_refused(tmp_path: Path, first: str, second: str) -> None:
    put_all(tmp_path, f"images/{first}", f"images/{second}", "masks/a.png")
    with pytest.raises(DataError, match=rf"composition of accents.*{second}.*rename or move"):
        paired(tmp_path)


def test_folders_without_a_pair_and_missing_folders_are_refused(tmp_path: Path) -> None:
    put_all(tmp_path, "images/a.jpg", "masks/b.png")
    with pytest.raises(DataError, match=r"No image in .* has a mask of the same name"):
        paired(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        find_pairs(tmp_path / "images", tmp_path / "none")


def test_masks_of_another_size_are_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path / "images" / "wrong.jpg", (4, 3))
    put(tmp_path / "masks" / "wrong.png", (3, 4))
    with pytest.raises(DataError, match=r"1 masks .*wrong\.png \(3x4, image 4x3\); --resize"):
        check_sizes(paired(tmp_path).pairs)


def test_a_mask_is_resized_to_the_nearest_level_only_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).save(path)
    with pytest.raises(ImageError, match=r"mask\.png is 2x1, its image 4x2"):
        open_mask(path, (4, 2))
    np.testing.assert_array_equal(open_mask(path, (4, 2), resize=True), [[0, 0, 255, 255]] * 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "."),
        (b"\x89PNG\r\n\x1a\n", "."),
        (b"no image at all", "."),
        (encoded(Image.new("L", (400, 300), 200), "JPEG", quality=95)[:-600], ".*truncated"),
    ],
    ids=["empty", "a beginning", "a text", "not as half a picture"],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"broken\.png cannot be read: {reason}"):
        open_image(path)


def test_accents_pair_however_they_are_composed(tmp_path: Path) -> None:
    put_all(tmp_path, "images/caf\u00e9.jpg", "masks/cafe\u0301.png", "images/n\u0303.webp", "masks/\u00f1.png")
    folders = paired(tmp_path)
    assert [(pair.image.suffix, pair.mask.suffix) for pair in folders.pairs] == [(".jpg", ".png"), (".webp", ".png")]
    assert not folders.unpaired


def test_a_systems_own_files_are_left_out_and_listed(tmp_path: Path) -> None:
    for folder in (tmp_path / "images", tmp_path / "masks"):
        put_all(folder, "a.png", "._a.png")
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
    put(tmp_path / "images" / f"{name}.png")
    put(tmp_path / "masks" / f"{name}.png", (9, 9))
    pairs = paired(tmp_path).pairs
    assert [pair.stem for pair in pairs] == [name]
    with pytest.raises(DataError, match=r"latin \\xe9\.png \(9x9") as caught:
        check_sizes(pairs)
    str(caught.value).encode()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["tiff", "jpg", "png", "webp", "avif"])
def test_a_turned_photograph_has_its_masks_size_in_every_format(tmp_path: Path, kind: str, orientation: int) -> None:
    photo = put(tmp_path / "images" / f"a.{kind}", (40, 30), exif=turned(orientation))
    size = (30, 40) if orientation >= 5 else (40, 30)
    put(tmp_path / "masks" / "a.png", size)
    assert shown_size(photo) == size == open_image(photo).size
    check_sizes(paired(tmp_path).pairs)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_shows_what_the_same_png_shows(tmp_path: Path, orientation: int, compression: str) -> None:
    pixels = np.zeros((32, 48), np.uint8)
    pixels[:8, :16] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=turned(orientation))
    Image.fromarray(pixels).save(tmp_path / "a.tif", exif=turned(orientation), compression=compression)
    shown, expected = (np.asarray(open_image(tmp_path / name)).astype(int) for name in ("a.tif", "a.png"))
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() < 20


@pytest.mark.filterwarnings(
    "ignore:.*EXIF data:UserWarning", "ignore:Truncated File Read:UserWarning", "ignore:Metadata Warning:UserWarning"
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_damage_of_an_exif_block_costs_a_photograph(kind: str, tmp_path: Path) -> None:
    exif = turned(6)
    exif.update({0x010F: "Maker", 0x011A: 72.0, 0x8769: {0x9003: "2020:01:01 00:00:00", 0x829A: 0.1}})
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    chance = random.Random(7)
    path = tmp_path / f"a.{kind.lower()}"
    for _ in range(300):
        block = bytearray(exif.tobytes())
        for _ in range(chance.randint(1, 6)):
            block[chance.randrange(6, len(block))] = chance.randrange(256)
        damaged = bytes(block[: chance.randint(8, 2 * len(block))])
        path.write_bytes(encoded(Image.new("RGB", (8, 4), (200, 100, 50)), kind, exif=damaged))
        image = open_image(path)
        assert image.size == shown_size(path)
        assert open_image(path).convert("RGB").getpixel((1, 1)) is not None
        image.getexif()  # nothing is left that fails later, or turns it once more
        assert image.getexif().get(0x0112, 1) not in range(2, 9)


@pytest.mark.parametrize("name", ["photo.heic", "photo.HEIF", "renamed.jpg"])
def test_heic_opens_if_pillow_heif_is_there(name: str, tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 100, 50))).save(tmp_path / name, quality=90)
    image = open_image(tmp_path / name)
    assert image.size == (64, 48)
    assert np.abs(np.asarray(image.convert("RGB")).astype(int) - (200, 100, 50)).max() < 12


def test_without_pillow_heif_a_heic_file_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    reason = r'a\.heic cannot be read: HEIC needs pillow-heif.*pip install "rembg-skin\[heif\]"'
    with pytest.raises(ImageError, match=reason):
        open_image(tmp_path / "a.heic")


def test_a_mask_that_is_not_one_is_refused_with_its_name(tmp_path: Path) -> None:
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(tmp_path / "classes.png")
    reason = r"classes\.png is no mask .*its values end at 11: class numbers.*save it as 0"
    with pytest.raises(ImageError, match=reason):
        open_mask(tmp_path / "classes.png", (4, 3))
