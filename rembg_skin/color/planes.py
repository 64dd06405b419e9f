"""Extract the planes for the color rules from an image, each on first use."""

from functools import cached_property

import numpy as np
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import Bytes


class Planes:
    """Red, green, blue and luma of an RGB image, each uint8 [height, width]."""

    def __init__(self, rgb: PILImage) -> None:
        self._rgb = rgb

    @cached_property
    def red(self) -> Bytes:
        """R, 0 to 255."""
        return self._channel("R")

    @cached_property
    def green(self) -> Bytes:
        """G, 0 to 255."""
        return self._channel("G")

    @cached_property
    def blue(self) -> Bytes:
        """B, 0 to 255."""
        return self._channel("B")

    @cached_property
    def luma(self) -> Bytes:
        """Y = 0.299 R + 0.587 G + 0.114 B, rounded (BT.601, full range)."""
        return np.asarray(self._rgb.convert("L"))

    def _channel(self, name: str) -> Bytes:
        # Pillow packs a single channel in one pass; getchannel() and asarray() are two.
        channel = np.frombuffer(self._rgb.tobytes("raw", name), dtype=np.uint8)
        return channel.reshape(self._rgb.height, self._rgb.width)
