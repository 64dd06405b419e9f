"""Masks of batches of images: a callable that Ray Data, Spark, Dask or a plain pool ships to its workers.

None of them is imported here.
"""

import io
import os
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS, resolved
from rembg_skin.errors import SkinError, printable
from rembg_skin.image.arrays import THRESHOLD, Mask
from rembg_skin.photos import open_photo, upright
from rembg_skin.session import check_names, open_session, predict_mask

# Sessions of this process. Engines may pickle a masker anew for each batch: all equal ones share a session.
_sessions: dict[tuple[int, str], Any] = {}
_building = threading.Lock()


class SkinMasker:
    """Turns batches of images into batches of masks; picklable, since its session is built where it is first used.

    `model` is a session's name, as given to ``rembg -m``, `extras` are the session's extras, `providers` ONNX Runtime's
    providers for a network, None for those that rembg would take. `threads` is how many threads a network and the steps
    around it take, None for one a core; 1 is best for a process a core. `column` is the batch's column of images:
    ``bytes`` and ``image`` are Ray Data's names for files and for decoded images. `masks` is the kind of the column
    ``mask``: ``png`` for the bytes of PNG files, ``array`` for uint8 [height, width], ``labels`` for the bytes of PNG
    files of 0, and of 1 where a mask is above 127. Raises ModelError if there is no such model.
    """

    def __init__(
        self,
        model: str,
        *,
        extras: Mapping[str, object] | None = None,
        providers: Sequence[object] | None = None,
        threads: int | None = None,
        column: str = "bytes",
        masks: Literal["png", "array", "labels"] = "png",
    ) -> None:
        if model not in MODELS:
            check_names([model])
        self.model = resolved(model)
        self.extras = dict(extras or {})
        self.providers = None if providers is None else list(providers)
        self.threads = threads
        self.column = column
        self.masks = masks

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the batch with two more columns, its rows in order: ``mask``, and the message of an ``error``.

        `batch` gives columns by name: a mapping, such as Ray's, Spark's and Hugging Face's batches, a pandas or polars
        DataFrame, a pyarrow Table or RecordBatch. An image is the bytes of a file, Hugging Face's ``{"bytes": ...}``, a
        Pillow image, or a uint8 array [height, width], [height, width, 1], [height, width, 3] or [height, width, 4]:
        gray, RGB, RGBA. A uint16 array [height, width] is gray too. If an image cannot be masked, its ``mask`` is empty
        (no bytes, or an array of shape 0, 0), and ``error`` gives the reason; otherwise ``error`` is empty. Raises
        SkinError if the session is unavailable: a bad extra, or weights that cannot be fetched; no image would do.
        """
        session = self.session()
        columns = _columns(batch)
        rows = [self._row(session, image) for image in columns[self.column]]
        masks, errors = zip(*rows, strict=True) if rows else ((), ())
        return {**columns, "mask": list(masks), "error": list(errors)}

    def session(self) -> Any:
        """Return this process's session, built at the first call; raises SkinError if it is unavailable."""
        # A forked process cannot use the threads of its parent's session: it builds its own.
        key = os.getpid(), repr((self.model, sorted(self.extras.items()), self.providers, self.threads))
        with _building:
            if key not in _sessions:
                settings = None
                if self.threads is not None:
                    import onnxruntime as ort

                    settings = ort.SessionOptions()
                    settings.intra_op_num_threads = self.threads
                options = {"sess_opts": settings, "providers": self.providers}
                _sessions[key] = open_session(self.model, self.extras, **options)
            return _sessions[key]

    def _row(self, session: Any, image: object) -> tuple[Any, str]:
        try:
            mask = predict_mask(session, upright(open_picture(image)))
        except Exception as error:  # noqa: BLE001 - one bad image is one bad row, whatever is wrong with it
            return (np.zeros((0, 0), np.uint8) if self.masks == "array" else b""), in_words(error)
        return (mask if self.masks == "array" else self.encoded(mask)), ""

    def encoded(self, mask: Mask) -> bytes:
        """Return a mask, uint8 [height, width], as the bytes of a PNG file, as labels if these are wanted."""
        buffer = io.BytesIO()
        picture = Image.fromarray((mask > THRESHOLD).astype(np.uint8) if self.masks == "labels" else mask)
        # Masks are runs of one value: the default takes 70 % longer, for files of the same size within 5 %.
        picture.save(buffer, "PNG", compress_type=zlib.Z_RLE)
        return buffer.getvalue()


def _columns(batch: Any) -> dict[str, Any]:
    """Return the columns of a batch of any engine; none of them is imported for it."""
    if hasattr(batch, "to_pydict"):  # pyarrow
        return dict(batch.to_pydict())
    if hasattr(batch, "get_columns"):  # polars
        return dict(batch.to_dict(as_series=False))
    return {**batch}


def open_picture(image: object) -> PILImage:
    """Return the bytes of an image file, an array or a Pillow image as an image of its own.

    Raises TypeError, ValueError, OSError or ImageError if it is neither, or Pillow cannot open it.
    """
    if isinstance(image, Image.Image):
        return image.copy()  # it is turned upright
    if isinstance(image, Mapping):  # Hugging Face's; a path in it is not opened: rows come from anywhere
        image = image.get("bytes")
    if isinstance(image, np.ndarray):
        return Image.fromarray(image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image)  # noqa: PLR2004
    if not isinstance(image, bytes | bytearray | memoryview):
        raise TypeError(f"an image is the bytes of a file or an array, not {type(image).__name__}")
    try:
        return open_photo(io.BytesIO(image))
    except UnidentifiedImageError:
        raise ValueError("not an image file that Pillow knows") from None


def in_words(error: Exception) -> str:
    """Return the message of `error`, with its type unless it is one of ours: many of Pillow's messages need it."""
    return str(error) if isinstance(error, SkinError) else f"{type(error).__name__}: {printable(error)}"
