"""``rembg-skin stats``: the colours of skin in one's own photographs, and its places in the frame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.color.spaces import rgb_to_hsv, rgb_to_ycrcb
from rembg_skin.image.arrays import THRESHOLD, Mask

CHANNELS = ("H", "S", "V", "Y", "Cb", "Cr")
HEAT_SIDE = 64
_LEVELS = 256
_ROWS = 256  # at a time, so that memory does not grow with the photograph either

Counts = NDArray[np.int64]


class ColourStatistics:
    """Running counts over any number of images; its size does not depend on how many.

    Attributes
    ----------
    images
        How many were added.
    histograms
        For each of H (0 to 179), S, V, Y, Cb and Cr (0 to 255, as OpenCV's 8-bit conversions give them): pixels of each
        level, int64 [2, 256], first those that are not skin.
    plane
        Pixels of each colour of the chroma plane, int64 [2, 256, 256], first those that are not skin; [kind, Cb, Cr].
    heat
        For each place of the frame, stretched to 64 x 64, the sum over the images of the share of it that is skin.

    """

    def __init__(self) -> None:
        self.images = 0
        self.histograms: dict[str, Counts] = {name: np.zeros((2, _LEVELS), np.int64) for name in CHANNELS}
        self.plane: Counts = np.zeros((2, _LEVELS, _LEVELS), np.int64)
        self.heat: NDArray[np.float64] = np.zeros((HEAT_SIDE, HEAT_SIDE))

    def add(self, image: PILImage, mask: Mask) -> None:
        """Count an RGB image and its mask, uint8, H x W, skin above 127."""
        skin = mask > THRESHOLD
        for top in range(0, image.height, _ROWS):
            block = np.asarray(image.crop((0, top, image.width, min(top + _ROWS, image.height))))
            self._count(block, skin[top : top + _ROWS])
        share = Image.fromarray(skin.astype(np.float32)).resize((HEAT_SIDE, HEAT_SIDE), Image.Resampling.BOX)
        self.heat += np.asarray(share)
        self.images += 1

    def _count(self, rgb: NDArray[np.uint8], skin: NDArray[np.bool_]) -> None:
        hsv, ycrcb = rgb_to_hsv(rgb), rgb_to_ycrcb(rgb)
        kind = skin.astype(np.int64)
        planes = zip(CHANNELS, (*np.moveaxis(hsv, 2, 0), ycrcb[..., 0], ycrcb[..., 2], ycrcb[..., 1]), strict=True)
        for name, plane in planes:
            self.histograms[name] += _counted(kind * _LEVELS + plane, 2 * _LEVELS).reshape(2, _LEVELS)
        place = (kind * _LEVELS + ycrcb[..., 2]) * _LEVELS + ycrcb[..., 1]
        self.plane += _counted(place, self.plane.size).reshape(self.plane.shape)

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain values; of the plane, only the colours that occur."""
        not_skin, skin = self.plane.sum(axis=(1, 2)).tolist()
        used = np.argwhere(self.plane.any(axis=0))
        return {
            "images": self.images,
            "pixels": {"skin": skin, "not_skin": not_skin},
            "histograms": {
                name: {"not_skin": counts[0].tolist(), "skin": counts[1].tolist()}
                for name, counts in self.histograms.items()
            },
            "cb_cr_plane": {
                "columns": ["cb", "cr", "not_skin", "skin"],
                "rows": [[cb, cr, *self.plane[:, cb, cr].tolist()] for cb, cr in used.tolist()],
            },
            "heat_map": (self.heat / max(1, self.images)).round(4).tolist(),
        }


def _counted(values: NDArray[np.int64], size: int) -> Counts:
    return np.bincount(values.ravel(), minlength=size)
