"""Human correction effort: about how many mouse clicks it takes to turn a predicted mask into the true one.

Xuebin Qin et al., "Highly Accurate Dichotomous Image Segmentation", arXiv 2203.03041, section 5 and algorithm 1.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import approximate_polygon, find_contours
from skimage.morphology import skeletonize

from rembg_skin.image.arrays import THRESHOLD, Mask

RELAX = 5  # pixels; thinner errors are forgiven. The paper's gamma.
EPSILON = 2.0  # pixels between a boundary and the polygon that is clicked along it. The paper's epsilon.

Region = NDArray[np.bool_]

_CROSS = ndimage.generate_binary_structure(2, 1)
_SQUARE = ndimage.generate_binary_structure(2, 2)


def human_correction_effort(prediction: Mask, truth: Mask) -> int:
    """Return the number of clicks that would correct `prediction`.

    False skin is drawn off along the boundary that it shares with the truth, missed skin is drawn in along its outer
    boundary: a click for every corner of a polygon within `EPSILON` of it. A false island in the background and a hole
    inside the skin take one click each. Errors that vanish under `RELAX` steps of erosion are forgiven, save those that
    break the skeleton of the truth. The masks are uint8, H x W, binarized at 127.
    """
    part = _around((prediction > THRESHOLD) | (truth > THRESHOLD), RELAX + 1)
    predicted, actual = prediction[part] > THRESHOLD, truth[part] > THRESHOLD
    union = predicted | actual
    # Outside the frame counts as inside the union: the picture's edge is not a boundary of the subject.
    core = ndimage.binary_erosion(union, _CROSS, iterations=RELAX, border_value=1)
    false = _relaxed(predicted, actual, core)
    missed = _relaxed(actual, predicted, core) | (skeletonize(actual) & ~predicted)
    right = predicted & actual
    return _clicks(false, right | missed) + _clicks(missed, ~(right | false | missed))


def _around(region: Region, margin: int) -> tuple[slice, slice]:
    """Return the box around `region` and `margin` pixels more: nothing further out counts, and skeletons are slow."""
    box = (ndimage.find_objects(region.view(np.uint8)) or [(slice(0, 1), slice(0, 1))])[0]
    rows, columns = (slice(max(0, side.start - margin), side.stop + margin) for side in box)
    return rows, columns


def _relaxed(region: Region, other: Region, core: Region) -> Region:
    """Return `region` without `other` and without thin parts: the rest in `core`, grown back."""
    error = region & ~other
    kept = error & core
    if kept.any():  # dilating is slow
        kept = ndimage.binary_dilation(kept, _CROSS, iterations=RELAX, mask=~other) & error
    return kept


def _clicks(error: Region, neighbor: Region) -> int:
    """Return the corners along the boundary between `error` and `neighbor`, plus one for each region without any."""
    labels, count = ndimage.label(error, _SQUARE)
    touches = ndimage.binary_dilation(neighbor, _CROSS)
    islands = count - np.unique(labels[error & touches]).size
    seen = np.zeros_like(error)
    return int(islands) + sum(
        len(approximate_polygon(line.astype(float), EPSILON))
        for chain in _chains(error)
        for line in _shared(chain, touches, seen)
    )


def _chains(region: Region) -> list[NDArray[np.intp]]:
    """Return the boundaries of `region`, outer ones and holes, each a closed chain of its own pixels, N x 2."""
    chains = []
    for contour in find_contours(np.pad(region, 1).astype(np.uint8), 0.5, fully_connected="high"):
        # A vertex lies half-way between a pixel of the region and one outside: take the one inside.
        low, high = np.floor(contour).astype(np.intp) - 1, np.ceil(contour).astype(np.intp) - 1
        inside = ((low >= 0) & (low < region.shape)).all(axis=1)
        inside[inside] = region[tuple(low[inside].T)]
        pixels = np.where(inside[:, None], low, high)
        fresh = np.any(pixels != np.roll(pixels, 1, axis=0), axis=1)
        pixels = pixels[fresh] if fresh.any() else pixels[:1]
        # From the top left, so that a line one pixel wide is walked from an end and counted once.
        chains.append(np.roll(pixels, -int(np.lexsort((pixels[:, 1], pixels[:, 0]))[0]), axis=0))
    return chains


def _shared(chain: NDArray[np.intp], touches: Region, seen: Region) -> list[NDArray[np.intp]]:
    """Return the stretches of `chain` that lie in `touches`, each pixel once; marks them in `seen`."""
    kept = []
    for pixel in map(tuple, chain.tolist()):
        kept.append(touches[pixel] and not seen[pixel])
        seen[pixel] |= kept[-1]
    lines = np.split(chain, np.flatnonzero(np.diff(kept)) + 1)[0 if kept[0] else 1 :: 2]
    # The chain is closed: a stretch over its end is one with the stretch at its start.
    if len(lines) > 1 and kept[0] and kept[-1]:
        lines[0] = np.concatenate([lines.pop(), lines[0]])
    return lines
