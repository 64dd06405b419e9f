"""Photos and settings in, masks, pictures and commands out: all of `rembg-skin tune` but the page."""

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Image as PILImage

from rembg_skin.catalog import files_of
from rembg_skin.cutout.photo import Kept, read_photo
from rembg_skin.cutout.writer import write_picture
from rembg_skin.errors import DataError, ImageError, printable
from rembg_skin.image.arrays import THRESHOLD
from rembg_skin.image.finish import Finish
from rembg_skin.image.overlay import overlay
from rembg_skin.image.rgb import to_rgb
from rembg_skin.photos import open_photo, unreadable, upright
from rembg_skin.sessions import session_classes
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.neural import NeuralSession
from rembg_skin.sessions.options import Integer, Real
from rembg_skin.tune.controls import rounded
from rembg_skin.tune.shells import CUTOUT, call, command
from rembg_skin.weights import on_disk

LARGEST = 50_000_000  # pixels: the mask is that of the full-size photo, as the command makes it
LARGEST_FILE = 200_000_000  # bytes
NO_PHOTO = "Upload a photo, take one with the camera or paste one."

_SCREEN = 1024  # pixels: the longer side of the pictures that are shown, but for the mask
_CHECKER = 16  # pixels
_GREYS = (224, 184)
_REMEMBERED = 4  # answers of each session, and photos
_FINISH = {field.name for field in fields(Finish)}


class Photo(NamedTuple):
    """An uploaded photo: its name, which is never opened, the file's bytes and the decoded image, upright."""

    name: str
    data: bytes
    image: PILImage


class Asked(NamedTuple):
    """A request of the page: the key of a photo, a method, its settings, what to write and the shell to do it in."""

    photo: str | None
    method: str
    values: Mapping[str, object]
    what: str
    shell: str


class Shown(NamedTuple):
    """The contents of the page after a change; no pictures without a photo."""

    pictures: dict[str, PILImage]
    command: str
    python: str
    line: str


def shrunk(picture: PILImage) -> PILImage:
    """Return the picture within a screen's size: more would only take longer to send."""
    if max(picture.size) <= _SCREEN:
        return picture
    return ImageOps.contain(picture, (_SCREEN, _SCREEN), Image.Resampling.BOX)


@lru_cache(maxsize=2)
def _checkerboard(size: tuple[int, int]) -> PILImage:
    dark = np.add.outer(np.arange(size[1]) // _CHECKER, np.arange(size[0]) // _CHECKER) % 2
    return Image.fromarray(np.array(_GREYS, np.uint8)[dark]).convert("RGB")


def _recall(held: dict[Any, Any], question: Hashable, answer: Callable[[], Any]) -> Any:
    """Return what is held for this key, or compute it with `answer` and hold it among the last few."""
    if question not in held:
        held[question] = answer()
        if len(held) > _REMEMBERED:
            del held[next(iter(held))]
    return held[question]


def remembering(cls: type[SkinSession]) -> SkinSession:
    """Return a session of `cls` that repeats only the steps that a change affects.

    The mask is computed again if photo or method changed, but not for the steps after it; a network runs again if photo
    or size changed, but not for the steps between its answer and the mask.
    """
    masks: dict[Hashable, Any] = {}
    answers: dict[Hashable, Any] = {}

    def mask(self: Any, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        own = tuple((name, value) for name, value in settings.items() if name not in _FINISH)
        question = (_fingerprint(rgb), alpha and _fingerprint(alpha), own)
        made: PILImage = _recall(masks, question, lambda: cls.mask(self, rgb, alpha, settings))
        return made.copy()  # the steps after it may change it

    def skin(self: Any, rgb: PILImage, *arguments: Hashable) -> Any:
        return _recall(answers, (_fingerprint(rgb), *arguments), lambda: cls.skin(self, rgb, *arguments))

    steps = {"mask": mask} | ({"skin": skin} if issubclass(cls, NeuralSession) else {})
    session: SkinSession = type(cls.__name__, (cls,), steps)(cls.name(), None)
    return session


def _fingerprint(picture: PILImage) -> tuple[tuple[int, int], int]:
    return picture.size, hash(picture.tobytes())


class Tuner:
    """The photos that were uploaded and the sessions that were chosen; any number of threads may call it."""

    def __init__(self) -> None:
        classes = {name: cls for name, cls in session_classes().items() if all(map(on_disk, files_of(cls.model)))}
        self.methods = {"tiny_skin": classes["tiny_skin"], **classes}  # only those whose files are on this disk
        self._photos: dict[str, Photo] = {}
        self._sessions: dict[str, SkinSession] = {}
        self._turn = threading.Lock()

    def add(self, name: str, data: bytes) -> str:
        """Hold the photo in `data`, a file's bytes, as one of the last few, and return the key to it.

        Raises ImageError if it is none, or larger than the page takes.
        """
        try:
            with open_photo(BytesIO(data)) as image:
                pixels = image.width * image.height
                photo = Photo(name, data, upright(image) if pixels <= LARGEST else image)
        except Exception as error:  # Pillow's decoders raise whatever comes up in a damaged file
            raise unreadable(Path(name), error) from error
        if pixels > LARGEST:
            raise ImageError(
                f"{printable(name)} has {pixels / 1e6:.0f} megapixels; this page takes up to {LARGEST / 1e6:.0f}. The"
                " command itself has no such limit."
            )
        key = token_hex(8)
        with self._turn:
            _recall(self._photos, key, lambda: photo)
        return key

    def photo(self, key: str) -> Photo:
        """Return a photo that is held; raise DataError if it is not."""
        if (photo := self._photos.get(key)) is None:
            raise DataError(f"This photo is no longer held. {NO_PHOTO}")
        return photo

    def update(self, asked: Asked) -> Shown:
        """Return what is shown of a photo, or of none, under these settings; raise SkinError if they give no mask."""
        extras = self._extras(asked)
        photo = None if asked.photo is None else self.photo(asked.photo)
        name = photo.name if photo else "photo.jpg"
        taken = (asked.method, extras, name, asked.what)
        lines = command(asked.shell, *taken), call(*taken)
        if photo is None:
            return Shown({}, *lines, NO_PHOTO)
        mask = self._mask(asked.method, photo.image, extras)
        share = np.count_nonzero(np.asarray(mask) > THRESHOLD) / (mask.width * mask.height)
        rgb, small = (shrunk(picture) for picture in (to_rgb(photo.image)[0], mask))
        cutout = Image.composite(rgb, _checkerboard(rgb.size), small)
        pictures = {"mask": mask, "cutout": cutout, "overlay": overlay(rgb, np.asarray(small))}
        return Shown(pictures, *lines, f"{mask.width} x {mask.height} pixels, {share:.1%} skin")

    def write(self, asked: Asked, folder: Path) -> bytes:
        """Return the file that `rembg-skin cut` would write; it lies in `folder` meanwhile. Raises SkinError, too."""
        draft = folder / token_hex(8)
        try:
            draft.write_bytes(self.photo(asked.photo or "").data)
            photo = read_photo(draft)
            mask = np.asarray(self._mask(asked.method, photo.image, self._extras(asked)))
            pixels, kept = photo.cutout(mask) if asked.what == CUTOUT else (mask[..., None], Kept(dpi=photo.kept.dpi))
            write_picture(draft, "png", pixels, kept)
            return draft.read_bytes()
        finally:
            draft.unlink(missing_ok=True)

    def _extras(self, asked: Asked) -> dict[str, object]:
        """Return the values that differ from the session's defaults, as the session takes them."""
        if asked.method not in self.methods:
            raise DataError("This page has no such method.")
        extras: dict[str, object] = {}
        for name, option in self.methods[asked.method].options.items():
            value, default = asked.values.get(name), option.default
            if isinstance(option, Real) and isinstance(value, int | float):
                value, default = (rounded(name, option, number) for number in (value, option.default))
            elif isinstance(option, Integer) and isinstance(value, float) and value.is_integer():
                value = int(value)  # JSON has one kind of number
            if value not in (None, default):
                extras[name] = value
        return extras

    def _mask(self, method: str, image: PILImage, extras: Mapping[str, object]) -> PILImage:
        with self._turn:
            if method not in self._sessions:  # one that fails is told when it is chosen, and the others work
                self._sessions[method] = remembering(self.methods[method])
            mask: PILImage = self._sessions[method].predict(image, **extras)[0]
            return mask
