"""What the page of `rembg-skin tune` shows of a photo under a model's settings: all of it but the page."""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Image as PILImage

from rembg_skin.errors import ImageError, SkinError, printable
from rembg_skin.image.arrays import THRESHOLD
from rembg_skin.image.finish import Finish
from rembg_skin.image.overlay import overlay
from rembg_skin.image.rgb import to_rgb
from rembg_skin.photos import open_image, shown_size
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.classic import CLASSIC_SESSIONS
from rembg_skin.sessions.neural import NEURAL_SESSIONS, NeuralSession
from rembg_skin.sessions.options import Integer, Real
from rembg_skin.tune.controls import digits_of, step_of
from rembg_skin.tune.shells import CUTOUT, MASK, call, command

LARGEST = 50_000_000  # pixels: the mask is that of the whole photo, as the command makes it, never of a smaller copy

# Of the networks the one that is in the package: it answers while a slider moves.
METHODS: Mapping[str, type[SkinSession]] = {
    cls.name(): cls for cls in (*NEURAL_SESSIONS, *CLASSIC_SESSIONS) if cls.model.packaged or cls in CLASSIC_SESSIONS
}
NO_PHOTO = "Upload a photo, take one with the camera or paste one."

_SCREEN = 1024  # pixels: the longer side of the cutout and of the overlay that are shown
_CHECKER = 16  # pixels
_GREYS = (224, 184)
_REMEMBERED = 4  # answers of each session
_FINISH = {field.name for field in fields(Finish)}

T = TypeVar("T")


class Shown(NamedTuple):
    """What the page shows after a change; no pictures if there is no photo to make them of."""

    mask: PILImage | None
    cutout: PILImage | None
    overlay: PILImage | None
    command: str
    python: str
    line: str


def extras_of(session: type[SkinSession], values: Mapping[str, object]) -> dict[str, object]:
    """Return those of a page's `values` that differ from the session's defaults, as the session takes them."""
    extras: dict[str, object] = {}
    for name, option in session.options.items():
        value = values[name]
        if isinstance(option, Integer) and isinstance(value, str):
            value = None  # a word instead of a number
        if isinstance(option, Integer) and isinstance(value, float):
            value = round(value)  # JSON has one kind of number
        if isinstance(option, Real) and isinstance(value, int | float):
            step = step_of(name, option)
            if abs(value - option.default) < step:  # a slider cannot stand between its steps, as a default may
                continue
            value = round(value, digits_of(step))
        if value != option.default:
            extras[name] = value
    return extras


@lru_cache(maxsize=2)
def load_photo(path: str) -> PILImage:
    """Return the photo at `path`, upright, decoded once for all the changes that follow.

    Raises
    ------
    ImageError
        If it is no image, or a larger one than the page takes.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is lower
        width, height = shown_size(Path(path))
    if width * height > LARGEST:
        raise ImageError(
            f"{printable(Path(path).name)} has {width * height / 1e6:.0f} megapixels; this page takes up to"
            f" {LARGEST / 1e6:.0f}. The command itself has no such limit."
        )
    return open_image(Path(path))


def shrunk(picture: PILImage) -> PILImage:
    """Return the picture within a screen's size: more of a cutout or an overlay would only take longer to send."""
    if max(picture.size) <= _SCREEN:
        return picture
    return ImageOps.contain(picture, (_SCREEN, _SCREEN), Image.Resampling.BOX)


def cutout(rgb: PILImage, mask: PILImage) -> PILImage:
    """Return the RGB image where `mask` is, over a checkerboard."""
    return Image.composite(rgb, _board(rgb.size), mask)


@lru_cache(maxsize=2)
def _board(size: tuple[int, int]) -> PILImage:
    dark = np.add.outer(np.arange(size[1]) // _CHECKER, np.arange(size[0]) // _CHECKER) % 2
    return Image.fromarray(np.array(_GREYS, np.uint8)[dark]).convert("RGB")


class Memory:
    """The last few answers to questions that are asked again and again; any number of threads may ask."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, question: Hashable, answer: Callable[[], T]) -> T:
        """Return what `answer` gave to this question, or gives now."""
        with self._lock:
            if question in self._answers:
                self._answers.move_to_end(question)
                found: T = self._answers[question]
                return found
        result = answer()
        with self._lock:
            self._answers[question] = result
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)
        return result


def remembering(cls: type[SkinSession]) -> SkinSession:
    """Return a session of `cls` that does again only what a change asks for.

    The mask is made anew if photo or method changed, but not for the steps after it; a network runs anew if photo or
    size changed, but not for the steps between its answer and the mask.
    """
    masks, answers = Memory(), Memory()

    def mask(self: Any, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        own = tuple((name, value) for name, value in settings.items() if name not in _FINISH)
        question = (_fingerprint(rgb), alpha and _fingerprint(alpha), own)
        made: PILImage = masks.recall(question, lambda: cls.mask(self, rgb, alpha, settings))
        return made.copy()  # the steps after it may change it

    def skin(self: Any, rgb: PILImage, *arguments: Hashable) -> Any:
        return answers.recall((_fingerprint(rgb), *arguments), lambda: cls.skin(self, rgb, *arguments))

    steps = {"mask": mask} | ({"skin": skin} if issubclass(cls, NeuralSession) else {})
    session: SkinSession = type(cls.__name__, (cls,), steps)(cls.name(), None)
    return session


def _fingerprint(picture: PILImage) -> tuple[tuple[int, int], int]:
    return picture.size, hash(picture.tobytes())


class Tuner:
    """What happens on a change, apart from the page: the photo and the settings in, what is shown out.

    Attributes
    ----------
    given
        The photo of the command line, whose own path the shown command names; others come as copies.

    """

    def __init__(self, given: Path | None = None) -> None:
        self.given = given
        self._sessions: dict[str, SkinSession] = {}
        self._building = threading.Lock()
        self._widgets = [(name, option) for name, cls in METHODS.items() for option in cls.options]

    def update(self, name: str, writes: str, shell: str, path: str | None, *values: object) -> Shown:
        """Return what is shown of the photo at `path`; `values` are the settings of all methods, in their order.

        Raises
        ------
        SkinError
            If these settings give no mask: a minimum above its maximum, or a file that is not available.

        """
        extras = self._extras(name, values)
        photo, mask_alone = self._name_of(path), writes == MASK
        lines = (
            command(shell, name, extras, photo, mask_alone=mask_alone),
            call(name, extras, photo, mask_alone=mask_alone),
        )
        if path is None:
            return Shown(None, None, None, *lines, NO_PHOTO)
        try:
            image = load_photo(path)
        except ImageError as error:
            return Shown(None, None, None, "", "", f"**{error}**")
        (mask,) = self._session(name).predict(image, **extras)
        levels = np.asarray(mask)
        share = np.count_nonzero(levels > THRESHOLD) / levels.size
        line = f"{mask.width} x {mask.height} pixels, {share:.1%} skin"
        rgb, small = (shrunk(picture) for picture in (to_rgb(image)[0], mask))
        return Shown(mask, cutout(rgb, small), overlay(rgb, np.asarray(small)), *lines, line)

    def write(self, what: str, folder: Path, name: str, path: str | None, *values: object) -> Path:
        """Write the mask or the cutout as `rembg i` writes it, named after the photo, and return its path.

        Raises
        ------
        SkinError
            As :meth:`update`; also if there is no photo.

        """
        if path is None:
            raise SkinError(NO_PHOTO)
        image = load_photo(path)
        (mask,) = self._session(name).predict(image, **self._extras(name, values))
        target = folder / f"{Path(path).stem}-{what}.png"
        if what == CUTOUT:
            source = image if image.mode == "RGBA" else to_rgb(image)[0]
            Image.composite(source, Image.new("RGBA", image.size, 0), mask).save(target)
        else:
            mask.save(target)
        return target

    def _session(self, name: str) -> SkinSession:
        with self._building:
            if name not in self._sessions:  # one that fails is told when it is chosen, and the others work
                self._sessions[name] = remembering(METHODS[name])
            return self._sessions[name]

    def _extras(self, name: str, values: tuple[object, ...]) -> dict[str, object]:
        own = {option: value for (owner, option), value in zip(self._widgets, values, strict=True) if owner == name}
        return extras_of(METHODS[name], own)

    def _name_of(self, path: str | None) -> str:
        if path is None:
            return "photo.jpg"
        if self.given is not None and self.given.name == Path(path).name:
            return str(self.given)
        return Path(path).name
