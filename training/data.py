"""The photographs to learn from: every set decoded once into memory, with what each mask leaves open."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Source = Literal[
    "press_and_portraits",
    "fasseg_multipose",
    "fasseg_frontal",
    "mixed_web",
    "hands_and_necks",
    "ccp",
    "hgr1",
    "abdomen",
    "sfa",
    "neg_grocery",
    "neg_imagenet",
    "faces_unlabelled",
    "bw_faces_unlabelled",
]
SOURCES: tuple[Source, ...] = get_args(Source)
WITHOUT_PARTS = ("fasseg_frontal", "fasseg_multipose", "sfa")  # masks that leave eyes, brows and lips out
WITHOUT_FACES = ("hgr1", "abdomen")
UNLABELLED = ("faces_unlabelled", "bw_faces_unlabelled")  # without masks: what is seen in them is the lesson
DOUBTED = 32  # of 255: the weight of what ccp calls background and may be a passer-by
BLOCK = 20  # neighbors in a set often show one person: they are held out together
MASK, KNOWN, PARTS, TOLD, TAUGHT, SEEN = 3, 4, 5, 6, 7, 10  # layers of a photo
LAYERS = 11
TRAINING_SIDE = 512  # longest side kept for training, pixels: larger views are enlarged from it

# Photographs without skin that lie in the wheels of packages. The second group is never trained on.
NEGATIVES_SEEN = (
    *(f"skimage/data/{name}" for name in ("coffee.png", "chelsea.png", "rocket.jpg", "brick.png", "gravel.png")),
    *(f"skimage/data/{name}" for name in ("motorcycle_left.png", "coins.png", "text.png", "moon.png")),
    *(f"gradio/media_assets/images/{name}" for name in ("cheetah.jpg", "cheetah1.jpg", "lion.jpg", "tower.jpg")),
    *(f"sklearn/datasets/images/{name}" for name in ("flower.jpg", "china.jpg")),
)
NEGATIVES_UNSEEN = (
    *(f"skimage/data/{name}" for name in ("grass.png", "ihc.png", "page.png", "cell.png")),
    *(f"skimage/data/{name}" for name in ("hubble_deep_field.jpg", "clock_motion.png")),
)
SUBJECT = (0.03, 0.7)  # share of a photo that may stand out
SUIT_TOP = 215  # row of the astronaut's portrait below which nothing but her orange suit and the background is seen

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Photo:
    """A photograph and what is known of its pixels: `layers` [11, H, W], 0..255.

    Red, green, blue; the skin region; its weight in the loss; the region's parts that are not skin; where these are
    known; what the teacher says of skin, hair and clothes; how far it can be trusted, 0 where it said nothing.
    """

    source: str
    name: str
    layers: Bytes = field(repr=False)

    @property
    def image(self) -> Bytes:
        """RGB [H, W, 3]."""
        return np.ascontiguousarray(self.layers[:3].transpose(1, 2, 0))

    @property
    def shows_skin(self) -> bool:
        return bool(self.layers[MASK].any())


def source_folder(root: Path, source: Source) -> Path:
    """Where a set lies below the data root, which holds some sets itself and some in `train`."""
    direct = root / source
    return direct if direct.is_dir() else root / "train" / source


def image_files(root: Path, source: Source) -> list[Path]:
    return sorted((source_folder(root, source) / "images").iterdir())


def read_pair(file: Path) -> tuple[Bytes, Bytes]:
    """Return the picture and its mask at full size."""
    with Image.open(file) as picture:
        image = np.asarray(picture.convert("RGB"))
    answer = file.parent.parent / "masks" / f"{file.stem}.png"
    if not answer.parent.is_dir():  # a set without skin, or without masks
        return image, np.zeros(image.shape[:2], np.uint8)
    with Image.open(answer) as picture:
        mask = np.asarray(picture.convert("L"))
    return image, np.where(mask > 127, np.uint8(255), np.uint8(0))


def is_held_out(source: Source, index: int, name: str) -> bool:
    """Tell whether a photo, by its place in its set, is of the tenth that no training sees."""
    if source == "hgr1":
        return "_id12_" in name
    if source == "neg_grocery":
        kind = name.rpartition("_")[0]
        return zlib.crc32(kind.encode()) % 10 == 0
    if source == "faces_unlabelled":  # a fifth
        return zlib.crc32(name.encode()) % 5 == 0
    if source == "neg_imagenet":  # each photo shows another kind
        return index % 10 == 0
    return source in {"ccp", "abdomen", "sfa"} and index // BLOCK % 10 == 9


def levels(flags: NDArray[np.bool_]) -> Bytes:
    return np.where(flags, np.uint8(255), np.uint8(0))


def answers(mask: Bytes, source: Source, file: Path) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """Return four layers of a photo: the skin *region*, its weight, its parts that are not skin, where these are known.

    FASSEG and SFA leave eyes, brows and mouth out. If skin encloses them they become part of the region; if a profile
    opens them to the background they have no weight. Small holes in IBTD's masks mean nothing and are filled as well.
    """
    skin = mask > 127
    known = np.full(mask.shape, 255, np.uint8)
    region = skin
    if source in WITHOUT_PARTS:
        region = ndimage.binary_fill_holes(skin)
        radius = max(mask.shape) // 24
        closed = ndimage.binary_closing(np.pad(region, radius), iterations=radius)[radius:-radius, radius:-radius]
        known = levels(region | ~closed)
    elif source == "press_and_portraits":
        holes, _ = ndimage.label(~skin)
        small = np.bincount(holes.ravel()) < 0.001 * skin.size
        small[0] = False
        region = skin | small[holes]
    elif source == "ccp" and (doubt := file.parent.parent / "known" / f"{file.stem}.png").exists():
        with Image.open(doubt) as picture:
            known = np.where(np.asarray(picture.convert("L")) > 0, np.uint8(255), np.uint8(DOUBTED))
    told = region & (source in (*WITHOUT_PARTS, *WITHOUT_FACES))
    return levels(region), known, levels(told & ~skin), levels(told)


def shrink(array: Bytes, side: int) -> Bytes:
    """Area-average to a longest side of at most `side` pixels."""
    picture = Image.fromarray(array)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    return np.asarray(picture)


def load_photos(root: Path, *, held_out: bool = False) -> list[Photo]:
    """Every photograph of the sets at the size for training: those of the tenths held out, or the others."""
    photos = []
    for source in SOURCES:
        for index, file in enumerate(image_files(root, source)):
            if is_held_out(source, index, file.stem) == held_out:
                image, mask = read_pair(file)
                region, known, parts, told = answers(mask, source, file)
                photos.append(photo_of(source, file.stem, image, (region, known, parts, told, region)))
    return photos


def photo_of(source: str, name: str, image: Bytes, answer: Sequence[Bytes]) -> Photo:
    """Return a photo at the size for training."""
    shrunk = np.dstack([shrink(layer, TRAINING_SIDE) for layer in (image, *answer)]).transpose(2, 0, 1)
    layers = np.zeros((LAYERS, *shrunk.shape[1:]), np.uint8)
    layers[: len(shrunk)] = shrunk
    return Photo(source, name, layers)


def without_skin(name: str, image: Bytes, source: str = "negatives") -> Photo:
    """Return a photo with an empty, fully known mask; gray pictures become RGB."""
    rgb = np.stack([image] * 3, axis=-1) if image.ndim == 2 else image[..., :3]
    empty, full = (np.full(rgb.shape[:2], level, np.uint8) for level in (0, 255))
    return photo_of(source, name, np.ascontiguousarray(rgb), (empty, full, empty, empty, empty))


def on_white(photo: Photo) -> Photo | None:
    """Return a photo without skin with its subject on white, as shops and stamps show it; None if none stands out.

    GrabCut finds the subject (Rother, Kolmogorov and Blake 2004), in a picture of 256 pixels.
    """
    scale = 256 / max(photo.image.shape)
    small = cv2.resize(photo.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    place = np.zeros((height, width), np.uint8)
    inner = (width // 16, height // 16, width - width // 8, height - height // 8)
    cv2.grabCut(small, place, inner, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    subject = np.isin(place, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    if not SUBJECT[0] < subject.mean() < SUBJECT[1]:
        return None
    alpha = cv2.resize(cv2.GaussianBlur(subject, (0, 0), 0.8), photo.image.shape[1::-1])[..., None]
    return without_skin(photo.name, np.rint(255 + alpha * (photo.image - 255.0)).astype(np.uint8), "on_white")


def library_photo(file: str) -> Bytes:
    """Return a picture that lies in an installed package's folder, such as skimage/data/coffee.png, in RGB."""
    package, _, inside = file.partition("/")
    (folder,) = find_spec(package).submodule_search_locations  # not imported: its own loaders may use the network
    with Image.open(Path(folder) / inside) as picture:
        return np.asarray(picture.convert("RGB"))


def orange_suit() -> Bytes:
    """Return the part of the astronaut's portrait that shows no skin."""
    return library_photo("skimage/data/astronaut.png")[SUIT_TOP:]


def average_hash(image: Bytes) -> NDArray[np.bool_]:
    """16 x 16 signs of brightness against its mean: close for copies that were resized, recompressed or recolored."""
    gray = np.asarray(Image.fromarray(image).convert("L").resize((16, 16), Image.Resampling.BOX), np.float32)
    return np.asarray(gray > gray.mean()).ravel()


def drop_near_copies(photos: Sequence[Photo], held_out: Sequence[Photo], bits: int = 16) -> list[Photo]:
    """Return the photos that differ from every held-out one in more than `bits` of 256 hash bits."""
    if not held_out:
        return list(photos)
    other = np.stack([average_hash(photo.image) for photo in held_out])
    return [p for p in photos if np.count_nonzero(other ^ average_hash(p.image), axis=1).min() > bits]
