"""Small ICC profiles (ICC.1:2010): RGB by primaries and curve, gray, and a CMYK of sixteen colors."""

import io
import struct
from collections.abc import Sequence

from PIL import Image, ImageCms

D50 = (0.9642, 1.0, 0.8249)
SRGB_CURVE = b"para\0\0\0\0" + struct.pack(
    ">HH5i", 3, 0, *(round(x * 65536) for x in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(value * 256), 0)


def xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def text(value: str) -> bytes:
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", 2 * len(value), 28) + value.encode("utf-16-be")


def profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    named = {b"desc": text("test"), b"cprt": text("none"), b"wtpt": xyz(D50), **tags}
    table, data = b"", b""
    for name, value in named.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(named) + len(data), len(value))
        data += value + b"\0" * (-len(value) % 4)
    body = struct.pack(">I", len(named)) + table + data
    start = 128 + len(body), b"test", b"\4\x30\0\0", kind, space, connection, b"acsp"
    return struct.pack(">I4s4s4s4s4s12x4s28x", *start) + xyz(D50)[8:] + b"\0" * 48 + body


def rgb(red: Sequence[float], green: Sequence[float], blue: Sequence[float], curve: bytes) -> bytes:
    """Return a profile with these primaries, XYZ adapted to D50, and one curve for all channels."""
    tags = {b"rXYZ": xyz(red), b"gXYZ": xyz(green), b"bXYZ": xyz(blue)}
    return profile(b"mntr", b"RGB ", b"XYZ ", {**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


DISPLAY_P3 = rgb((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407), SRGB_CURVE)
ADOBE_RGB = rgb((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), gamma(2.19922))
SRGB = rgb((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141), SRGB_CURVE)
GRAY = profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": gamma(1.0)})


def press() -> bytes:
    """Return a CMYK profile whose full cyan is no screen's cyan: a table of two points an ink, Lab in 8 bits."""
    identity = bytes(range(256))
    colors = b""
    for index in range(16):
        cyan, magenta, yellow, black = (index >> shift & 1 for shift in (3, 2, 1, 0))
        lightness = 100 * (1 - 0.45 * cyan) * (1 - 0.5 * magenta) * (1 - 0.1 * yellow) * (1 - 0.85 * black)
        a, b = -35 * cyan + 70 * magenta - 5 * yellow, -50 * cyan - 5 * magenta + 85 * yellow
        fade = 1 - black
        colors += bytes([round(lightness * 2.55), round(128 + a * fade), round(128 + b * fade)])
    matrix = struct.pack(">9i", *(65536 * (i in (0, 4, 8)) for i in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + colors + identity * 3
    return profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


def converted(image: Image.Image, target: bytes) -> Image.Image:
    """Return an sRGB image in another RGB profile, which it carries."""
    result = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(target))
    )
    assert result is not None
    result.info["icc_profile"] = target
    return result
