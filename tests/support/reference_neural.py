"""A network's mask as the reference makes it: Pillow before the network, OpenCV after it. The oracle of the tests."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.catalog import Network

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def skin_mask(image: PILImage, network: Network, run: Run) -> NDArray[np.uint8]:
    """Return the mask of an RGB image that is stretched to the network's input."""
    small = image.resize((network.size, network.size), Image.Resampling.LANCZOS)
    values = np.asarray(small, np.float32) / 255
    values = (values - np.array(network.mean, np.float32)) / np.array(network.std, np.float32)
    output = run(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))[0, network.channel]
    output = (output - output.min()) / (output.max() - output.min())
    mask = cv2.resize((output * 255).astype(np.uint8), image.size, interpolation=cv2.INTER_LANCZOS4)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    side, sigma = network.blur
    return cv2.GaussianBlur(mask, (side, side), sigma)
