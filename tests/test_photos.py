"""Photos are read as their files mean them, or refused in words."""

import random
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from rembg_skin.errors import ImageError
from rembg_skin.image.limits import LOCAL, set_limits
from rembg_skin.photos import is_litter, open_image, open_mask, open_photo, open_rgb, shown_size
from rembg_skin.workers import work_on
from tests.support.photos import encoded


@pytest.mark.parametrize("tags", [{254: 1}, {50706: b"\1\4\0\0"}, {}], ids=["thumbnail", "DNG", "a name"])
def test_a_raw_file_is_refused_not_read_as_its_thumbnail(tags: dict[int, Any], tmp_path: Path) -> None:
    info = ImageFileDirectory_v2()
    info.update(tags)
    path = tmp_path / ("photo.tif" if tags else "photo.NEF")
    Image.new("RGB", (16, 12)).save(path, "TIFF", tiffinfo=info)
    with pytest.raises(ImageError, match=r"photo\..* cannot be read: it is a RAW file.*develop it"):
        open_image(path)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_16_bits_in_separate_planes_are_no_noise(
    byteorder: Any, compression: str | None, tile: tuple[int, int] | None, astronaut: Image.Image, tmp_path: Path
) -> None:
    planes = np.moveaxis(np.asarray(astronaut).astype(np.uint16) * 257, 2, 0)
    options: Any = {"photometric": "rgb", "planarconfig": "separate", "compression": compression, "tile": tile}
    tifffile.imwrite(tmp_path / "photo.tif", planes, byteorder=byteorder, **options)
    assert open_rgb(tmp_path / "photo.tif").tobytes() == astronaut.tobytes()


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((9, 7), {"photometric": "miniswhite"}),
        ((4, 9, 7), {"photometric": "separated", "planarconfig": "separate"}),
        ((9, 7, 3), {"photometric": "cielab"}),
        ((9, 7, 5), {"photometric": "rgb", "extrasamples": ["unassalpha", "unspecified"]}),
    ],
    ids=["white is 0", "CMYK planes", "Lab", "five channels"],
)
def test_16_bits_that_would_be_misread_are_refused(shape: tuple[int, ...], options: Any, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "photo.tif", np.zeros(shape, np.uint16), **options)
    with pytest.raises(ImageError, match=r"photo\.tif cannot be read: its .*(misread|not supported)"):
        open_image(tmp_path / "photo.tif")


def test_local_files_have_no_limit_of_pixels_but_a_word_above_a_gigapixel(tmp_path: Path) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 30_000, 1, 0, 0, 0, 0)
    Image.new("1", (1, 1)).save(tmp_path / "huge.png")
    data = (tmp_path / "huge.png").read_bytes()
    (tmp_path / "huge.png").write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])
    with pytest.raises(Image.DecompressionBombError):
        open_photo(tmp_path / "huge.png")
    before = set_limits(LOCAL)
    try:
        with pytest.warns(UserWarning, match=r"huge\.png has 1\.2 giga"), open_photo(tmp_path / "huge.png") as image:
            assert image.size == (40_000, 30_000)
    finally:
        set_limits(before)
    assert [limit for _, limit in work_on([0], _pixel_limit, 1)] == ["None"]


def _pixel_limit(_: int) -> str:
    return str(Image.MAX_IMAGE_PIXELS)


def test_what_cut_writes_is_not_a_photo() -> None:
    assert all(map(is_litter, ("a.cut.png", "a.mask.tif", "b.overlay.jpg", ".hidden.png", "@eaDir")))
    assert not any(map(is_litter, ("a.png", "hair-cut.png", "mask.png", "cut.jpg", "v1.2")))


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


def test_a_mask_is_resized_to_the_nearest_level_only_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).save(path)
    with pytest.raises(ImageError, match=r"mask\.png is 2x1, its image 4x2"):
        open_mask(path, (4, 2))
    np.testing.assert_array_equal(open_mask(path, (4, 2), resize=True), [[0, 0, 255, 255]] * 2)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "options"),
    [(suffix, {}) for suffix in ("jpg", "webp", "avif")]
    + [("tif", {"compression": compression}) for compression in ("raw", "tiff_lzw", "jpeg")],
)
def test_a_turned_photo_has_the_sides_and_the_pixels_of_the_same_png(
    suffix: str, options: dict[str, Any], orientation: int, tmp_path: Path
) -> None:
    pixels = np.zeros((32, 48), np.uint8)
    pixels[:8, :16] = 255
    photo, png = tmp_path / f"a.{suffix}", tmp_path / "a.png"
    for path, more in ((photo, options), (png, {})):
        Image.fromarray(pixels).save(path, exif=turned(orientation), **more)
    size = (32, 48) if orientation >= 5 else (48, 32)
    assert shown_size(photo) == shown_size(png) == size
    shown, expected = (np.asarray(open_image(path).convert("L")).astype(int) for path in (photo, png))
    assert shown.shape == expected.shape == size[::-1]
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
