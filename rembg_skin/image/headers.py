"""Read what Pillow leaves out of a file's header: color spaces, profiles, and the depth of deep files."""

import struct
from contextlib import suppress
from typing import Any

from rembg_skin.errors import ImageError

_CODESTREAM, _DEPTH = b"\xff\x4f\xff\x51", 42  # JPEG 2000's first markers; from there to the bits of a channel
_V5, _EMBEDDED = 124, b"DEBM"  # BMP: the header's size, and its mark of a profile
_KNOWN_SPACES = (0, 12, 15, 16, 17, 18)  # of JPEG 2000, as Pillow decodes them: bitmaps, CMYK, sRGB, gray, sYCC


def complete_info(image: Any) -> None:
    """Add what Pillow leaves out of a file's header to the `info` of its image, open but not yet decoded.

    `cicp` are a color space's codes (primaries, transfer function, matrix, range) of ITU-T H.273. Raises ImageError if
    Pillow would show other colors than the file's.
    """
    if image.format not in _READERS:
        return
    place = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read(image.tile[0].offset if image.format == "PNG" else -1)
    image.fp.seek(place)
    with suppress(struct.error, IndexError, ValueError):  # damaged: the decoder's business
        found = _READERS[image.format](data)
        if image.format == "AVIF" and "icc_profile" in image.info:  # it wins, other than in PNG
            found.pop("cicp", None)
        image.info.update(found)


def _png(data: bytes) -> dict[str, Any]:
    place = data.find(b"\0\0\0\4cICP", 0, data.find(b"IDAT"))
    return {"cicp": tuple(data[place + 8 : place + 12])} if place > 0 else {}


def _avif(data: bytes) -> dict[str, Any]:
    properties = _box(_box(_box(data, b"meta")[4:], b"iprp"), b"ipco")
    flags = _box(properties, b"av1C")[2]
    found: dict[str, Any] = {"bit_depth": 8 + 2 * (flags >> 6 & 1) + 2 * (flags >> 5 & 1)}
    color = _box(properties, b"colr")
    if color.startswith(b"nclx"):
        found["cicp"] = (*struct.unpack_from(">HH", color, 4), 0, 1)  # the decoder knows matrix and range
    return found


def _jpeg2000(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"bit_depth": (data[data.index(_CODESTREAM) + _DEPTH] & 0x7F) + 1}
    color = _box(_box(data, b"jp2h"), b"colr")
    if color[:1] == b"\2":
        found["icc_profile"] = color[3:]
    elif color[:1] == b"\1" and (space := int.from_bytes(color[3:7])) not in _KNOWN_SPACES:
        raise ImageError(f"its color space, {space} of JPEG 2000, is not supported; save it as sRGB")
    return found


def _bmp(data: bytes) -> dict[str, Any]:
    if data[14] != _V5 or data[70:74] != _EMBEDDED:
        return {}
    place, size = struct.unpack_from("<II", data, 126)
    return {"icc_profile": data[14 + place : 14 + place + size]}


_READERS = {"PNG": _png, "AVIF": _avif, "JPEG2000": _jpeg2000, "BMP": _bmp}


def _box(data: bytes, kind: bytes) -> bytes:
    """Return the content of the first box of this kind (ISO/IEC 14496-12, JPEG 2000); empty without one."""
    place = 0
    while place + 8 <= len(data):
        size, found = struct.unpack_from(">I4s", data, place)
        if found == kind:
            return data[place + 8 : place + size]
        place += size if size >= 8 else len(data)  # noqa: PLR2004 - a box's own header
    return b""
