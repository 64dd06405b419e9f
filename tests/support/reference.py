"""The classic methods as the public scripts do them, with OpenCV's own operators: the oracle of the tests."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from rembg_skin.color.mrf import BACKGROUND, SKIN, density

Image = NDArray[np.uint8]


def clean(mask: Image, morph: int, blur: int) -> Image:
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (morph, morph))
    mask = cv2.dilate(cv2.erode(mask, element, iterations=2), element, iterations=2)
    return cv2.GaussianBlur(mask, (blur, blur), 0) if blur > 1 else mask


def hsv_raw(rgb: Image, low: tuple[int, int, int] = (0, 48, 80), high: tuple[int, int, int] = (20, 255, 255)) -> Image:
    return cv2.inRange(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), low, high)


def ycbcr_raw(rgb: Image, cb: tuple[int, int] = (85, 135), cr: tuple[int, int] = (137, 180)) -> Image:
    return cv2.inRange(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), (0, cr[0], cb[0]), (255, cr[1], cb[1]))


def ellipse_raw(rgb: Image, center: tuple[float, float], axes: tuple[float, float], degrees: float) -> Image:
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(np.float64)
    x, y, t = planes[..., 2] - center[0], planes[..., 1] - center[1], np.radians(degrees)
    u, v = x * np.cos(t) + y * np.sin(t), -x * np.sin(t) + y * np.cos(t)
    return (((u / axes[0]) ** 2 + (v / axes[1]) ** 2 <= 1) * 255).astype(np.uint8)


def icm_skin(rgb: Image) -> Image:
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(np.float64)
    points = planes[..., [2, 1]]
    skin, background = 0.3 * density(SKIN, points), 0.7 * density(BACKGROUND, points)
    p = skin / (skin + background + 1e-12)
    as_skin, as_background = -np.log(p.clip(1e-12, 1)), -np.log((1 - p).clip(1e-12, 1))
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float64)
    across, down = ((lab[:, 1:] - lab[:, :-1]) ** 2).sum(-1), ((lab[1:] - lab[:-1]) ** 2).sum(-1)
    beta = 1 / (2 * np.concatenate([across.ravel(), down.ravel()]).mean())
    across, down = 40 * np.exp(-beta * across), 40 * np.exp(-beta * down)

    def neighbors(labels: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros(labels.shape)
        total[:, :-1] += across * labels[:, 1:]
        total[:, 1:] += across * labels[:, :-1]
        total[:-1] += down * labels[1:]
        total[1:] += down * labels[:-1]
        return total

    every = neighbors(np.ones(p.shape))
    labels = as_skin < as_background
    for _ in range(5):
        pull = neighbors(labels.astype(np.float64))
        labels = as_skin + every - pull < as_background + pull
    return clean((labels * 255).astype(np.uint8), 3, 3)


_DIAGONAL = (119.31423371082059, 155.55795465744077), (37.089397631238135, 14.80887169802648), 148.63290799558428
METHODS: dict[str, Callable[[Image], Image]] = {
    "hsv_skin": lambda rgb: clean(hsv_raw(rgb), 1, 3),
    "ycbcr_skin": lambda rgb: clean(ycbcr_raw(rgb), 3, 3),
    "ycbcr_hsv_skin": lambda rgb: clean(ycbcr_raw(rgb), 3, 3) & clean(hsv_raw(rgb), 1, 3),
    "ellipse_skin": lambda rgb: clean(ellipse_raw(rgb, (109.38, 152.02), (13.64, 15.38), 0.0), 3, 3),
    "diagonal_skin": lambda rgb: clean(ellipse_raw(rgb, *_DIAGONAL), 3, 3),
    "icm_skin": icm_skin,
}
