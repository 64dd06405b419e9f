"""The pure steps before a network: an RGB image of any size in, a float32 tensor out."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

Fit = Literal["stretch", "letterbox"]
Triple = tuple[float, float, float]


def fitted_size(size: tuple[int, int], side: int, fit: Fit) -> tuple[int, int]:
    """Return the width and height that an image of `size` takes in a square input of `side` pixels."""
    if fit == "stretch":
        return side, side
    longest = max(size)
    width, height = (max(1, round(length * side / longest)) for length in size)
    return width, height


def to_tensor(
    rgb: PILImage,
    side: int,
    fit: Fit = "stretch",
    *,
    mean: Triple = (0.0, 0.0, 0.0),
    std: Triple = (1.0, 1.0, 1.0),
    reducing_gap: float | None = None,
) -> NDArray[np.float32]:
    """Return an RGB image as a network's input, float32 [1, 3, side, side].

    Parameters
    ----------
    rgb
        The image, mode RGB.
    side
        Height and width of the input in pixels.
    fit
        "stretch" ignores the aspect; "letterbox" keeps it, with the image at the top left and zeros around it.
    mean, std
        Subtracted from, and then dividing, the channels' values of 0 to 1.
    reducing_gap
        Pillow's: large images are first averaged down to at least this many times the size, then filtered.

    """
    size = fitted_size(rgb.size, side, fit)
    small = rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=reducing_gap)
    tensor = np.zeros((1, 3, side, side), np.float32)
    part = tensor[0, :, : size[1], : size[0]]
    for channel, band in enumerate(small.split()):
        np.multiply(np.asarray(band), np.float32(1 / (255 * std[channel])), out=part[channel])
        if mean[channel]:
            part[channel] -= np.float32(mean[channel] / std[channel])
    return tensor
