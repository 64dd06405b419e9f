"""Find an image's color space: its ICC profile, or one made from the other marks that files carry.

These are PNG 3 (cICP, sRGB, gAMA, cHRM), the codes of ITU-T H.273 in HEIC and AVIF, DCF 2.0 (a camera's Adobe RGB), and
TIFF 6 and Exif 3.0 (white point, primaries, transfer function, gamma). An image without a mark is sRGB.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.errors import ImageError

_D65 = (0.3127, 0.329)
_SRGB = (*_D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # x and y of white, red, green and blue, as all below
_ADOBE, _ADOBE_GAMMA = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256
_PRIMARIES = {  # by H.273's code; 2 is "unspecified"
    **dict.fromkeys((1, 2), _SRGB),
    4: (0.31, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    **dict.fromkeys((6, 7), (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07)),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*_D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
_SRGB_TRANSFERS = (1, 2, 6, 13, 14, 15)  # BT.709's too: browsers show such stills as sRGB
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_PQ, _HLG, _WHITE = 16, 18, 203  # nits of diffuse white, BT.2408
_SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + struct.pack(
    ">5i", *(round(65536 * x) for x in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_EXIF, _INTEROP, _COLOR_SPACE, _GAMMA = 0x8769, 0xA005, 0xA001, 0xA500
_TRANSFER_FUNCTION, _WHITE_POINT, _CHROMATICITIES = 301, 318, 319
_NAMED_SRGB, _NAMED_ADOBE, _UNCALIBRATED = 1, 2, 0xFFFF  # 2 is not of the standard, but cameras wrote it


def profile_of(image: PILImage) -> bytes | None:
    """Return the ICC profile of an image's colors, or None for sRGB and without marks; damaged marks are ignored.

    The image may have any mode; its `info` is as Pillow and pillow-heif set it, with the four values of PNG's cICP
    chunk as `cicp`. HDR becomes SDR: light brighter than diffuse white is clipped. Raises ImageError if the codes of
    its color space are not supported.
    """
    info, space = image.info, b"GRAY" if image.mode[0] in "1LIF" and image.mode != "LAB" else b"RGB "
    codes, embedded = _codes(image), info.get("icc_profile")
    if "cicp" not in info and (embedded or image.mode in ("CMYK", "LAB")):
        return embedded if isinstance(embedded, bytes) else None
    if codes:
        return _coded(codes, space)
    if "srgb" in info:
        return None
    if "gamma" in info or "chromaticity" in info:
        return _measured(info.get("chromaticity", _SRGB), info.get("gamma") or 1 / 2.2, space)
    with suppress(Exception):  # damaged EXIF data fail in many ways
        return _from_exif(image.getexif(), space)
    return None


def is_hdr(image: PILImage) -> bool:
    """Return True for an image of high dynamic range: PQ or HLG."""
    codes = _codes(image)
    return codes is not None and codes[1] in (_PQ, _HLG)


def _codes(image: PILImage) -> tuple[int, int, int, int] | None:
    """Return primaries, transfer function, matrix and range as H.273 numbers them."""
    if nclx := image.info.get("nclx_profile"):
        return nclx["color_primaries"], nclx["transfer_characteristics"], 0, 1
    return image.info.get("cicp")


def _coded(codes: tuple[int, int, int, int], space: bytes) -> bytes | None:
    primaries, transfer, matrix, full_range = codes
    if primaries not in _PRIMARIES or (matrix, full_range) != (0, 1):
        shown = "-".join(map(str, codes))
        raise ImageError(f"its color space, {shown} in ITU-T H.273, is not supported; save it as sRGB")
    if _PRIMARIES[primaries] == _SRGB and transfer in _SRGB_TRANSFERS:
        return None
    return _made(_PRIMARIES[primaries], (_transfer(transfer),), space)


@lru_cache
def _transfer(code: int) -> bytes:
    signal = np.linspace(0, 1, 4096)
    if code in _SRGB_TRANSFERS:
        return _SRGB_CURVE
    if code in _GAMMAS:
        return _power(_GAMMAS[code])
    if code == _PQ:
        root = signal ** (1 / 78.84375)
        ratio = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        return _table(10_000 / _WHITE * ratio ** (1 / 0.1593017578125))
    if code == _HLG:
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)  # noqa: PLR2004
        return _table(1000 / _WHITE * scene**1.2)
    raise ImageError(f"its transfer function, {code} in ITU-T H.273, is not supported; save it as sRGB")


def _measured(points: Sequence[float], gamma: float, space: bytes) -> bytes | None:
    """Return the profile of primaries and the gamma of a file, as PNG has it; as libpng, take what is near for sRGB."""
    if len(points) != len(_SRGB):
        return None
    if abs(gamma * 2.2 - 1) <= 0.05 and np.allclose(points, _SRGB, atol=0.001):  # noqa: PLR2004
        return None
    return _made(tuple(points), (_power(1 / gamma),), space)


def _from_exif(exif: Image.Exif, space: bytes) -> bytes | None:
    details = exif.get_ifd(_EXIF)
    named = details.get(_COLOR_SPACE)
    is_adobe = named == _NAMED_ADOBE
    if named == _UNCALIBRATED:
        with suppress(KeyError):  # without such a block
            is_adobe = str(exif.get_ifd(_INTEROP).get(1)).startswith("R03")
    if is_adobe:
        return _made(_ADOBE, (_power(_ADOBE_GAMMA),), space)
    points = tuple(float(value) for tag in (_WHITE_POINT, _CHROMATICITIES) for value in exif.get(tag, ()))
    if named == _NAMED_SRGB or not points:
        return None
    if not (levels := exif.get(_TRANSFER_FUNCTION)):
        return _measured(points, 1 / float(details.get(_GAMMA, 2.2)), space)
    channels = np.reshape(levels, (1 if len(levels) % 3 else 3, -1)) / 65535
    return _made(points, tuple(map(_table, channels)), space)


@lru_cache
def _made(points: tuple[float, ...], curves: tuple[bytes, ...], space: bytes) -> bytes | None:
    """Return an ICC profile of the space GRAY or RGB, with one curve or one for each channel; None for nonsense."""
    white, *primaries = (np.array((x, y, 1 - x - y)) for x, y in zip(points[::2], points[1::2], strict=True))
    matrix = np.stack(primaries, axis=1)
    if not all(0 <= value <= 1 for value in points) or white[1] == 0 or abs(np.linalg.det(matrix)) < 0.001:  # noqa: PLR2004
        return None
    white /= white[1]
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white)) @ _BRADFORD
    tags = {b"desc": _text("Made from the marks of a photo"), b"cprt": _text("None"), b"wtpt": _numbers(b"XYZ ", _D50)}
    tags[b"chad"] = _numbers(b"sf32", adaptation)
    if space == b"GRAY":
        tags[b"kTRC"] = curves[0]
    else:
        columns = adaptation @ (matrix * np.linalg.solve(matrix, white))
        for channel, column, curve in zip((b"r", b"g", b"b"), columns.T, (curves * 3)[:3], strict=True):
            tags[channel + b"XYZ"], tags[channel + b"TRC"] = _numbers(b"XYZ ", column), curve
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(data), len(value))
        data += value + b"\0" * (-len(value) % 4)
    size = 128 + len(table + data)
    header = struct.pack(">I4x4s4s4s4s12x4s28x", size, b"\4\x30\0\0", b"mntr", space, b"XYZ ", b"acsp")
    return header + _numbers(b"", _D50)[4:] + b"\0" * 48 + table + data


def _numbers(kind: bytes, values: ArrayLike) -> bytes:
    data: bytes = np.rint(65536 * np.asarray(values)).astype(">i4").tobytes()
    return kind + b"\0\0\0\0" + data


def _text(value: str) -> bytes:
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", 2 * len(value), 28) + value.encode("utf-16-be")


def _power(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH2x", 1, min(max(round(256 * exponent), 1), 0xFFFF))


def _table(light: ArrayLike) -> bytes:
    data: bytes = np.rint(65535 * np.clip(light, 0, 1)).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", len(data) // 2) + data
