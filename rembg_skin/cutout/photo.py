"""Read a photo with all that an editor needs of it: values at full depth, color profile, resolution, EXIF data.

Pillow decodes 16-bit colors to 8 bits. Told that the file's bytes are the other way round, its decoders give the other
byte of each value: two passes give all 16 bits, of every compression that Pillow knows.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.errors import ImageError
from rembg_skin.image.arrays import Mask
from rembg_skin.image.colorspace import is_hdr, profile_of
from rembg_skin.image.rgb import to_rgb
from rembg_skin.photos import open_photo, unreadable, upright

Pixels = NDArray[np.uint8] | NDArray[np.uint16]  # [height, width, channels]: gray, gray + alpha, RGB or RGBA

_ORIENTATION, _EXIF, _GPS = 0x0112, 0x8769, 0x8825
_COLOR_SPACE, _WIDTH, _HEIGHT = 0xA001, 0xA002, 0xA003  # in the EXIF block
_OF_THE_FILE = (0xA005, 0xA500)  # in the EXIF block: interoperability, gamma; profiles say more
# Title, camera, program, time, author, computer, copyright, ratings, and Windows' texts. Other tags describe the file's
# layout, or hold what belongs to one program, such as Photoshop's layers.
_ABOUT = frozenset((270, 271, 272, 305, 306, 315, 316, 33432, 18246, 18249, *range(40091, 40096)))
_OTHER_BYTE = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}
_LAST_OF_8_BITS = {"ppm": 255, "sgi_rle": 1, "SGI16": -2}  # the last argument of decoders, which 16 bits exceed
_ACROSS, _DOWN, _UNIT, _A_CENTIMETRE, _CENTIMETRES = 282, 283, 296, 3, 2.54  # an inch
_BITS, _PLANES, _SEPARATE, _WHITE = 258, 284, 2, 0xFFFF


class _Latin(str):
    """EXIF text, which is bytes of any encoding: Pillow reads them as Latin-1 and would write ASCII."""

    __slots__ = ()

    def encode(self, *_args: str) -> bytes:
        return super().encode("latin-1")


@dataclass(frozen=True)
class Kept:
    """All that an upright picture keeps, apart from its pixels; EXIF values by tag, those of a block as a mapping."""

    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: Mapping[int, Any] = field(default_factory=dict)

    def tags(self) -> dict[int, Any]:
        """Return the EXIF data, naming the color space as the profile does: sRGB (1) without one."""
        tags = dict(self.exif)
        if _COLOR_SPACE in tags.get(_EXIF, ()):
            tags[_EXIF] = {**tags[_EXIF], _COLOR_SPACE: 1 if self.profile is None else _WHITE}
        return tags

    def exif_bytes(self) -> bytes:
        """Return the EXIF data as JPEG, PNG and WebP hold them."""
        exif = Image.Exif()
        exif.update(self.tags())
        return exif.tobytes()

    def of(self, channels: int) -> "Kept":
        """Return it without a profile that is not for the colors of a picture of so many channels."""
        wanted = b"RGB " if channels > 2 else b"GRAY"  # noqa: PLR2004
        return self if self.profile is not None and self.profile[16:20] == wanted else replace(self, profile=None)


@dataclass(frozen=True)
class Photo:
    """A photo, upright."""

    image: PILImage  # as a session takes it
    deep: NDArray[np.uint16] | None  # [height, width, channels] as in Pixels; None if only 8 bits can be read
    bits: int  # of a channel in the file
    kept: Kept

    def cutout(self, mask: Mask) -> tuple[Pixels, Kept]:
        """Return the photo's own colors with `mask` as alpha, or the photo's own alpha if that is lower.

        Gray and alpha or RGBA, uint8 or uint16 [height, width, 2 or 4], and what it keeps. Raises ImageError if a
        cutout cannot hold the values: HDR, or 32 bits.
        """
        if is_hdr(self.image):
            raise ImageError("its colors are HDR (PQ or HLG), which a cutout cannot hold; --mask writes only the mask")
        alpha: Pixels = mask
        if self.deep is None:
            pixels, kept = self._eight_bits()
        else:
            pixels, kept, alpha = self.deep, self.kept, mask.astype(np.uint16) * np.uint16(_WHITE // 255)
        if pixels.shape[2] in (2, 4):
            pixels, alpha = pixels[..., :-1], np.minimum(alpha, pixels[..., -1])
        result: Any = np.dstack([pixels, alpha])
        return result, kept.of(pixels.shape[2])

    def _eight_bits(self) -> tuple[Pixels, Kept]:
        image, kept = self.image, self.kept
        if image.mode in ("I", "F"):
            raise ImageError("its values have 32 bits, which a cutout cannot hold; --mask writes only the mask")
        if image.mode in ("La", "RGBa"):
            image = image.convert(image.mode.upper())
        if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
            image = image.convert("RGBA")
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode in ("P", "RGBX"):
            image = image.convert("RGB")
        elif image.mode not in ("L", "LA", "RGB", "RGBA"):  # CMYK, Lab and other colors that no RGBA file holds
            image, kept = to_rgb(image)[0], replace(kept, profile=None)
        return np.asarray(image).reshape(image.height, image.width, -1), kept


def read_photo(path: Path) -> Photo:
    """Return the photo in a file of any format that Pillow knows; raise ImageError if it cannot be read."""
    try:
        with open_photo(path) as image:
            raw, bits = _raw_mode(image), _bits(image)
            upright(image)
        return Photo(image, _deep(path, image, raw), bits, Kept(profile_of(image), _dpi(image), _exif(image)))
    # Pillow's many decoders raise whatever comes up in a damaged file, from OSError to struct.error.
    except Exception as error:
        raise unreadable(path, error) from error


def _raw_mode(image: Any) -> str:
    """Return Pillow's name of the layout of several 16-bit channels; empty for any other."""
    if image.format not in ("PNG", "TIFF") or image.mode not in ("RGB", "RGBA"):
        return ""
    tile = image.tile[0]
    raw = tile.args[0] if isinstance(tile.args, tuple) else tile.args
    if image.format == "TIFF" and image.tag_v2.get(_PLANES) == _SEPARATE and tile.codec_name != "raw":
        return ""  # libtiff gives the high bytes only
    return raw if raw[-4:] in _OTHER_BYTE else ""


def _bits(image: Any) -> int:
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS, (1,)))  # type: ignore[no-any-return]
    if image.format in ("PPM", "SGI") and (tile := image.tile[0]).codec_name in _LAST_OF_8_BITS:
        return 16 if tile.args[-1] > _LAST_OF_8_BITS[tile.codec_name] else 8
    return image.info.get("bit_depth", 8)  # type: ignore[no-any-return]


def _deep(path: Path, image: PILImage, raw: str) -> NDArray[np.uint16] | None:
    if image.mode.startswith("I;16"):
        return _with_named_transparency(np.asarray(image).astype(np.uint16)[..., None], image)
    if image.format == "HEIF" and (bits := image.info["bit_depth"]) > 8:  # noqa: PLR2004
        from pillow_heif import open_heif

        file = open_heif(path, convert_hdr_to_8bit=False)  # held: before pillow-heif 1.6 its arrays do not hold it
        values: NDArray[np.uint16] = np.asarray(file)
        full: NDArray[np.uint16] = values | values >> np.uint16(bits)  # white is 65535, not 65472
        return full.reshape(image.height, image.width, -1)
    if not raw:
        return None
    if raw == "LA;16B":  # Pillow has no such mode; four bytes a pixel are taken as they are
        return np.ascontiguousarray(_decoded(path, lambda _: "RGBA")).view(">u2").astype(np.uint16)
    premultiplied = raw.startswith("RGBa")
    high = _decoded(path, str.upper) if premultiplied else np.asarray(image)
    deep = high.astype(np.uint16) << np.uint16(8)
    deep |= _decoded(path, lambda name: name[:-4].upper() + _OTHER_BYTE[name[-4:]])
    return _straight(deep) if premultiplied else _with_named_transparency(deep, image)


def _decoded(path: Path, layout: Callable[[str], str]) -> NDArray[np.uint8]:
    """Return the file's pixels, uint8 [height, width, channels], upright, decoded as if of another layout."""
    with open_photo(path) as image:
        image.tile = [  # type: ignore[attr-defined]
            tile._replace(
                args=(layout(tile.args[0]), *tile.args[1:]) if isinstance(tile.args, tuple) else layout(tile.args)
            )
            for tile in image.tile  # type: ignore[attr-defined]
        ]
        return np.asarray(upright(image))


def _straight(premultiplied: NDArray[np.uint16]) -> NDArray[np.uint16]:
    alpha = np.maximum(premultiplied[..., 3:], 1).astype(np.uint32)
    colors = (premultiplied[..., :3].astype(np.uint32) * _WHITE + alpha // 2) // alpha
    return np.concatenate([np.minimum(colors, _WHITE).astype(np.uint16), premultiplied[..., 3:]], axis=2)


def _with_named_transparency(pixels: NDArray[np.uint16], image: PILImage) -> NDArray[np.uint16]:
    """Return the pixels with an alpha that is 0 for the one value that a PNG may name as transparent."""
    named = image.info.get("transparency")
    if not isinstance(named, int | tuple):
        return pixels
    shown = (pixels != np.array(named, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([pixels, shown * np.uint16(_WHITE)], axis=2)


def _dpi(image: PILImage) -> tuple[float, float] | None:
    """Return the dots an inch, in a WebP file those of the EXIF data, which has no others."""
    try:
        if not (dpi := image.info.get("dpi")):
            exif = image.getexif()
            scale = _CENTIMETRES if exif.get(_UNIT) == _A_CENTIMETRE else 1.0
            dpi = [scale * float(exif[tag]) for tag in (_ACROSS, _DOWN)]
        across, down = map(float, dpi)
    except Exception:  # noqa: BLE001 - a header holds anything, and damaged EXIF data fail in many ways
        return None
    return (across, down) if 0 < across < _WHITE and 0 < down < _WHITE else None


def _exif(image: PILImage) -> dict[int, Any]:
    """Return the EXIF data about the photo, not about its file; none if they are damaged."""
    try:
        found = image.getexif()
        kept = {tag: _text(value) for tag, value in found.items() if tag in _ABOUT}
        for block in (_EXIF, _GPS):
            if values := {tag: _text(value) for tag, value in found.get_ifd(block).items() if tag not in _OF_THE_FILE}:
                kept[block] = values
        if kept:
            kept[_ORIENTATION] = 1
        if _EXIF in kept:
            sizes = {_WIDTH: image.width, _HEIGHT: image.height}
            kept[_EXIF].update({tag: size for tag, size in sizes.items() if tag in kept[_EXIF]})
        Kept(exif=kept).exif_bytes()
    except Exception:  # noqa: BLE001 - a damaged block fails in many ways; the picture itself is fine
        return {}
    return kept


def _text(value: Any) -> Any:
    return _Latin(value) if isinstance(value, str) else value
