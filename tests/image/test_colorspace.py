"""Colors are those that a file names, in whatever way it names them."""

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from rembg_skin.cutout.photo import Kept, read_photo
from rembg_skin.errors import ImageError
from rembg_skin.image.colorspace import profile_of
from rembg_skin.image.rgb import to_rgb
from rembg_skin.photos import open_image, open_rgb
from tests.support import profiles
from tests.support.photos import encoded

ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
CHROMATICITIES = struct.pack(">8I", *(round(100_000 * value) for value in ADOBE))
POWER = tuple(round(65535 * (level / 255) ** (563 / 256)) for level in range(256))
LINEAR_2020 = profiles.rgb(
    (0.67346, 0.27903, -0.00193), (0.16567, 0.67534, 0.02998), (0.12505, 0.04563, 0.79686), profiles.gamma(1.0)
)
Save = Callable[[Image.Image, Path], None]
Coded = Callable[[int, int, Image.Image, Path], None]


@pytest.fixture
def srgb(astronaut: Image.Image) -> Image.Image:
    return astronaut.crop((160, 30, 288, 158))


def distance(first: Any, second: Image.Image) -> float:
    return float(np.abs(np.asarray(first).astype(int) - np.asarray(second)).mean())


def jpeg(exif: dict[int, Any], image: Image.Image, path: Path) -> None:
    block = Image.Exif()
    block.update(exif)
    image.save(path, "JPEG", quality=100, subsampling=0, exif=block)


def png(chunks: dict[bytes, bytes], image: Image.Image, path: Path) -> None:
    image.save(path, "PNG")
    data, added = path.read_bytes(), b""
    for name, content in chunks.items():
        added += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    path.write_bytes(data[:33] + added + data[33:])


def tiff(curve: tuple[int, ...], image: Image.Image, path: Path) -> None:
    tags = ImageFileDirectory_v2()
    tags[318], tags[319] = ADOBE[:2], ADOBE[2:]
    if curve:
        tags.tagtype[301], tags[301] = 3, curve
    image.save(path, "TIFF", tiffinfo=tags)


def embedding(kind: str, image: Image.Image, path: Path) -> None:
    image.save(path, kind, quality=100, icc_profile=profiles.ADOBE_RGB)


def cicp(primaries: int, transfer: int, image: Image.Image, path: Path) -> None:
    png({b"cICP": bytes([primaries, transfer, 0, 1])}, image, path)


def avif(primaries: int, transfer: int, image: Image.Image, path: Path) -> None:
    image.save(path, "AVIF", quality=100, subsampling="4:4:4")
    data = path.read_bytes()
    place = data.index(b"colrnclx") + 8
    path.write_bytes(data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :])


def heic(primaries: int, transfer: int, image: Image.Image, path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif")
    codes = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": 6}
    heif.from_pillow(image).save(path, quality=-1, chroma=444, full_range_flag=1, **codes)


def bmp(profile: bytes, image: Image.Image, path: Path) -> None:
    pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGR")  # rows of a multiple of 4 bytes
    header = struct.pack("<IiiHHIIiiII", 124, *image.size, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    embedded = bytes(16) + b"DEBM" + bytes(52) + struct.pack("<III", 124 + len(pixels), len(profile), 0)
    start = b"BM" + struct.pack("<III", 138 + len(pixels + profile), 0, 138)
    path.write_bytes(start + header + embedded + pixels + profile)


def jpeg2000(profile: bytes, image: Image.Image, path: Path) -> None:
    data = encoded(image, "JPEG2000")
    header, color = data.index(b"jp2h") - 4, data.index(b"colr") - 4
    (size,), (old,) = struct.unpack_from(">I", data, header), struct.unpack_from(">I", data, color)
    box = struct.pack(">I4sBBB", 11 + len(profile), b"colr", 2, 0, 0) + profile
    head = struct.pack(">I", size - old + len(box)) + data[header + 4 : color]
    path.write_bytes(data[:header] + head + box + data[color + old :])


def cutout(path: Path) -> tuple[Any, Kept]:
    photo = read_photo(path)
    return photo.cutout(np.zeros(photo.image.size[::-1], np.uint8))


DCF = {0x8769: {0xA001: 65535, 0xA005: {1: "R03"}}}
FILES: dict[str, Save] = {
    "DCF": partial(jpeg, DCF),
    "turned": lambda image, path: jpeg({0x0112: 6, **DCF}, image.transpose(Image.Transpose.ROTATE_90), path),
    "Exif 2": partial(jpeg, {0x8769: {0xA001: 2}}),
    "Exif primaries": partial(jpeg, {318: ADOBE[:2], 319: ADOBE[2:], 0x8769: {0xA001: 65535, 0xA500: 2.2}}),
    "PNG": partial(png, {b"gAMA": struct.pack(">I", 45470), b"cHRM": CHROMATICITIES}),
    "TIFF": partial(tiff, ()),
    "TIFF with a curve": partial(tiff, POWER),
    "TIFF with curves": partial(tiff, POWER * 3),
    "JPEG 2000": partial(jpeg2000, profiles.ADOBE_RGB),
    "BMP": partial(bmp, profiles.ADOBE_RGB),
    **{f"{kind} with a profile": partial(embedding, kind) for kind in ("PNG", "TIFF", "JPEG", "WEBP")},
}


@pytest.mark.parametrize("kind", FILES)
def test_adobe_rgb_is_read_as_such_and_a_cutout_names_it(kind: str, srgb: Image.Image, tmp_path: Path) -> None:
    adobe = profiles.converted(srgb, profiles.ADOBE_RGB)
    adobe.info.clear()
    FILES[kind](adobe, tmp_path / "photo")
    assert distance(open_rgb(tmp_path / "photo"), srgb) < 1.6
    pixels, kept = cutout(tmp_path / "photo")
    shown = Image.fromarray(pixels[..., :3])
    assert distance(shown, adobe) < 1.6
    profile = ImageCms.ImageCmsProfile(io.BytesIO(kept.profile or b""))
    assert distance(ImageCms.profileToProfile(shown, profile, ImageCms.createProfile("sRGB")), srgb) < 1.6


@pytest.mark.parametrize("save", [cicp, avif, heic])
def test_display_p3_is_read_as_such(save: Coded, srgb: Image.Image, tmp_path: Path) -> None:
    save(12, 13, profiles.converted(srgb, profiles.DISPLAY_P3), tmp_path / "photo")
    assert distance(open_rgb(tmp_path / "photo"), srgb) < 1.2


@pytest.mark.parametrize("save", [cicp, avif, heic])
@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_read_as_sdr_and_not_cut(save: Coded, transfer: int, srgb: Image.Image, tmp_path: Path) -> None:
    light = np.asarray(profiles.converted(srgb, LINEAR_2020)) / 255 * 203  # nits
    if transfer == 16:
        power = (light / 10_000) ** 0.1593017578125
        signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        scene = (light / 1000) ** (1 / 1.2)
        curve = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 0.1)) + 0.55991073
        signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), curve)
    picture = Image.fromarray(np.rint(255 * signal).astype(np.uint8))
    save(9, transfer, picture, tmp_path / "photo")
    assert distance(open_rgb(tmp_path / "photo"), srgb) < 4
    with pytest.raises(ImageError, match=r"HDR.*--mask"):
        cutout(tmp_path / "photo")


@pytest.mark.parametrize(
    "save",
    [
        partial(png, {b"gAMA": struct.pack(">I", 45455)}),
        partial(png, {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 100_000)}),
        partial(png, {b"cICP": bytes([1, 13, 0, 1]), b"gAMA": struct.pack(">I", 100_000)}),
        partial(png, {b"gAMA": bytes(4), b"cHRM": bytes(32)}),
        partial(png, {b"cHRM": struct.pack(">8I", *[2**31] * 8)}),
        partial(jpeg, {0x8769: {0xA001: 65535}}),
        partial(jpeg, {0x8769: {0xA001: 1}, 318: ADOBE[:2], 319: ADOBE[2:]}),
        partial(jpeg, {318: (0.3, 0.3)}),
        partial(avif, 1, 1),
        partial(avif, 2, 2),
        partial(heic, 1, 13),
    ],
)
def test_srgb_and_nonsense_change_nothing(save: Save, srgb: Image.Image, tmp_path: Path) -> None:
    save(srgb, tmp_path / "photo")
    image = open_image(tmp_path / "photo")
    assert profile_of(image) is None
    assert open_rgb(tmp_path / "photo").tobytes() == image.tobytes()


@pytest.mark.parametrize(
    "save", [partial(cicp, 10, 13), partial(png, {b"cICP": bytes([1, 13, 0, 0])}), partial(avif, 1, 9)]
)
def test_unsupported_codes_are_refused(save: Save, srgb: Image.Image, tmp_path: Path) -> None:
    save(srgb, tmp_path / "photo")
    with pytest.raises(ImageError, match=r"H\.273, is not supported"):
        open_rgb(tmp_path / "photo")


@given(
    chunks=st.dictionaries(st.sampled_from([b"gAMA", b"cHRM", b"cICP", b"sRGB"]), st.binary(max_size=40)),
    exif=st.dictionaries(
        st.sampled_from([301, 318, 319, 0xA001, 0xA500]),
        st.lists(st.floats(0, 70_000, width=32), max_size=9).map(tuple),
    ),
)
def test_damaged_marks_are_no_error(
    chunks: dict[bytes, bytes], exif: dict[int, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "photo.png"
    png(chunks, Image.new("RGB", (3, 2), (200, 150, 120)), path)
    with suppress(ImageError):
        image = open_image(path)
        image.getexif().update({**exif, 0x8769: exif})
        assert to_rgb(image)[0].size == (3, 2)


def test_a_gray_photo_keeps_its_gamma(tmp_path: Path) -> None:
    png({b"gAMA": struct.pack(">I", 100_000)}, Image.linear_gradient("L"), tmp_path / "photo")
    _, kept = cutout(tmp_path / "photo")
    assert kept.profile is not None
    assert ImageCms.ImageCmsProfile(io.BytesIO(kept.profile)).profile.xcolor_space == "GRAY"
