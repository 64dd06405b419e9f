"""Write pictures for editors, with all that they keep of the photo."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rembg_skin.cutout.photo import Kept, Pixels
from rembg_skin.cutout.png import write_deep_png
from rembg_skin.cutout.psd import write_psd
from rembg_skin.cutout.tiff import write_tiff
from rembg_skin.errors import ImageError

_WEBPS_SIDE, _JPEGS_SIDE, _JPEGS_EXIF = 16383, 65500, 65527  # pixels; bytes
_QUALITY = 95  # of JPEG


def write_picture(path: Path, format_name: str, pixels: Pixels, kept: Kept) -> None:
    """Write a picture in one of :data:`FORMATS`, whatever the suffix of `path`.

    `pixels` are uint8 or uint16 [height, width, channels]: gray, gray and alpha, RGB or RGBA. Raises ImageError if the
    format cannot hold them.
    """
    FORMATS[format_name](path, pixels, kept)


def _write_png(path: Path, pixels: Pixels, kept: Kept) -> None:
    if pixels.dtype == np.uint16:
        write_deep_png(path, pixels, kept)  # type: ignore[arg-type]
    else:
        _image(pixels).save(path, "PNG", **_common(kept))


def _write_webp(path: Path, pixels: Pixels, kept: Kept) -> None:
    if pixels.dtype != np.uint8:
        raise ImageError("it has 16 bits a channel and WebP holds 8; write PNG or TIFF")
    _check_side(pixels, "WebP", _WEBPS_SIDE)
    image = _image(pixels)
    if image.mode in ("L", "LA"):  # WebP has no gray
        image, kept = image.convert("RGBA" if image.mode == "LA" else "RGB"), Kept(None, kept.dpi, kept.exif)
    # WebP keeps the resolution in the EXIF data alone.
    resolution = {} if kept.dpi is None else {282: kept.dpi[0], 283: kept.dpi[1], 296: 2}
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
    "tiff": write_tiff,
    "psd": write_psd,
    "webp": _write_webp,
    "jpeg": _write_jpeg,
}
