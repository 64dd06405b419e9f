"""Convert RGB and CMYK values of any ICC profile to sRGB, which every model here expects."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.tiles import LARGE, TWO, each

_LARGEST = 16 << 20  # bytes: what a JPEG holds
_CLOSE = 2  # levels: a profile that moves no color further is sRGB under another name
_BITS = 6  # of each channel, in the table of an RGB profile
_STEP = 1 << 8 - _BITS  # levels between two of its entries
_ROWS = 1 << 16  # pixels at a time: they stay in the processor's cache

Table = NDArray[np.uint32]


def rgb_to_srgb(rgb: PILImage, profile: bytes | None) -> PILImage:
    """Convert an RGB image to sRGB: a large one within a few levels, a smaller one exactly.

    A profile of sRGB, one that is broken or not of RGB, and None change nothing. Little CMS takes 27 ns a pixel. So the
    colors of large images are looked up with six bits a channel, and the other two are added as they are: 3 ns a pixel.
    """
    if profile is None or len(profile) > _LARGEST or (table := _table(profile)) is None:
        return rgb
    if rgb.width * rgb.height < LARGE:
        exact: PILImage = _transform(profile, "RGB").apply(rgb)
        return exact
    result = np.empty((rgb.height, rgb.width, 4), np.uint8)
    rows = max(1, _ROWS // rgb.width)

    def convert(top: int) -> None:
        part = rgb.crop((0, top, rgb.width, min(top + rows, rgb.height)))
        packed = np.frombuffer(part.tobytes("raw", "RGBX"), "<u4").reshape(part.height, part.width)
        result[top : top + rows].view("<u4")[..., 0] = _looked_up(packed, table)

    each(convert, range(0, rgb.height, rows), TWO)
    return Image.frombytes("RGB", rgb.size, result.data, "raw", "RGBX")


def cmyk_to_srgb(image: PILImage, profile: bytes | None) -> PILImage | None:
    """Return a CMYK image as RGB in sRGB; None without a profile of CMYK that Little CMS can read."""
    transform = None if profile is None or len(profile) > _LARGEST else _transform(profile, "CMYK")
    return None if transform is None else transform.apply(image)


def _looked_up(packed: Table, table: Table) -> Table:
    """Return the entries of `table` for RGBX pixels, a byte a channel from the lowest on."""
    low = np.uint32(8 - _BITS)
    channel = np.uint32((1 << _BITS) - 1)
    index = packed >> low
    shifted = index >> low
    index &= channel
    index |= shifted & np.uint32(channel << _BITS)
    shifted >>= low
    shifted &= np.uint32(channel << 2 * _BITS)
    index |= shifted
    found: Table = table.take(index)
    found += packed & np.uint32((_STEP - 1) * 0x010101)
    return found


@lru_cache(maxsize=16)
def _table(profile: bytes) -> Table | None:
    """Return the sRGB of every color whose channels are multiples of four, or None if nothing changes."""
    transform = _transform(profile, "RGB")
    if transform is None:
        return None

    def converted(levels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """Return all colors of these levels, and their sRGB, [n * n, n, 3]: red changes fastest, blue slowest."""
        blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
        colors = np.stack([red, green, blue], axis=-1).reshape(len(levels) ** 2, len(levels), 3)
        return colors, np.asarray(transform.apply(Image.fromarray(colors))).astype(np.int16)

    coarse, moved = converted(np.linspace(0, 255, 9).astype(np.uint8))
    if np.abs(moved - coarse).max() <= _CLOSE:
        return None
    _, srgb = converted(np.arange(_STEP // 2, 256, _STEP, dtype=np.uint8))
    entries = np.zeros((1 << 3 * _BITS, 4), np.uint8)
    # The lowest bits are added to an entry, and must not carry into the next channel.
    entries[:, :3] = (srgb - _STEP // 2).clip(0, 256 - _STEP).reshape(-1, 3)
    return entries.view("<u4").ravel()


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Any:
    """Return Little CMS's transform from `mode` to sRGB, or None if the profile is broken or of another mode."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
