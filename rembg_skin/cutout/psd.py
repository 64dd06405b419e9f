"""Write PSD with the mask as a layer mask, on which editors paint; psd-tools does the work."""

import struct
from pathlib import Path

import numpy as np
from PIL import Image

from rembg_skin.cutout.photo import Kept, Pixels
from rembg_skin.errors import ImageError

_SIDE = 30_000  # pixels
_INCHES = 1


def write_psd(path: Path, pixels: Pixels, kept: Kept) -> None:
    """Write a cutout, uint8 [height, width, 2 or 4], as one layer of the photo's colors with its alpha as layer mask.

    Raises ImageError if PSD cannot hold the picture.
    """
    from psd_tools import PSDImage
    from psd_tools.constants import Resource
    from psd_tools.psd.image_resources import ImageResource

    if pixels.dtype != np.uint8 or max(pixels.shape) > _SIDE:
        raise ImageError(f"PSD is written with 8 bits a channel and at most {_SIDE} pixels a side; write PNG or TIFF")
    colors = Image.fromarray(pixels[..., 0] if pixels.shape[2] < 3 else pixels[..., :3])  # noqa: PLR2004
    document = PSDImage.new(colors.mode, colors.size)
    document.create_pixel_layer(colors, name="Photo").create_mask(Image.fromarray(pixels[..., -1]))
    resources = {Resource.ICC_PROFILE: kept.profile}
    if kept.exif:
        resources[Resource.EXIF_DATA_1] = kept.exif_bytes().removeprefix(b"Exif\0\0")
    if kept.dpi is not None:
        across, down = (round(65536 * value) for value in kept.dpi)
        resources[Resource.RESOLUTION_INFO] = struct.pack(">IHHIHH", across, _INCHES, 1, down, _INCHES, 1)
    for key, data in resources.items():
        if data is not None:
            document.image_resources[key] = ImageResource(key=key.value, data=data)
    document.save(path)
