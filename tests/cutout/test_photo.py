"""Photos are read at their full depth, and pictures are written with all that belongs to them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from rembg_skin.cutout.photo import Kept, Photo, read_photo
from rembg_skin.cutout.writer import FORMATS, write_picture
from rembg_skin.errors import ImageError
from tests.support.photos import MODES, encoded, of_mode

Deep = NDArray[np.uint16]
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF, GPS = 0x8769, 0x8825


def deep_pixels(channels: int, size: tuple[int, int] = (37, 23)) -> Deep:
    return np.random.default_rng(channels).integers(0, 65536, (size[1], size[0], channels), dtype=np.uint16)


def exif(orientation: int = 1) -> dict[int, Any]:
    return {
        0x0112: orientation,
        0x010F: "A camera",
        EXIF: {0x829A: 0.01, 0xA002: 23, 0xA003: 37, 0x9003: "2026:11:25 08:00:00"},
        GPS: {1: "N", 2: (47.0, 22.0, 0.5)},
    }


def deep_of(path: Path) -> Deep:
    deep = read_photo(path).deep
    assert deep is not None
    return deep


@pytest.mark.parametrize("suffix", ["png", "tif"])  # OpenCV's are compressed, as TIFF with LZW
@pytest.mark.parametrize(("channels", "order"), [(1, [0]), (3, [2, 1, 0]), (4, [2, 1, 0, 3])])
def test_16_bits_of_opencv_are_read_bit_by_bit(channels: int, order: list[int], suffix: str, tmp_path: Path) -> None:
    pixels = deep_pixels(channels)
    assert cv2.imwrite(str(tmp_path / f"deep.{suffix}"), pixels[..., order])
    assert np.array_equal(deep_of(tmp_path / f"deep.{suffix}"), pixels)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("layout", ["gray", "rgb", "rgba", "rgbx", "planes", "planes with alpha"])
def test_a_tiff_of_16_bits_is_read_bit_by_bit(
    layout: str, byteorder: Any, compression: str | None, tmp_path: Path
) -> None:
    channels = {"gray": 1, "rgb": 3, "planes": 3}.get(layout, 4)
    pixels = deep_pixels(channels)
    options: dict[str, Any] = {"photometric": "rgb" if channels > 1 else "minisblack", "byteorder": byteorder}
    if channels == 4:
        options["extrasamples"] = ["unspecified" if layout == "rgbx" else "unassalpha"]
    if layout.startswith("planes"):
        stored, options["planarconfig"] = np.moveaxis(pixels, 2, 0), "separate"
    else:
        stored, options["planarconfig"] = pixels.squeeze(), "contig" if channels > 1 else None
    tifffile.imwrite(tmp_path / "deep.tif", stored, compression=compression, **options)
    if layout.startswith("planes") and compression:  # Pillow gives 8 of these bits, which is told
        photo = read_photo(tmp_path / "deep.tif")
        assert (photo.deep, photo.bits) == (None, 16)
        assert np.array_equal(np.asarray(photo.image), (pixels >> 8).astype(np.uint8))
    else:
        assert np.array_equal(deep_of(tmp_path / "deep.tif"), pixels[..., :3] if layout == "rgbx" else pixels)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("mode", ["RGB;16", "RGBA;16"])
def test_heic_is_read_with_all_its_bits(bits: int, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heif = pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif")
    monkeypatch.setattr(heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
    levels = deep_pixels(len(mode) - 3, (64, 48)) >> (16 - bits)
    picture = heif.from_bytes(mode=mode, size=(64, 48), data=(levels << (16 - bits)).tobytes())
    picture.save(tmp_path / "deep.heic", quality=-1, chroma=444, matrix_coefficients=0)
    expected = (levels << (16 - bits) | levels >> (2 * bits - 16)).astype(np.uint16)
    assert np.array_equal(deep_of(tmp_path / "deep.heic"), expected)


@pytest.mark.parametrize(("suffix", "bits"), [("avif", 10), ("jp2", 16), ("ppm", 16), ("tif", 16)])
def test_bits_that_pillow_does_not_give_are_counted(suffix: str, bits: int, tmp_path: Path) -> None:
    path = tmp_path / f"photo.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, deep_pixels(4), photometric="separated")
    else:
        pixels = deep_pixels(3, (64, 64)) >> (16 - bits)
        assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_AVIF_DEPTH, 10] if bits == 10 else [])
    photo = read_photo(path)
    assert (photo.deep, photo.bits) == (None, bits)


def test_premultiplied_colors_become_straight_ones(tmp_path: Path) -> None:
    straight = np.full((5, 6, 4), (40000, 20000, 1000, 32768), np.uint16)
    premultiplied = straight.copy()
    premultiplied[..., :3] = np.rint(straight[..., :3] * (32768 / 65535))
    options: Any = {"photometric": "rgb", "extrasamples": ["assocalpha"], "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "deep.tif", premultiplied, **options)
    assert np.abs(deep_of(tmp_path / "deep.tif").astype(int) - straight).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_photo_is_turned_as_its_exif_data_say(orientation: int, tmp_path: Path) -> None:
    write_picture(tmp_path / "deep.png", "png", deep_pixels(3), Kept(exif=exif(orientation)))
    photo = read_photo(tmp_path / "deep.png")
    shown = np.asarray(photo.image)
    assert np.array_equal((deep_of(tmp_path / "deep.png") >> 8).astype(np.uint8), shown)
    assert shown.shape[:2] == ((37, 23) if orientation > 4 else (23, 37))
    assert photo.kept.exif[0x0112] == 1
    assert photo.kept.exif[EXIF][0xA002] == photo.image.width


@settings(deadline=None, max_examples=80)
@given(
    channels=st.integers(1, 4),
    depth=st.sampled_from([np.uint8, np.uint16]),
    size=st.tuples(st.integers(1, 70), st.integers(1, 200)),
    format_name=st.sampled_from(["png", "tiff", "webp"]),
)
def test_what_is_written_comes_back_the_same(
    channels: int, depth: Any, size: tuple[int, int], format_name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pixels: Any = deep_pixels(channels, size).astype(depth)
    kept = Kept(PROFILE if channels > 2 else None, (240.0, 120.0), exif())
    path = tmp_path_factory.mktemp("any") / "picture"
    if format_name == "webp" and depth is np.uint16:
        with pytest.raises(ImageError, match="WebP holds 8"):
            write_picture(path, format_name, pixels, kept)
        return
    write_picture(path, format_name, pixels, kept)
    if (channels, depth, format_name) == (2, np.uint16, "tiff"):  # others read what Pillow does not
        assert np.array_equal(tifffile.imread(path).reshape(pixels.shape), pixels)
        return
    photo = read_photo(path)
    found: Any = np.asarray(photo.image) if photo.deep is None else photo.deep
    if format_name == "webp" and channels < 3:
        found = found[..., [0, 3][:channels]]
    assert np.array_equal(found.reshape(pixels.shape), pixels)
    assert photo.kept.profile == kept.profile
    assert photo.kept.dpi == pytest.approx((240, 120), abs=0.02)
    assert photo.kept.exif[0x010F] == "A camera"
    assert photo.kept.exif[EXIF][0x829A] == pytest.approx(0.01)
    assert photo.kept.exif[GPS][2] == (47.0, 22.0, 0.5)


@pytest.mark.parametrize("format_name", FORMATS)
def test_texts_keep_their_bytes_and_a_file_that_is_not_of_the_photo_stays_behind(
    format_name: str, tmp_path: Path
) -> None:
    credit = "Zoë Müller © ミュラー".encode()
    tags = ImageFileDirectory_v2()
    tags[315], tags[33432] = credit, "José".encode("latin-1")
    tags.tagtype[37724], tags[37724] = 7, b"Adobe Photoshop Document Data Block\0" + bytes(100_000)  # its layers
    tags.tagtype[50838], tags[50838] = 7, bytes(50_000)
    Image.new("RGB", (9, 7)).save(tmp_path / "photo.tif", tiffinfo=tags)
    write_picture(tmp_path / "cut", format_name, np.zeros((7, 9, 3), np.uint8), read_photo(tmp_path / "photo.tif").kept)
    written = (tmp_path / "cut").read_bytes()
    assert credit in written
    assert "José".encode("latin-1") in written
    assert len(written) < 2000


def test_the_exif_data_name_the_color_space_of_the_picture(tmp_path: Path) -> None:
    marks = Image.Exif()
    marks[EXIF] = {0xA001: 65535, 0xA500: 2.2, 0xA005: {1: "R03"}}
    Image.new("RGB", (9, 7)).save(tmp_path / "photo.jpg", exif=marks)
    kept = read_photo(tmp_path / "photo.jpg").kept
    assert kept.profile is not None
    assert kept.tags()[EXIF] == {0xA001: 65535}
    assert Kept(exif=kept.exif).tags()[EXIF] == {0xA001: 1}


@pytest.mark.parametrize("format_name", ["png", "tiff"])
def test_other_readers_see_the_same_16_bits(format_name: str, tmp_path: Path) -> None:
    pixels = deep_pixels(4, (64, 90))
    path = tmp_path / f"picture.{format_name}"
    write_picture(path, format_name, pixels, Kept(PROFILE, (300, 300), exif()))
    read: Any = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read[..., [2, 1, 0, 3]], pixels)
    if format_name == "tiff":
        assert np.array_equal(tifffile.imread(path), pixels)


def test_a_mask_becomes_alpha_but_shows_nothing_that_was_transparent(tmp_path: Path) -> None:
    *rgb, own, mask = np.random.default_rng(1).integers(0, 256, (5, 23, 37), dtype=np.uint8)
    Image.fromarray(np.dstack([*rgb, own])).save(tmp_path / "photo.png")
    pixels, _ = read_photo(tmp_path / "photo.png").cutout(mask)
    assert np.array_equal(pixels, np.dstack([*rgb, np.minimum(mask, own)]))


@pytest.mark.parametrize("mode", sorted({*MODES} - {"I", "F"}))
def test_every_mode_has_its_cutout(mode: str, tmp_path: Path) -> None:
    photo = Photo(of_mode(mode, (9, 7)), None, 8, Kept())
    pixels, kept = photo.cutout(np.full((7, 9), 99, np.uint8))
    assert pixels.shape[:2] == (7, 9)
    assert (pixels[..., -1] == 99).all()
    write_picture(tmp_path / "cut.tif", "tiff", pixels, kept)


def test_values_of_32_bits_have_no_cutout(tmp_path: Path) -> None:
    Image.new("F", (9, 7)).save(tmp_path / "photo.tif")
    photo = read_photo(tmp_path / "photo.tif")
    with pytest.raises(ImageError, match=r"32 bits.*--mask"):
        photo.cutout(np.zeros((7, 9), np.uint8))


def test_a_profile_of_other_colors_goes_with_none(tmp_path: Path) -> None:
    Image.new("L", (9, 7)).save(tmp_path / "photo.jpg", icc_profile=PROFILE)
    assert read_photo(tmp_path / "photo.jpg").cutout(np.zeros((7, 9), np.uint8))[1].profile is None


@settings(deadline=None, max_examples=100)
@given(place=st.integers(0, 3000), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_read_or_an_error_with_its_name(
    place: int, value: int, cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    image = Image.fromarray((deep_pixels(3) >> 8).astype(np.uint8))
    options: Any = {"icc_profile": PROFILE, "exif": Kept(exif=exif(6)).exif_bytes(), "dpi": (72, 72)}
    data = bytearray(encoded(image, "TIFF" if value % 2 else "PNG", **options))
    place %= len(data)
    data[place] = value
    path = tmp_path_factory.mktemp("odd") / "photo.any"
    path.write_bytes(data[:place] if cut else data)
    try:
        photo = read_photo(path)
        pixels, kept = photo.cutout(np.zeros((photo.image.height, photo.image.width), np.uint8))
        for format_name in FORMATS.keys() - {"jpeg"}:
            write_picture(path.with_name("out"), format_name, pixels, kept)
    except ImageError as error:
        message = str(error)
        assert message
