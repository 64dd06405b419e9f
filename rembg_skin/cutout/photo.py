"""A photograph with all that an editor needs of it: values at their full depth, colour profile, resolution, EXIF data.

Pillow decodes 16-bit colours to 8 bits. Its decoders do reach the other byte of each value, when they are told that the
file's bytes are the other way round: two passes give all 16 bits, of every compression that Pillow knows.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.errors import ImageError
from rembg_skin.image.arrays import Mask
from rembg_skin.image.rgb import to_rgb
from rembg_skin.photos import open_photo, unreadable, upright

Pixels = NDArray[np.uint8] | NDArray[np.uint16]  # [height, width, channels]: grey, grey + alpha, RGB or RGBA

_ORIENTATION, _EXIF, _GPS, _INTEROP = 0x0112, 0x8769, 0x8825, 0xA005
_WIDTH, _HEIGHT = 0xA002, 0xA003  # in the EXIF block: the picture's size
# What describes the file's own layout, or a block that has its own place in the files written here.
_LAYOUT = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 282, 283, 284, 290, 291),
        *(292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340, 341),
        *(342, 347, 513, 514, 519, 529, 530, 531, 532, 700, 33723, 34377, 34675, 50341),
    )
)
_OTHER_BYTE = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}
_ACROSS, _DOWN, _UNIT, _A_CENTIMETRE = 282, 283, 296, 3
_CENTIMETRES = 2.54  # an inch
_PLANES, _SEPARATE = 284, 2
_WHITE = 0xFFFF


@dataclass(frozen=True)
class Kept:
    """What a picture keeps beside its pixels.

    Attributes
    ----------
    profile
        The ICC profile, or None.
    dpi
        The resolution, or None.
    exif
        The EXIF data of a picture that is upright: values by tag, those of the blocks as mappings. May be empty.

    """

    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: Mapping[int, Any] = field(default_factory=dict)

    def exif_bytes(self) -> bytes:
        """Return the EXIF data as JPEG, PNG and WebP hold them."""
        exif = Image.Exif()
        exif.update(self.exif)
        return exif.tobytes()

    def of(self, channels: int) -> "Kept":
        """Return it without a profile that is not of the colours of a picture of so many channels."""
        wanted = b"RGB " if channels > 2 else b"GRAY"  # noqa: PLR2004
        return self if self.profile is not None and self.profile[16:20] == wanted else replace(self, profile=None)


@dataclass(frozen=True)
class Photo:
    """A photograph, upright.

    Attributes
    ----------
    image
        As Pillow has it: what a session takes.
    deep
        Its 16-bit values, [height, width, channels] of grey, grey and alpha, RGB or RGBA; None if it has 8 bits.
    kept
        What the pictures made of it keep.

    """

    image: PILImage
    deep: NDArray[np.uint16] | None
    kept: Kept

    def cutout(self, mask: Mask) -> tuple[Pixels, Kept]:
        """Return the photo's own colours with the mask as alpha, where the photo's own alpha is not lower.

        Parameters
        ----------
        mask
            uint8 [height, width] of the photo's size.

        Returns
        -------
        tuple
            Grey and alpha or RGBA, uint8 or uint16 [height, width, 2 or 4], and what goes with it.

        Raises
        ------
        ImageError
            If its values are neither of 8 nor of 16 bits.

        """
        pixels: Pixels
        alpha: Pixels = mask
        if self.deep is None:
            pixels, kept = self._eight_bits()
        else:
            pixels, kept = self.deep, self.kept
            alpha = mask.astype(np.uint16) * np.uint16(_WHITE // 255)
        colours = pixels.shape[2] - 1 if pixels.shape[2] in (2, 4) else pixels.shape[2]
        result = np.empty((*mask.shape, colours + 1), pixels.dtype)
        result[..., :colours] = pixels[..., :colours]
        result[..., colours] = alpha if colours == pixels.shape[2] else np.minimum(alpha, pixels[..., colours])
        return result, kept.of(colours)

    def _eight_bits(self) -> tuple[NDArray[np.uint8], Kept]:
        image, kept = self.image, self.kept
        if image.mode in ("I", "F"):
            raise ImageError("its values have 32 bits, which no cutout holds; --mask writes the mask alone")
        if image.mode in ("La", "RGBa"):
            image = image.convert(image.mode.upper())
        if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
            image = image.convert("RGBA")
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode in ("P", "RGBX"):
            image = image.convert("RGB")
        elif image.mode not in ("L", "LA", "RGB", "RGBA"):  # CMYK, Lab and other colours that no RGBA file holds
            image, kept = to_rgb(image)[0], replace(kept, profile=None)
        pixels = np.asarray(image)
        return pixels.reshape(image.height, image.width, -1), kept


def read_photo(path: Path) -> Photo:
    """Return the photo in a file of any format that Pillow knows.

    Raises
    ------
    ImageError
        If it cannot be read, or has 16 bits in a layout of which only 8 can be read.

    """
    try:
        with open_photo(path) as image:
            raw = _deep_layout(image)
            upright(image)
        return Photo(image, _deep(path, image, raw), _kept(image))
    # Pillow's many decoders raise whatever comes up in a damaged file, from OSError to struct.error.
    except Exception as error:
        raise unreadable(path, error) from error


def _deep_layout(image: PILImage) -> str | None:
    """Return Pillow's name of a file's layout of several 16-bit channels; None for any other."""
    tiles: list[Any] = getattr(image, "tile", [])
    raw = _raw(tiles[0].args) if tiles and image.format in ("PNG", "TIFF") else ""
    if raw[-4:] not in _OTHER_BYTE or image.mode not in ("RGB", "RGBA"):
        return None
    if image.format == "TIFF" and image.tag_v2.get(_PLANES) == _SEPARATE:  # type: ignore[attr-defined]
        raise ImageError("16 bits in separate planes cannot be read; save it with interleaved channels")
    return raw


def _raw(args: Any) -> str:
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _deep(path: Path, image: PILImage, raw: str | None) -> NDArray[np.uint16] | None:
    if raw is None:
        if not image.mode.startswith("I;16"):
            return None
        grey = np.asarray(image).astype(np.uint16)[..., None]
        return _with_named_transparency(grey, image)
    if raw == "LA;16B":  # Pillow has no such mode; four bytes a pixel are taken as they are
        return np.ascontiguousarray(_decoded(path, "RGBA")).view(">u2").astype(np.uint16)
    layout, order = raw[:-4], raw[-4:]
    premultiplied = layout == "RGBa"
    straight = layout.upper()
    high = _decoded(path, straight + order) if premultiplied else np.asarray(image)
    deep = high.astype(np.uint16) << np.uint16(8)
    deep |= _decoded(path, straight + _OTHER_BYTE[order])
    return _straight(deep) if premultiplied else _with_named_transparency(deep, image)


def _decoded(path: Path, raw: str) -> NDArray[np.uint8]:
    """Return the file's pixels, uint8 [height, width, channels], decoded as if it had another layout, upright."""
    with open_photo(path) as image:
        image.tile = [  # type: ignore[attr-defined]
            tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)
            for tile in image.tile  # type: ignore[attr-defined]
        ]
        return np.asarray(upright(image))


def _straight(premultiplied: NDArray[np.uint16]) -> NDArray[np.uint16]:
    alpha = np.maximum(premultiplied[..., 3:], 1).astype(np.uint32)
    colours = (premultiplied[..., :3].astype(np.uint32) * _WHITE + alpha // 2) // alpha
    return np.concatenate([np.minimum(colours, _WHITE).astype(np.uint16), premultiplied[..., 3:]], axis=2)


def _with_named_transparency(pixels: NDArray[np.uint16], image: PILImage) -> NDArray[np.uint16]:
    """Return the pixels with an alpha that is 0 for the one value that a PNG may name as transparent."""
    named = image.info.get("transparency")
    if not isinstance(named, int | tuple):
        return pixels
    shown = (pixels != np.array(named, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([pixels, shown * np.uint16(_WHITE)], axis=2)


def _kept(image: PILImage) -> Kept:
    profile = image.info.get("icc_profile")
    return Kept(profile if isinstance(profile, bytes) and profile else None, _dpi(image), _exif(image))


def _dpi(image: PILImage) -> tuple[float, float] | None:
    try:
        found = image.info.get("dpi") or _exif_resolution(image)
        across, down = (float(value) for value in found)
    except Exception:  # noqa: BLE001 - a header says anything, and damaged EXIF data fail in many ways
        return None
    return (across, down) if all(isfinite(value) and 0 < value < _WHITE for value in (across, down)) else None


def _exif_resolution(image: PILImage) -> tuple[float, ...]:
    """Return what the EXIF data say in dots an inch: all that a WebP file has."""
    exif = image.getexif()
    scale = _CENTIMETRES if exif.get(_UNIT) == _A_CENTIMETRE else 1.0
    return tuple(scale * float(exif[tag]) for tag in (_ACROSS, _DOWN) if tag in exif)


def _exif(image: PILImage) -> dict[int, Any]:
    """Return the EXIF data without what describes the old file's layout; none if they are damaged."""
    try:
        found = image.getexif()
        kept = {tag: value for tag, value in found.items() if tag not in _LAYOUT and tag not in (_EXIF, _GPS, _INTEROP)}
        for block in (_EXIF, _GPS):
            if values := {tag: value for tag, value in found.get_ifd(block).items() if tag != _INTEROP}:
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
