"""Convert any image that Pillow opens to 8-bit sRGB and, if it has one, its alpha: the first step of every session."""

from typing import cast

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.colorspace import profile_of
from rembg_skin.image.icc import cmyk_to_srgb, rgb_to_srgb

_WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # Pillow clips instead of scaling them
_COLOR_MODES = ("RGB", "RGBA", "RGBX", "P", "PA", "YCbCr")  # an RGB profile describes their colors


def to_rgb(image: PILImage) -> tuple[PILImage, PILImage | None]:
    """Return `image` as 8-bit RGB, and the L mask of its alpha if some pixel is fully transparent.

    Colors that a profile or another mark names become sRGB; a broken profile, or one of another kind, changes nothing.
    16-bit values are scaled to 8 bits. The modes I and F have no fixed range: values that all fit 0 to 255 (F: also
    0 to 1) or 0 to 65535 are taken as of that range, others are scaled by their maximum; negative values are black.
    """
    if image.mode in ("La", "RGBa"):  # premultiplied: Pillow turns them into their straight forms alone
        image = image.convert(image.mode.upper())
    alpha = _alpha(image)
    if image.mode in _WIDE_MODES:
        return _scaled(image).convert("RGB"), alpha
    if image.mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return cast("PILImage", ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")), alpha
    profile = profile_of(image)
    if image.mode == "CMYK":
        return cmyk_to_srgb(image, profile) or image.convert("RGB"), alpha
    rgb = image if alpha is None else image.convert("RGBA")
    if rgb.mode != "RGB":
        rgb = rgb.convert("RGB")
    return (rgb_to_srgb(rgb, profile) if image.mode in _COLOR_MODES else rgb), alpha


def _alpha(image: PILImage) -> PILImage | None:
    if not image.has_transparency_data:
        return None
    if image.mode in _WIDE_MODES:  # a 16-bit PNG that names one value as transparent
        alpha = Image.fromarray(np.asarray(image) != image.info["transparency"]).convert("L")
    else:
        alpha = image.convert("RGBA").getchannel("A")
    low, _ = alpha.getextrema() or (255, 255)  # None for an image without pixels
    return alpha if low == 0 else None


def _scaled(image: PILImage) -> PILImage:
    values = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0.0, neginf=0.0).clip(min=0.0)
    top = float(values.max(initial=0.0))
    whites = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}.get(image.mode, (65535.0,))
    white = next((level for level in whites if top <= level), top)
    return Image.fromarray((values * np.float32(255.0 / white) + np.float32(0.5)).astype(np.uint8))
