"""Write pictures for editors, with all that they keep of the photo.

Pillow writes neither PNG nor TIFF with 16-bit colors, and tifffile no EXIF blocks: a few lines of zlib do.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from rembg_skin.cutout.photo import Kept, Pixels
from rembg_skin.errors import ImageError

_PSDS_SIDE, _WEBPS_SIDE, _JPEGS_SIDE, _JPEGS_EXIF = 30_000, 16383, 65500, 65527  # pixels; bytes
_QUALITY = 95  # of JPEG
_INCHES = 39.3701  # a metre

_PNG = b"\x89PNG\r\n\x1a\n"
_PNGS_COLORS = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG's number of gray, gray and alpha, RGB, RGBA
_SUB = 1  # the filter: each byte less that of the pixel to its left
_ROWS = 64  # at a time

_TIFF = b"II*\0\x08\0\0\0"  # little-endian; the directory follows at once
_DEFLATE, _DIFFERENCES, _GRAY, _RGB, _STRAIGHT_ALPHA, _INTERLEAVED, _INCH = 8, 2, 1, 2, 2, 1, 2
_STRIP = 1 << 20  # bytes before compression
_LARGEST = (1 << 32) - (1 << 20)  # bytes: offsets have 32 bits


def write_picture(path: Path, format_name: str, pixels: Pixels, kept: Kept) -> None:
    """Write a picture in one of :data:`FORMATS`, whatever the suffix of `path`.

    `pixels` are uint8 or uint16 [height, width, channels]: gray, gray and alpha, RGB or RGBA. Raises ImageError if the
    format cannot hold them.
    """
    FORMATS[format_name](path, pixels, kept)


def _write_png(path: Path, pixels: Pixels, kept: Kept) -> None:
    if pixels.dtype == np.uint8:
        _image(pixels).save(path, "PNG", **_common(kept))
        return
    height, width, channels = pixels.shape
    with path.open("wb") as file:

        def write(kind: bytes, data: bytes) -> None:
            file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))

        file.write(_PNG)
        write(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _PNGS_COLORS[channels], 0, 0, 0))
        if kept.profile is not None:
            write(b"iCCP", b"ICC Profile\0\0" + zlib.compress(kept.profile))
        if kept.dpi is not None:
            write(b"pHYs", struct.pack(">IIB", *(round(value * _INCHES) for value in kept.dpi), 1))
        if kept.exif:
            write(b"eXIf", kept.exif_bytes().removeprefix(b"Exif\0\0"))
        for data in _compressed(pixels):
            write(b"IDAT", data)
        write(b"IEND", b"")


def _compressed(pixels: Pixels) -> Iterator[bytes]:
    """Yield the data of a PNG of 16 bits, piece by piece."""
    compressor = zlib.compressobj(strategy=zlib.Z_RLE)  # at 16 bits smaller than the default, and 8 times as fast
    height, width, channels = pixels.shape
    step = 2 * channels
    for top in range(0, height, _ROWS):
        rows = pixels[top : top + _ROWS].astype(">u2").view(np.uint8).reshape(-1, width * step)
        lines = np.empty((len(rows), 1 + width * step), np.uint8)
        lines[:, 0] = _SUB
        lines[:, 1 : 1 + step] = rows[:, :step]
        np.subtract(rows[:, step:], rows[:, :-step], out=lines[:, 1 + step :])
        if data := compressor.compress(lines.tobytes()):
            yield data
    yield compressor.flush()


def _write_tiff(path: Path, pixels: Pixels, kept: Kept) -> None:
    height, width, channels = pixels.shape
    little: np.dtype[Any] = pixels.dtype.newbyteorder("<")
    rows = max(1, _STRIP // (width * channels * little.itemsize))
    strips: list[bytes] = []
    for top in range(0, height, rows):
        strip: Any = pixels[top : top + rows].astype(little)
        strip[:, 1:] -= strip[:, :-1].copy()
        # Run lengths only: 8 times as fast as the default; smaller at 16 bits, a tenth larger at 8.
        compressor = zlib.compressobj(strategy=zlib.Z_RLE)
        strips.append(compressor.compress(strip.tobytes()) + compressor.flush())
    sizes = [len(strip) for strip in strips]
    if sum(sizes) > _LARGEST:
        raise ImageError("it takes more than the 4 GB that a TIFF file holds")
    directory = ImageFileDirectory_v2(_TIFF)
    directory.update(kept.tags())
    directory[256], directory[257], directory[258] = width, height, (8 * little.itemsize,) * channels
    directory[259], directory[317], directory[284] = _DEFLATE, _DIFFERENCES, _INTERLEAVED
    directory[262] = _RGB if channels > 2 else _GRAY  # noqa: PLR2004
    directory[277], directory[278] = channels, rows
    if channels in (2, 4):
        directory[338] = _STRAIGHT_ALPHA
    if kept.dpi is not None:
        directory[282], directory[283], directory[296] = *kept.dpi, _INCH
    if kept.profile is not None:
        directory[34675] = kept.profile
    # The directory adds its own end to the offsets.
    directory[273] = tuple(int(offset) for offset in np.cumsum([0, *sizes[:-1]]))
    directory[279] = tuple(sizes)
    with path.open("wb") as file:
        file.write(_TIFF + directory.tobytes(len(_TIFF)))
        file.writelines(strips)


def _write_psd(path: Path, pixels: Pixels, kept: Kept) -> None:
    """Write one layer of the photo's colors with the alpha as a layer mask, on which editors paint."""
    from psd_tools import PSDImage
    from psd_tools.constants import Resource
    from psd_tools.psd.image_resources import ImageResource

    if pixels.dtype != np.uint8 or max(pixels.shape) > _PSDS_SIDE:
        most = f"8 bits a channel and at most {_PSDS_SIDE} pixels a side"
        raise ImageError(f"PSD is written with {most}; write PNG or TIFF")
    colors = _image(pixels[..., :1] if pixels.shape[2] < 3 else pixels[..., :3])  # noqa: PLR2004
    document = PSDImage.new(colors.mode, colors.size)
    document.create_pixel_layer(colors, name="Photo").create_mask(_image(pixels[..., -1:]))
    resources = {Resource.ICC_PROFILE: kept.profile}
    if kept.exif:
        resources[Resource.EXIF_DATA_1] = kept.exif_bytes().removeprefix(b"Exif\0\0")
    if kept.dpi is not None:
        across, down = (round(65536 * value) for value in kept.dpi)
        resources[Resource.RESOLUTION_INFO] = struct.pack(">IHHIHH", across, 1, 1, down, 1, 1)  # 1: inches
    for key, data in resources.items():
        if data is not None:
            document.image_resources[key] = ImageResource(key=key.value, data=data)
    document.save(path)


def _write_webp(path: Path, pixels: Pixels, kept: Kept) -> None:
    if pixels.dtype != np.uint8:
        raise ImageError("it has 16 bits a channel and WebP holds 8; write PNG or TIFF")
    _check_side(pixels, "WebP", _WEBPS_SIDE)
    image = _image(pixels)
    if image.mode in ("L", "LA"):  # WebP has no gray
        image, kept = image.convert("RGBA" if image.mode == "LA" else "RGB"), Kept(None, kept.dpi, kept.exif)
    # WebP keeps the resolution in the EXIF data alone.
    resolution = {} if kept.dpi is None else {282: kept.dpi[0], 283: kept.dpi[1], 296: _INCH}
    options = _common(Kept(kept.profile, exif={**kept.exif, **resolution}))
    image.save(path, "WEBP", lossless=True, exact=True, quality=50, **options)


def _write_jpeg(path: Path, pixels: Pixels, kept: Kept) -> None:
    _check_side(pixels, "JPEG", _JPEGS_SIDE)
    if len(kept.exif_bytes()) > _JPEGS_EXIF:
        raise ImageError("its EXIF data take more than the 64 kB that JPEG holds; write PNG, TIFF or WebP")
    _image(pixels).save(path, "JPEG", quality=_QUALITY, **_common(kept))


def _common(kept: Kept) -> dict[str, Any]:
    options = {"icc_profile": kept.profile, "dpi": kept.dpi, "exif": kept.exif_bytes() if kept.exif else None}
    return {name: value for name, value in options.items() if value is not None}


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _check_side(pixels: Pixels, name: str, most: int) -> None:
    if (longer := max(pixels.shape[:2])) > most:
        raise ImageError(f"its longer side has {longer} pixels and {name} holds {most}; write PNG or TIFF")


FORMATS: dict[str, Callable[[Path, Pixels, Kept], None]] = {
    "png": _write_png,
    "tiff": _write_tiff,
    "psd": _write_psd,
    "webp": _write_webp,
    "jpeg": _write_jpeg,
}
