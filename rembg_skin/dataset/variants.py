"""The 26 variants that ``rembg-skin augment`` makes of a photograph: arrays in, arrays out.

Images are uint8 RGB, H x W x 3; masks uint8, H x W. The variants and their strengths: README of
samhaswon/skin_segmentation, which names as its source H. Xu, A. Sarkar and A. L. Abbott, "Color Invariant Skin
Segmentation", CVPR Workshops 2022. Everything is computed in float32 and rounded once, so that a turned hue has none of
the steps of an 8-bit one.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rembg_skin.image.arrays import THRESHOLD, Bytes, Mask

HUES = tuple(360 * step / 7 for step in range(1, 7))  # degrees; a seventh step would be the identity
SATURATIONS = (0.5, 0.3, 0.0, 1.2, 1.5)
CONTRASTS = ((1.0, 5), (1.5, 0), (0.7, 5), (0.7, 0), (1.5, 5))  # (factor, gray levels added)
SEPIAS = tuple(step / 8 for step in range(1, 9))
JITTER, LINE = 3, 2  # pixels

# sepia(1) of the W3C's Filter Effects Module Level 1; its rows make R, G and B.
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], dtype=np.float32)

Variant = Callable[[Bytes, Mask, np.random.Generator], tuple[Bytes, Mask]]  # image and mask in, image and mask out


def _rounded(values: NDArray[np.float32]) -> Bytes:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def rotate_hue(image: Bytes, degrees: float) -> Bytes:
    """Turn the HSV hue by `degrees`; saturation and value stay. Grays have no hue and do not change."""
    red, green, blue = (image[..., channel].astype(np.float32) for channel in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    safe = np.maximum(chroma, np.float32(1))
    # Sixths of a turn: 0 red, 2 green, 4 blue.
    hue = np.where(
        value == red,
        (green - blue) / safe,
        np.where(value == green, (blue - red) / safe + np.float32(2), (red - green) / safe + np.float32(4)),
    ) + np.float32(degrees / 60)
    turned = np.empty_like(image)
    # The channel that peaks at hue h falls from there: value - chroma * clip(distance to its plateau, 0, 1).
    for channel, offset in enumerate((5, 3, 1)):
        place = (hue + np.float32(offset)) % np.float32(6)
        fall = np.minimum(place, np.float32(4) - place).clip(0, 1)
        turned[..., channel] = _rounded(value - chroma * fall)
    return turned


def scale_saturation(image: Bytes, factor: float) -> Bytes:
    """Multiply the HSV saturation by `factor`, at most to 1; hue and value stay. 0 gives the gray of the value."""
    value = image.max(axis=2, keepdims=True).astype(np.float32)
    below = value - image
    # Saturation is (value - smallest) / value, so the smallest channel may fall to 0 and no further.
    limit = value / np.maximum(below.max(axis=2, keepdims=True), np.float32(1))
    return _rounded(value - below * np.minimum(np.float32(factor), limit))


def change_contrast(image: Bytes, factor: float, offset: float) -> Bytes:
    """Return ``factor * level + offset``, clipped to 0..255."""
    levels = np.arange(256, dtype=np.float32) * np.float32(factor) + np.float32(offset)
    return _rounded(levels)[image]


def apply_sepia(image: Bytes, strength: float) -> Bytes:
    """Blend the image with its sepia tone: `strength` 0 is the image, 1 only the tone."""
    blend = np.eye(3, dtype=np.float32) * np.float32(1 - strength) + _SEPIA * np.float32(strength)
    toned = np.empty_like(image)
    # Channel by channel: a matrix product would start BLAS's threads in every worker process.
    for channel, (red, green, blue) in enumerate(blend):
        toned[..., channel] = _rounded(image[..., 0] * red + image[..., 1] * green + image[..., 2] * blue)
    return toned


def lattice(shape: tuple[int, int], spacing: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw two sets of parallel lines at right angles, turned at random by 0 to 90 degrees.

    The lines are 2 pixels wide, `spacing` pixels from each other and each moved by up to 3; `shape` is (height, width).
    """
    height, width = shape
    turn = rng.uniform(0, np.pi / 2)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    reach = int(np.hypot(height, width) / spacing) + 2
    drawn = np.zeros(shape, dtype=np.bool_)
    for across in (x * cos + y * sin, y * cos - x * sin):
        number = np.rint(across / np.float32(spacing)).astype(np.int32)
        moves = rng.uniform(-JITTER, JITTER, size=2 * reach + 1).astype(np.float32)
        distance = across - number * np.float32(spacing) - moves[number + reach]
        drawn |= np.abs(distance) < np.float32(LINE / 2)
    return drawn


def occlude(
    image: Bytes, mask: Mask, rng: np.random.Generator, *, spacing: int, low: bool = False
) -> tuple[Bytes, Mask]:
    """Lay a lattice of one random color over the subject and cut it out of the mask.

    With `low`, only over the lower half of the subject's height. If the mask is empty, the complete picture counts as
    the subject, so that the variant still differs from the original.
    """
    subject = mask > THRESHOLD
    if not subject.any():
        subject[:] = True
    if low:
        rows = np.flatnonzero(subject.any(axis=1))
        subject[: (rows[0] + rows[-1] + 1) // 2] = False
    hidden = lattice(mask.shape, spacing, rng) & subject
    image, mask = image.copy(), mask.copy()
    image[hidden] = rng.integers(0, 256, size=3, dtype=np.uint8)
    mask[hidden] = 0
    return image, mask


def _recolored(change: Callable[..., Bytes], *strength: float) -> Variant:
    """Return the variant that changes the image so and leaves the mask as it is."""
    return lambda image, mask, _: (change(image, *strength), mask)


# By name. No name is the end of another, so a photo's stem and a name are together unique.
VARIANTS: dict[str, Variant] = {
    **{f"hue{round(degrees):03d}": _recolored(rotate_hue, degrees) for degrees in HUES},
    **{f"saturation{round(100 * factor):03d}": _recolored(scale_saturation, factor) for factor in SATURATIONS},
    **{
        f"contrast{round(100 * factor):03d}plus{offset}": _recolored(change_contrast, factor, offset)
        for factor, offset in CONTRASTS
    },
    **{f"sepia{round(1000 * strength):04d}": _recolored(apply_sepia, strength) for strength in SEPIAS},
    "lattice": partial(occlude, spacing=20),
    "bands": partial(occlude, spacing=40, low=True),
}
