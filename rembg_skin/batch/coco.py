"""Masks as COCO annotations, run-length encoded, for tools that label and train; needs pycocotools (extra ``coco``)."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from rembg_skin.batch.folder import Task
from rembg_skin.errors import ExtraError
from rembg_skin.image.arrays import THRESHOLD


def library() -> ModuleType:
    """Return pycocotools' module of masks, or raise ExtraError."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ExtraError.about("masks --coco", "pycocotools", "coco") from error
    return mask  # type: ignore[no-any-return]


def coco(tasks: Iterable[Task], source: Path, *, labels: bool) -> dict[str, Any]:
    """Return the annotations of all photos that have a mask: one for each, none for a mask without skin.

    The names of the photos are relative to `source`. Masks have 1 for skin if they are `labels`, and otherwise levels,
    of which those above 127 count. Raises ExtraError without pycocotools, OSError if a mask cannot be read.
    """
    rle, least = library(), 0 if labels else THRESHOLD
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, task in enumerate((task for task in tasks if task.target.is_file()), 1):
        with Image.open(task.target) as mask:
            skin = np.asfortranarray(np.asarray(mask.convert("L")) > least, np.uint8)
        name = task.source.relative_to(source).as_posix()
        images.append({"id": number, "file_name": name, "width": skin.shape[1], "height": skin.shape[0]})
        if skin.any():
            code = rle.encode(skin)
            shape = {"size": code["size"], "counts": code["counts"].decode("ascii")}
            box, area = rle.toBbox(code).tolist(), int(rle.area(code))
            about = {"segmentation": shape, "area": area, "bbox": box, "iscrowd": 0}
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": 1, **about})
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "skin"}]}
