"""Read masks in any common encoding, or refuse them.

Read are: levels of 8, 16 or 32 bits and of fractions, bitmaps, 0 and 1 in any of them, the gray of a color image, one
color on black, palettes, and the alpha of a cutout. Class numbers, and pictures in colors, are refused: nothing shows
which of them is skin.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.errors import ImageError
from rembg_skin.image.arrays import Bytes, Mask, Selection
from rembg_skin.image.rgb import to_rgb

_WHITE, _DEEP_WHITE = 255, 65535
_CLASSES = 40  # numbers of classes end here; a mask of 0 and one higher value is a dim one
_GREY = 32  # JPEG moves the channels of a gray so far apart
_REMEDY = "save it as 0 for not skin and 255 for skin"


def mask_levels(image: PILImage) -> Mask:
    """Return the levels of a mask of any mode, uint8 [height, width], 0 not skin to 255 skin.

    Raises ImageError if its values are ambiguous; the message describes them, without the file.
    """
    image.load()
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode.upper())
    if image.mode in ("LA", "PA", "RGBA") or (image.mode == "P" and image.has_transparency_data):
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if alpha.min(initial=_WHITE) < _WHITE:  # a cutout: its colors are the photograph's
            return _of_numbers(alpha)
    if image.mode in ("P", "PA"):
        return _of_palette(image)
    if image.mode == "LA":
        image = image.getchannel(0)
    if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
        return _of_numbers(np.asarray(image))
    image = image.copy()
    image.info.clear()  # the values of a mask are not colors: no profile changes them
    return _of_colors(np.asarray(to_rgb(image)[0]))


def _of_numbers(values: NDArray[Any]) -> Mask:
    """Return the levels of whole numbers of up to 32 bits, or of fractions of 1."""
    fractions = values.dtype.kind == "f"
    if fractions:
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, top = float(values.min(initial=0)), float(values.max(initial=0))
    if low < 0:
        raise ImageError(f"its values begin at {low:g}, below 0; {_REMEDY}")
    if top > _DEEP_WHITE:
        if _is_binary(values, top):
            return _painted(values > 0)
        raise ImageError(f"its values go up to {top:g}, beyond those of 16 bits; {_REMEDY}")
    white = _WHITE if top <= _WHITE else _DEEP_WHITE
    if fractions:
        values = np.rint(values * np.float32(_WHITE if top <= 1 else 1)).astype(np.uint16)
        top = float(values.max(initial=0))
    if 2 * top > white:
        if top == white and _are_classes(values, white):
            raise ImageError(f"it holds class numbers beside {white}; {_REMEDY}")
        if white == _WHITE:
            return values.astype(np.uint8, copy=False)
        step = _DEEP_WHITE // _WHITE
        return ((values.astype(np.uint32) + step // 2) // step).astype(np.uint8)
    if top in (0, 1) or (top > _CLASSES and not values.all() and _is_binary(values, top)):
        return _painted(values > 0)
    raise ImageError(f"its values end at {top:g}: class numbers, or levels too low to tell; {_REMEDY}")


def _are_classes(values: NDArray[Any], white: int) -> bool:
    """Return True if all values are 0, class numbers, or `white` for pixels that do not count."""
    classes = (values > 0) & (values <= _CLASSES)
    return bool(classes.any() and (classes | (values == 0) | (values == white)).all())


def _is_binary(values: NDArray[Any], top: float) -> bool:
    return bool(((values == 0) | (values == top)).all())


def _painted(skin: Selection) -> Mask:
    return skin.view(np.uint8) * np.uint8(_WHITE)


def _of_palette(image: PILImage) -> Mask:
    """Return the levels of a palette: its grays, otherwise one color that is class 1 or the only one on black."""
    colors = np.asarray(image.convert("RGB"))
    if _spread(colors) == 0:
        return _of_colors(colors)
    indices = np.asarray(image.getchannel(0))
    used = np.unique(indices)
    if used.max() == 1 or len(image.palette.colors if image.palette else ()) <= 2:  # noqa: PLR2004 - one and its ground
        return _painted(indices == 1) if colors.any(axis=2).all() else _of_colors(colors)
    raise ImageError(f"its palette shows {len(used)} of its classes; {_REMEDY}")


def _of_colors(rgb: Bytes) -> Mask:
    """Return the levels of RGB pixels: their gray, or one color on black."""
    spread = _spread(rgb)
    if spread == 0:
        return _of_numbers(rgb[..., 0])
    colored = rgb.max(axis=2) > 0
    painted = rgb[colored]
    if (painted == painted[0]).all():
        return _painted(colored)
    if spread <= _GREY:
        return _of_numbers(np.asarray(Image.fromarray(rgb).convert("L")))
    raise ImageError(f"it is a color picture; {_REMEDY}")


def _spread(rgb: Bytes) -> int:
    """Return the largest difference between the channels of a pixel; 0 if all are gray."""
    return int((rgb.max(axis=2, initial=0) - rgb.min(axis=2, initial=_WHITE)).max(initial=0))
