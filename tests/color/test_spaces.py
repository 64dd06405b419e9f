"""HSV and YCrCb in 8 bits are OpenCV's, for every color there is."""

import cv2
import numpy as np
import pytest

from rembg_skin.color.spaces import rgb_to_hsv, rgb_to_ycrcb


@pytest.mark.parametrize("red", range(0, 256, 5))
def test_all_colors_of_a_red_level_equal_opencv(red: int) -> None:
    green, blue = np.mgrid[:256, :256]
    rgb = np.stack([np.full_like(green, red), green, blue], axis=-1).astype(np.uint8)
    np.testing.assert_array_equal(rgb_to_hsv(rgb), cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV))
    np.testing.assert_array_equal(rgb_to_ycrcb(rgb), cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
