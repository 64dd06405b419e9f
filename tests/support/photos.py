"""Photographs for the tests: real ones beside the checkout, small ones made here, in every mode and format."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

SHARED = Path(__file__).resolve().parents[3] / "shared"
YUNET = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"
PAN = SHARED / "weights" / "pan_skin.onnx"
SKIN, SKY = (224, 172, 142), (90, 140, 220)
GRAYS = ["1", "L", "LA", "La", "I", "F", "I;16"]
MODES = [*GRAYS, "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]


def of_mode(mode: str, size: tuple[int, int], color: tuple[int, int, int] = SKIN) -> Image.Image:
    """Return an image of any mode, one color where the mode has colors."""
    rgb = Image.new("RGB", size, color)
    if mode in ("RGBa", "La"):
        return rgb.convert(mode.upper()).convert(mode)
    if mode in ("P", "PA"):
        return rgb.quantize(4).convert(mode)
    if mode == "LAB":
        return Image.new("LAB", size, (190, 145, 150))
    if mode == "I;16":
        return Image.fromarray(np.full((size[1], size[0]), 40000, np.uint16))
    return rgb.convert(mode)


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Return a picture whose left half is skin and whose right half is sky."""
    image = Image.new("RGB", (width, height), SKY)
    image.paste(SKIN, (0, 0, width // 2, height))
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


_TURNED = Image.Exif()
_TURNED[0x0112] = 6  # orientation: to be turned by 90 degrees
FILES = {
    "PNG": encoded(picture()),
    "JPEG": encoded(picture(), "JPEG", quality=95),
    "WebP": encoded(picture(), "WEBP"),
    "RGBA": encoded(picture().convert("RGBA")),
    "CMYK": encoded(picture().convert("CMYK"), "JPEG"),
    "gray": encoded(picture().convert("L")),
    "16 bits": encoded(Image.fromarray(np.full((40, 60), 40000, np.uint16))),
    "palette": encoded(picture().quantize(4)),
    "turned by EXIF": encoded(picture(), "JPEG", exif=_TURNED),
    "one pixel": encoded(Image.new("RGB", (1, 1), SKIN)),
}
