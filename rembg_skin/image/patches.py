"""Look again at patches of an image: along the edges of a mask, or all over it with a network made for that.

Sizes, overlap, window and guards of `refined`: the refinement of samhaswon/skin_segmentation. Zoom and band of
`along_edges`: chosen on photographs that tiny_skin was not trained on (`python -m benchmarks.detail`).
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import ceil

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import Bytes, Floats, Selection
from rembg_skin.image.mask import Stretch, stretched
from rembg_skin.image.morphology import dilated, disk, eroded
from rembg_skin.image.scales import agreed
from rembg_skin.image.tiles import Box

SIDE = 512
OVERLAP = 64
# A patch counts when at least this share of its base mask is above 0.
_SHARE = 0.01
_FLOOR = 1e-3
# A patch that is skin all over is not stretched.
_ALL_SKIN = 0.98

_ZOOM = 2.0  # pixels of a second look to one of the first, in each direction
_LEAST_ZOOM = 1.25  # below it a second look shows nothing new
_BAND = 4  # pixels of the first look, on both sides of an edge, in which the second one counts
_MARGIN = 0.1  # of a patch, which it shows beyond the edges if the image goes on there
_MOST = 6  # patches of an image, those with most of the edges: they bound the time
_SHARED = 0.15  # least part of a patch that the next one overlaps


def along_edges(
    rgb: PILImage, values: Floats, look: Callable[[PILImage], Floats], closest: int, side: int
) -> Floats | None:
    """Return `values` with more detail along their edges, from second looks at patches of the image.

    Parameters
    ----------
    rgb
        The image, mode RGB.
    values
        The result of a network for the complete image, 0 to 1, float32 [height, width].
    look
        Returns the same for a part of the image, seen at `side` pixels.
    closest
        The longer side in pixels at which the complete image was seen.
    side
        The longer side in pixels at which a patch is seen.

    Returns
    -------
    float32 of up to twice as many pixels across; None if the image is too small for a second look, or has no edge.

    """
    zoom = min(_ZOOM, max(rgb.size) / closest)
    skin = values > 0.5  # noqa: PLR2004 - as likely skin as not
    band = dilated(skin, disk(_BAND)) & ~eroded(skin, disk(_BAND))
    if zoom < _LEAST_ZOOM or not band.any():
        return None
    scale = closest * zoom / max(rgb.size)
    size = max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale))

    def enlarged(box: Box) -> tuple[Box, Floats]:
        left, top, right, bottom = (round(edge * scale) for edge in (box.left, box.top, box.right, box.bottom))
        place = Box(left, top, max(right, left + 1), max(bottom, top + 1))
        return place, resized_values(look(box.crop(rgb)), place.size)

    boxes = _boxes(band, rgb.size, round(side / scale))
    closer, seen = blended(size, side + 1, map(enlarged, boxes))
    first = resized_values(values, size).clip(0, 1)
    first += (agreed(first, closer) - first) * seen * resized_values(_softened(band), size)
    return first.clip(0, 1, out=first)


def _boxes(band: Selection, size: tuple[int, int], side: int) -> list[Box]:
    """Return boxes of `side` pixels in an image of `size` that cover the band, a selection of any size."""
    scales = size[0] / band.shape[1], size[1] / band.shape[0]
    spans = []
    for axis, scale in enumerate(scales):
        reach = min(side, size[axis])
        used = np.flatnonzero(band.any(axis=axis))
        low, high = int(used[0] * scale - _MARGIN * reach), ceil((used[-1] + 1) * scale + _MARGIN * reach)
        spare = max(reach - (high - low), 0) // 2
        low, high = max(low - spare, 0), min(high + spare, size[axis])
        first, last = min(low, size[axis] - reach), max(high - reach, 0)
        count = ceil(max(last - first, 0) / ((1 - _SHARED) * reach)) + 1
        starts = np.linspace(first, max(last, first), count).astype(int).tolist()
        spans.append([(start, start + reach) for start in starts])
    boxes = [Box(left, top, right, bottom) for (top, bottom), (left, right) in product(spans[1], spans[0])]

    def crossed(box: Box) -> int:
        rows = slice(int(box.top / scales[1]), ceil(box.bottom / scales[1]))
        return int(np.count_nonzero(band[rows, int(box.left / scales[0]) : ceil(box.right / scales[0])]))

    return [box for box in sorted(boxes, key=crossed, reverse=True) if crossed(box)][:_MOST]


def _softened(band: Selection) -> Floats:
    """Return the band, 0 to 1, falling off over its outer pixels."""
    from scipy.ndimage import uniform_filter

    softened: Floats = uniform_filter(band.astype(np.float32), 3)
    return softened


def resized_values(values: Floats, size: tuple[int, int]) -> Floats:
    """Return float32 [height, width] values at another size (width, height)."""
    return np.array(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC))


def blended(size: tuple[int, int], side: int, patches: Iterable[tuple[Box, Floats]]) -> tuple[Floats, Selection]:
    """Return the mean of overlapping patches of at most `side` pixels, weighted by a window, and the pixels they cover.

    Both are [height, width] of `size`; the mean is 0 outside of the patches.
    """
    total = np.zeros(size[::-1], np.float32)
    weight = np.zeros_like(total)
    window = _window(side)
    for box, values in patches:
        height, width = values.shape
        total[box.slices()] += values * window[:height, :width]
        weight[box.slices()] += window[:height, :width]
    seen = weight > 0
    np.divide(total, weight, out=total, where=seen)
    return total, seen


def _window(side: int) -> Floats:
    """Return the weights of a patch [side, side]: a Hann window, 1 at its center and never below the floor."""
    hann = np.hanning(side)
    window = np.outer(hann / hann.max(), hann / hann.max())
    floored: Floats = np.maximum(window, _FLOOR).astype(np.float32)
    return floored


def corners(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return left and top of the patches that cover an image of `size`; the last ones are flush with its edge."""
    return [(left, top) for top, left in product(_starts(size[1]), _starts(size[0]))]


def _starts(length: int) -> list[int]:
    last = max(length - SIDE, 0)
    return [*range(0, last, SIDE - OVERLAP), last]


def refined(
    rgb: PILImage, base: PILImage, network: Callable[[Floats], Floats], *, batch: int, stretch: Stretch
) -> PILImage:
    """Return the refined L mask; it is 0 outside of the patches in which the base mask found something.

    Parameters
    ----------
    rgb
        The image, mode RGB.
    base
        Its L mask, of the same size.
    network
        Takes float32 [n, 4, 512, 512], RGB and base mask, 0 to 1; returns float32 [n, 512, 512], 0 to 1.
    batch
        The largest n.
    stretch
        The rule by which a patch of the output is min-max stretched.

    """
    complete = Box(0, 0, *rgb.size)
    boxes = [Box(left, top, left + SIDE, top + SIDE).grown(0, complete) for left, top in corners(rgb.size)]
    found = [box for box in boxes if _counts(np.asarray(box.crop(base)))]

    def patches() -> Iterable[tuple[Box, Floats]]:
        for start in range(0, len(found), batch):
            some = found[start : start + batch]
            for box, values in zip(some, network(_tensor(rgb, base, some)), strict=True):
                width, height = box.size
                patch = values[:height, :width]
                yield box, patch if patch.min() >= _ALL_SKIN else stretched(patch, stretch)

    total, _ = blended(rgb.size, SIDE, patches())
    return Image.fromarray((total * np.float32(255) + np.float32(0.5)).astype(np.uint8))


def _counts(base: Bytes) -> bool:
    return bool(np.count_nonzero(base) >= _SHARE * base.size)


def _tensor(rgb: PILImage, base: PILImage, some: Sequence[Box]) -> Floats:
    tensor = np.empty((len(some), 4, SIDE, SIDE), np.float32)
    for patch, box in zip(tensor, some, strict=True):
        channels = np.dstack((np.asarray(box.crop(rgb)), np.asarray(box.crop(base))))
        height, width, _ = channels.shape
        # An image smaller than a patch goes on with its last row and column.
        channels = np.pad(channels, ((0, SIDE - height), (0, SIDE - width), (0, 0)), mode="edge")
        np.multiply(channels.transpose(2, 0, 1), np.float32(1 / 255), out=patch)
    return tensor
