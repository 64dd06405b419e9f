"""The photographs to learn from: every set decoded once into memory, with what each mask leaves open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Source = Literal["press_and_portraits", "fasseg_multipose", "fasseg_frontal", "mixed_web", "hands_and_necks"]
SOURCES: tuple[Source, ...] = get_args(Source)
TRAINING_SIDE = 384  # longest side kept for training, pixels: larger views are enlarged from it

# Photographs without skin that lie in the wheels of packages. The second group is never trained on.
NEGATIVES_SEEN = (
    *(f"skimage/data/{name}" for name in ("coffee.png", "chelsea.png", "rocket.jpg", "brick.png", "gravel.png")),
    *(f"skimage/data/{name}" for name in ("motorcycle_left.png", "coins.png", "text.png")),
    *(f"gradio/media_assets/images/{name}" for name in ("cheetah.jpg", "cheetah1.jpg", "lion.jpg", "tower.jpg")),
    *(f"sklearn/datasets/images/{name}" for name in ("flower.jpg", "china.jpg")),
)
NEGATIVES_UNSEEN = (
    *(f"skimage/data/{name}" for name in ("grass.png", "ihc.png", "moon.png", "page.png", "cell.png")),
    *(f"skimage/data/{name}" for name in ("hubble_deep_field.jpg", "clock_motion.png")),
)
SUIT_TOP = 215  # row of the astronaut's portrait below which nothing but her orange suit and the background is seen

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Photo:
    """RGB [H, W, 3], mask 0 or 255 [H, W], and `known` [H, W]: 0 where the mask's convention says nothing, else 255."""

    source: str
    name: str
    image: Bytes
    mask: Bytes
    known: Bytes = field(repr=False)


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
    with Image.open(file.parent.parent / "masks" / f"{file.stem}.png") as picture:
        mask = np.asarray(picture.convert("L"))
    return image, np.where(mask > 127, np.uint8(255), np.uint8(0))


def skin_region(mask: Bytes, source: Source) -> tuple[Bytes, Bytes]:
    """Return the mask as a skin *region*, and where it is known: [H, W] each, 0 or 255.

    FASSEG leaves eyes, brows and mouth out. Where skin encloses them they become skin; where a profile opens them to
    the background the mask says nothing. IBTD's masks have small holes of no meaning, which are filled likewise.
    """
    skin = mask > 127
    if source.startswith("fasseg"):
        filled = ndimage.binary_fill_holes(skin)
        radius = max(mask.shape) // 24
        closed = ndimage.binary_closing(np.pad(filled, radius), iterations=radius)[radius:-radius, radius:-radius]
        known = filled | ~closed
    elif source == "press_and_portraits":
        holes, _ = ndimage.label(~skin)
        small = np.bincount(holes.ravel()) < 0.001 * skin.size
        small[0] = False
        filled, known = skin | small[holes], np.ones_like(skin)
    else:
        filled, known = skin, np.ones_like(skin)
    return np.where(filled, np.uint8(255), np.uint8(0)), np.where(known, np.uint8(255), np.uint8(0))


def shrink(array: Bytes, side: int) -> Bytes:
    """Area-average to a longest side of at most `side` pixels."""
    picture = Image.fromarray(array)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    return np.asarray(picture)


def load_photos(root: Path, sources: Iterable[Source]) -> list[Photo]:
    """Every photograph of the sets, at the size for training."""
    photos = []
    for source in sources:
        for file in image_files(root, source):
            image, mask = read_pair(file)
            layers = (image, *skin_region(mask, source))
            photos.append(Photo(source, file.stem, *(shrink(layer, TRAINING_SIDE) for layer in layers)))
    return photos


def without_skin(name: str, image: Bytes, source: str = "negatives") -> Photo:
    """Return a photo with an empty, fully known mask; grey pictures become RGB."""
    rgb = np.stack([image] * 3, axis=-1) if image.ndim == 2 else image[..., :3]
    small = shrink(np.ascontiguousarray(rgb), TRAINING_SIDE)
    return Photo(source, name, small, np.zeros(small.shape[:2], np.uint8), np.full(small.shape[:2], 255, np.uint8))


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
    """16 x 16 signs of brightness against its mean: close for copies that were resized, recompressed or recoloured."""
    grey = np.asarray(Image.fromarray(image).convert("L").resize((16, 16), Image.Resampling.BOX), np.float32)
    return np.asarray(grey > grey.mean()).ravel()


def drop_near_copies(photos: Sequence[Photo], held_out: Sequence[Photo], bits: int = 16) -> list[Photo]:
    """Return the photos that differ from every held-out one in more than `bits` of 256 hash bits."""
    if not held_out:
        return list(photos)
    other = np.stack([average_hash(photo.image) for photo in held_out])
    return [p for p in photos if np.count_nonzero(other ^ average_hash(p.image), axis=1).min() > bits]
