"""Whether two folders are what a measuring command takes them for: photographs, and their masks."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rembg_skin.dataset.pairs import Folders
from rembg_skin.errors import listed, printable
from rembg_skin.photos import open_photo

_LOOKED_AT = 8  # pairs, spread over the folder
_SAMPLE = 64  # pixels a side
_COLOURS = 64  # of 4096: a mask, also one with JPEG's noise or in a palette's colours, has fewer
_MIDDLE = (24, 231)  # a grey photograph lies mostly between these levels, a mask mostly outside


def doubts(folders: Folders, images: Path, masks: Path) -> str | None:
    """Return one warning in words if the folders are probably not photographs and their masks; None otherwise.

    It is given for swapped folders, for masks that look like photographs, and if fewer than half of the files have a
    partner in the other folder. Only a few small samples are read; a file that cannot be read says nothing.
    """
    found = []
    step = max(1, len(folders.pairs) // _LOOKED_AT)
    pairs = folders.pairs[::step][:_LOOKED_AT]
    photographs = [pair.mask for pair in pairs if looks_like_a_photograph(pair.mask)]
    if len(photographs) * 2 > len(pairs):
        if all(looks_like_a_photograph(pair.image) is False for pair in pairs):
            found.append(
                f"the folders look swapped: masks in {printable(images)} and photographs in {printable(masks)}"
            )
        else:
            found.append(f"{_named(photographs)} in {printable(masks)} look like photographs, not like masks")
    paired = 2 * len(folders.pairs)
    if paired < len(folders.unpaired):
        found.append(
            f"only {len(folders.pairs)} photographs have a mask, {len(folders.unpaired)} files have no partner"
            " in the other folder"
        )
    return f"Are these the right folders, photographs first? {'; '.join(found)}." if found else None


def _named(paths: Sequence[Path]) -> str:
    return listed(path.name for path in paths)


def looks_like_a_photograph(path: Path) -> bool | None:
    """Return True for a file with the colours or the greys of a photograph, False for a mask's, None if unreadable."""
    try:
        with open_photo(path) as image:
            image.draft("RGB", (_SAMPLE, _SAMPLE))
            if image.has_transparency_data and len(set(image.convert("RGBA").getchannel("A").getextrema())) > 1:
                return False  # a cutout: its alpha is the mask
            if image.mode not in ("RGB", "L", "P", "1", "RGBA", "CMYK", "YCbCr"):
                return False  # 16 bits and other depths: masks' more often than photographs'
            small = image.resize((_SAMPLE, _SAMPLE), Image.Resampling.NEAREST).convert("RGB")
    except Exception:  # noqa: BLE001 - Pillow's decoders raise anything; whether it is readable is asked elsewhere
        return None
    pixels = np.asarray(small).reshape(-1, 3)
    colours = Counter(map(tuple, (pixels >> 4).tolist()))
    grey = pixels.mean(axis=1)
    middle = ((grey >= _MIDDLE[0]) & (grey <= _MIDDLE[1])).mean()
    return len(colours) > _COLOURS or (len(colours) > 8 and bool(middle > 0.5))  # noqa: PLR2004 - classes are few greys
