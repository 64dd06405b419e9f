"""Look again at patches of an image: along the edges of a mask, or all over it with a network made for that.

Sizes, overlap, window and guards of `refined`: the refinement of samhaswon/skin_segmentation. Zoom and band of
`along_edges`: chosen on photographs that tiny_skin was not trained on (`python -m benchmarks.detail`).
"""

from collections.abc import Callable, Iterable
from itertools import product
from math import ceil, prod

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.image.arrays import Bytes, Floats, Selection
from rembg_skin.image.mask import Stretch, agreed, stretched
from rembg_skin.image.morphology import dilated, disk, eroded
from rembg_skin.image.tiles import Box

SIDE, OVERLAP = 512, 64
_SHARE = 0.01  # of a patch's base mask that is above 0, at least, or the patch does not count
_FLOOR = 1e-3  # of a patch's weights
_ALL_SKIN = 0.98  # a patch whose values all lie above it is not stretched

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

    `values`, 0 to 1, float32 [height, width], are the result of a network that saw the complete RGB image with a longer
    side of `closest` pixels; `look` returns the same for a part of it, seen with a longer side of `side` pixels. The
    result has up to twice as many pixels across, or is None: the image is too small for a second look, or has no edge.
    """
    from scipy.ndimage import uniform_filter

    zoom = min(_ZOOM, max(rgb.size) / closest)
    skin = values > 0.5  # noqa: PLR2004 - as likely skin as not
    band = dilated(skin, disk(_BAND)) & ~eroded(skin, disk(_BAND))
    if zoom < _LEAST_ZOOM or not band.any():
        return None
    scale = closest * zoom / max(rgb.size)
    size = max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale))

    def enlarged(box: Box) -> tuple[Box, Floats]:
        left, top, right, bottom = (round(edge * scale) for edge in box)
        place = Box(left, top, max(right, left + 1), max(bottom, top + 1))
        return place, _resized(look(rgb.crop(box)), place.size)

    closer, seen = _blended(size, side + 1, map(enlarged, _boxes(band, rgb.size, round(side / scale))))
    first = _resized(values, size).clip(0, 1)
    weight = _resized(uniform_filter(band.astype(np.float32), 3), size)  # falls off over the band's outer pixels
    first += (agreed(first, closer) - first) * seen * weight
    return first.clip(0, 1, out=first)


def _boxes(band: Selection, size: tuple[int, int], side: int) -> list[Box]:
    """Return boxes of `side` pixels in an image of `size` that cover the band, a selection of any size."""
    scales = size[0] / band.shape[1], size[1] / band.shape[0]
    spans = []
    for axis, (scale, length) in enumerate(zip(scales, size, strict=True)):
        reach = min(side, length)
        used = np.flatnonzero(band.any(axis=axis))
        low, high = int(used[0] * scale - _MARGIN * reach), ceil((used[-1] + 1) * scale + _MARGIN * reach)
        spare = max(reach - (high - low), 0) // 2
        low, high = max(low - spare, 0), min(high + spare, length)
        first, last = min(low, length - reach), max(high - reach, 0)
        count = ceil(max(last - first, 0) / ((1 - _SHARED) * reach)) + 1
        starts = np.linspace(first, max(last, first), count).astype(int).tolist()
        spans.append([(start, start + reach) for start in starts])

    def crossed(box: Box) -> int:
        rows = band[int(box.top / scales[1]) : ceil(box.bottom / scales[1])]
        return int(np.count_nonzero(rows[:, int(box.left / scales[0]) : ceil(box.right / scales[0])]))

    boxes = [Box(left, top, right, bottom) for (top, bottom), (left, right) in product(spans[1], spans[0])]
    return sorted(filter(crossed, boxes), key=crossed, reverse=True)[:_MOST]


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    return np.array(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC))


def _blended(size: tuple[int, int], side: int, patches: Iterable[tuple[Box, Floats]]) -> tuple[Floats, Selection]:
    """Return the mean of overlapping patches of at most `side` pixels, weighted by a window, and the pixels they cover.

    Both are [height, width] of `size`; the mean is 0 outside of the patches. The window is Hann's, 1 at its center and
    never below the floor.
    """
    total, weight = np.zeros((2, *size[::-1]), np.float32)
    hann = np.hanning(side)
    hann /= hann.max()
    window = np.maximum(np.outer(hann, hann), _FLOOR).astype(np.float32)
    for box, values in patches:
        height, width = values.shape
        total[box.slices()] += values * window[:height, :width]
        weight[box.slices()] += window[:height, :width]
    seen = weight > 0
    np.divide(total, weight, out=total, where=seen)
    return total, seen


def corners(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return left and top of the patches that cover an image of `size`; the last ones are flush with its edge."""
    lasts = [max(length - SIDE, 0) for length in size]
    across, down = ([*range(0, last, SIDE - OVERLAP), last] for last in lasts)
    return [(left, top) for top, left in product(down, across)]


def refined(
    rgb: PILImage, base: PILImage, network: Callable[[Floats], Floats], *, batch: int, stretch: Stretch
) -> PILImage:
    """Return the refined L mask of an RGB image; 0 outside of the patches in which its L mask `base` found something.

    `network` takes float32 [n, 4, 512, 512], RGB and base mask, 0 to 1, with n up to `batch`, and returns float32
    [n, 512, 512], 0 to 1; each patch of it is min-max stretched by the rule `stretch`.
    """
    boxes = [Box(left, top, left + SIDE, top + SIDE).grown(0, rgb.size) for left, top in corners(rgb.size)]
    found = [box for box in boxes if np.count_nonzero(np.asarray(base.crop(box))) >= _SHARE * prod(box.size)]

    def levels(box: Box) -> Bytes:
        channels = np.dstack([np.asarray(image.crop(box)) for image in (rgb, base)])
        height, width, _ = channels.shape
        # An image smaller than a patch goes on with its last row and column.
        return np.pad(channels, ((0, SIDE - height), (0, SIDE - width), (0, 0)), mode="edge").transpose(2, 0, 1)

    def patches() -> Iterable[tuple[Box, Floats]]:
        for start in range(0, len(found), batch):
            some = found[start : start + batch]
            tensor = np.empty((len(some), 4, SIDE, SIDE), np.float32)
            for patch_input, box in zip(tensor, some, strict=True):
                np.multiply(levels(box), np.float32(1 / 255), out=patch_input)
            for box, values in zip(some, network(tensor), strict=True):
                patch = values[: box.size[1], : box.size[0]]
                yield box, patch if patch.min() >= _ALL_SKIN else stretched(patch, stretch)

    total, _ = _blended(rgb.size, SIDE, patches())
    return Image.fromarray((total * np.float32(255) + np.float32(0.5)).astype(np.uint8))
