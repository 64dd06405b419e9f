"""What a published network sees in the photos: a lesson beside the masks, which are ragged and lack passers-by."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rembg_skin.catalog import FILES
from rembg_skin.image.parts import Ellipse, features, without
from rembg_skin.image.tensor import automatic_sides, to_tensor
from rembg_skin.networks.litert import TfliteGraph
from rembg_skin.networks.yunet import Detector
from rembg_skin.sessions.mediapipe import BODY_SKIN, FACE_SKIN, softmax
from rembg_skin.weights import fetch

from .data import KNOWN, MASK, PARTS, SEEN, TAUGHT, TOLD, UNLABELLED, Bytes, Photo
from .evaluate import predictor

TILE = 0.6  # side of the second look's tiles, of the photo's longest side
TILED = ("ccp", "press_and_portraits", "mixed_web")  # where people may be small
# Where a face may fill the photo: the network has learned from whole heads, and loses faces without a frame of gray.
FRAMED = UNLABELLED
# Elsewhere the mask is better: bellies, hands alone.
TAUGHT_SETS = (*TILED, *FRAMED, "fasseg_multipose", "fasseg_frontal", "sfa")
MARKED_SETS = (*UNLABELLED, "press_and_portraits", "mixed_web")  # whose faces have neither eyes nor mouths marked
SURE, LARGE_FACE = 0.8, 0.2  # of a face: confidence, and width in longest sides of the photo
LEAST_TRUST = 0.15  # where they differ; with none the mask would count twice
LEAST_SKIN = {"faces_unlabelled": 0.02, "bw_faces_unlabelled": 0.25}  # share of a photo, below which a face was missed
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

    def __init__(self, threads: int) -> None:
        model = FILES["mediapipe_skin"]
        assert model.network is not None
        self.size = model.network.size
        self.graph = TfliteGraph(model.name, model.network, fetch(model), threads)

    def look(self, picture: Image.Image) -> Floats:
        """Return the shares 0..1 [3, H, W] of skin, hair and clothes in a picture, squeezed into a square."""
        shares = softmax(self.graph.run(to_tensor(picture, self.size).transpose(0, 2, 3, 1)))
        kinds = (BODY_SKIN, FACE_SKIN), (HAIR,), (CLOTHES, OTHERS)
        planes = [Image.fromarray(shares[..., kind].sum(-1)) for kind in kinds]
        return np.stack([np.asarray(plane.resize(picture.size, Image.Resampling.BILINEAR)) for plane in planes])

    def see(self, image: Bytes, source: str) -> Bytes:
        """Return what it sees in a photo of a set, 0..255 [3, H, W]; of many sets, skin at a second scale, too."""
        picture = Image.fromarray(image)
        seen = self.look(picture)
        if source in TILED:
            total, weight = np.zeros_like(seen[0]), np.zeros_like(seen[0])
            for box in tiles(*picture.size):
                left, top, right, bottom = box
                window = np.outer(np.hanning(bottom - top + 2)[1:-1], np.hanning(right - left + 2)[1:-1]) + 0.01
                total[top:bottom, left:right] += window * self.look(picture.crop(box))[0]
                weight[top:bottom, left:right] += window
            seen[0] = (seen[0] + total / weight) / 2
        elif source in FRAMED:
            border = max(picture.size) // 2
            framed = self.look(ImageOps.expand(picture, border, (128, 128, 128)))[0]
            seen[0] = np.maximum(seen[0], framed[border : border + picture.height, border : border + picture.width])
        return np.asarray(np.rint(255 * seen.clip(0, 1)), np.uint8)


class Voices:
    """The selfie network, `pan_skin` and the file to start from, if there is one: their faults are not the same."""

    def __init__(self, pupil: Path | None, threads: int) -> None:
        self.selfie = Selfie(threads)
        self.pupil = predictor("tiny_skin", pupil, automatic_sides, threads=threads) if pupil else None
        self.pan = predictor("pan_skin", fetch(FILES["pan_skin"]), lambda _: (512,), threads=threads)
        self.detector = Detector(fetch(FILES["yunet"]), threads)

    def hear(self, image: Bytes, source: str) -> Bytes:
        """Return what they see in a photo, 0..255 [5, H, W]: the selfie's skin, hair and clothes, the others' skin."""
        seen = self.selfie.see(image, source)
        return np.stack([*seen, self.pupil(image) if self.pupil else seen[0], self.pan(image)])


def lesson(voices: Bytes) -> Bytes:
    """Return the skin of a photo as its teachers see it together, and how far they can be trusted: 0..255 [2, H, W].

    The selfie network counts twice. Where the pupil differs from it neither can be trusted much, unless `pan_skin`
    takes the selfie's side: that is how bare shoulders are learned, and dark faces.
    """
    selfie, pupil, pan = (voices[plane].astype(np.float32) / 255 for plane in (0, 3, 4))
    doubt = np.abs(selfie - pupil)
    sided = doubt * (np.abs(selfie - pan) < np.abs(pupil - pan))
    skin = selfie + (pupil - selfie) / 3 * (1 - sided)
    trust = np.clip(1 - doubt + 0.5 * sided, LEAST_TRUST, 1)
    return np.asarray(np.rint(255 * np.stack([skin, trust])), np.uint8)


def mark_features(photo: Photo, detector: Detector) -> None:
    """Mark eyes, brows and mouths of large faces as parts of the region that are not skin, where no mask tells."""
    picture = Image.fromarray(photo.image)
    region, told = photo.layers[MASK] > 127, photo.layers[TOLD]
    marked: list[Ellipse] = []
    for face in detector.faces(picture, SURE):
        ellipses = features(face.landmarks)
        if ellipses and face.right - face.left > LARGE_FACE * max(picture.size):
            box = face.within(picture.size).slices()
            told[box] = np.where(region[box], 255, told[box])
            marked += ellipses
    hidden = np.asarray(without(Image.new("L", picture.size, 255), marked))
    photo.layers[PARTS] = np.where(told > 0, 255 - hidden, 0)


def teach(photos: Sequence[Photo], voices: Voices, kept: Path) -> list[Photo]:
    """Write into each photo what its teachers see, and into one without a mask the mask; the folder `kept` keeps it.

    Return the photos without those whose face no teacher found.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        if photo.source not in TAUGHT_SETS:
            continue
        file = kept / f"{photo.source}-{photo.name}.npz"
        if not file.exists():
            part = file.with_suffix(".part")
            with part.open("wb") as opened:
                np.savez_compressed(opened, voices.hear(photo.image, photo.source))
            part.rename(file)
        with np.load(file) as saved:
            heard = saved["arr_0"]
        skin, trust = lesson(heard)
        photo.layers[TAUGHT:SEEN] = skin, heard[1], heard[2]
        photo.layers[SEEN] = trust
        if photo.source in UNLABELLED:
            photo.layers[MASK] = np.where(skin > 127, 255, 0)
            photo.layers[KNOWN] = trust
        if photo.source in MARKED_SETS:
            mark_features(photo, voices.detector)
    return [photo for photo in photos if np.mean(photo.layers[MASK] > 0) >= LEAST_SKIN.get(photo.source, 0)]
