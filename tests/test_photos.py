"""Photos are read as their files mean them, or refused in words."""

import struct
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
from rembg_skin.photos import is_litter, open_image, open_photo, open_rgb
from rembg_skin.workers import work_on


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
