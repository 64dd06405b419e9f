"""What a published network sees in the photos: a lesson beside the masks, which are ragged and lack passers-by."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.catalog import MODELS
from rembg_skin.image.tensor import to_tensor
from rembg_skin.networks.litert import Graph
from rembg_skin.sessions.mediapipe import BODY_SKIN, FACE_SKIN, softmax

from .data import SEEN, TAUGHT, Bytes, Photo

TILE = 0.6  # side of the second look's tiles, of the photo's longest side
TILED = ("ccp", "press_and_portraits", "mixed_web")  # where people may be small
# Elsewhere the mask is better: bellies, hands alone.
TAUGHT_SETS = (*TILED, "fasseg_multipose", "fasseg_frontal", "sfa")
HAIR, CLOTHES, OTHERS = 1, 4, 5  # classes of the network; the last are bags, hats, glasses

Floats = NDArray[np.float32]


def starts(length: int, tile: int) -> list[int]:
    """Where tiles begin that cover a length and overlap by at least three tenths."""
    count = 1 + math.ceil((length - tile) / (0.7 * tile))
    return [round(start) for start in np.linspace(0, length - tile, count)]


def tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the boxes of the second look, (left, top, right, bottom)."""
    side = max(1, round(TILE * max(width, height)))
    across, down = min(side, width), min(side, height)
    for top in starts(height, down):
        for left in starts(width, across):
            yield left, top, left + across, top + down


class Selfie:
    """Google's selfie multiclass (Apache-2.0), the network of `mediapipe_skin`."""

    def __init__(self, file: Path, threads: int) -> None:
        network = MODELS["mediapipe_skin"].network
        assert network is not None
        self.size = network.size
        self.graph = Graph("mediapipe_skin", network, file, threads)

    def look(self, picture: Image.Image) -> Floats:
        """Return the shares 0..1 [3, H, W] of skin, hair and clothes in a picture, squeezed into a square."""
        shares = softmax(self.graph.run(to_tensor(picture, self.size).transpose(0, 2, 3, 1)))
        kinds = (BODY_SKIN, FACE_SKIN), (HAIR,), (CLOTHES, OTHERS)
        planes = [Image.fromarray(shares[..., kind].sum(-1)) for kind in kinds]
        return np.stack([np.asarray(plane.resize(picture.size, Image.Resampling.BILINEAR)) for plane in planes])

    def see(self, image: Bytes, *, tiled: bool) -> Bytes:
        """Return what it sees in a photo, 0..255 [3, H, W]; tiled, skin is the mean of two looks."""
        picture = Image.fromarray(image)
        seen = self.look(picture)
        if tiled:
            total, weight = np.zeros_like(seen[0]), np.zeros_like(seen[0])
            for box in tiles(*picture.size):
                left, top, right, bottom = box
                window = np.outer(np.hanning(bottom - top + 2)[1:-1], np.hanning(right - left + 2)[1:-1]) + 0.01
                total[top:bottom, left:right] += window * self.look(picture.crop(box))[0]
                weight[top:bottom, left:right] += window
            seen[0] = (seen[0] + total / weight) / 2
        return np.rint(255 * seen.clip(0, 1)).astype(np.uint8)


def teach(photos: Sequence[Photo], selfie: Selfie, kept: Path) -> None:
    """Write into each photo what its teacher sees; the answers stay in the folder `kept`."""
    kept.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        if photo.source not in TAUGHT_SETS:
            continue
        file = kept / f"{photo.source}-{photo.name}.png"
        if not file.exists():
            seen = selfie.see(photo.image, tiled=photo.source in TILED)
            Image.fromarray(seen.transpose(1, 2, 0)).save(file.with_suffix(".part"), "PNG")
            file.with_suffix(".part").rename(file)
        with Image.open(file) as picture:
            photo.layers[TAUGHT:SEEN] = np.asarray(picture).transpose(2, 0, 1)
        photo.layers[SEEN] = 255
