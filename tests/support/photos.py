"""Photographs for the tests: real ones beside the checkout, small ones made here, in every mode and format."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

SHARED = Path(__file__).resolve().parents[3] / "shared"
SKIN, SKY = (224, 172, 142), (90, 140, 220)
MODES = [
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "I;16",
]


def of_mode(mode: str, size: tuple[int, int], color: tuple[int, int, int] = SKIN) -> Image.Image:
    """Return an image of any mode, one color where the mode has colors."""
    rgb = Image.new("RGB", size, color)
    if mode in ("1", "L", "RGB", "RGBA", "LA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F"):
        return rgb.convert(mode)
    if mode in ("RGBa", "La"):
        return rgb.convert(mode.upper()).convert(mode)
    if mode in ("P", "PA"):
        return rgb.quantize(4).convert(mode)
    if mode == "LAB":
        return Image.new("LAB", size, (190, 145, 150))
    return Image.fromarray(np.full((size[1], size[0]), 40000, dtype=np.uint16))


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Return a picture whose left half is skin and whose right half is sky."""
    image = Image.new("RGB", (width, height), SKY)
    image.paste(SKIN, (0, 0, width // 2, height))
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned by 90 degrees
    return encoded(picture(), "JPEG", exif=exif)


FILES = {
    "PNG": encoded(picture()),
    "JPEG": encoded(picture(), "JPEG", quality=95),
    "WebP": encoded(picture(), "WEBP"),
    "RGBA": encoded(picture().convert("RGBA")),
    "CMYK": encoded(picture().convert("CMYK"), "JPEG"),
    "gray": encoded(picture().convert("L")),
    "16 bits": encoded(Image.fromarray(np.full((40, 60), 40000, np.uint16))),
    "palette": encoded(picture().quantize(4)),
    "turned by EXIF": turned(),
    "one pixel": encoded(Image.new("RGB", (1, 1), SKIN)),
}
