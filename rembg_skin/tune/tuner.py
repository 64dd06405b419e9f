"""What the page of `rembg-skin tune` shows for a photo and a classic method's settings: all of it but the page."""

import json
import math
import os
import shlex
import subprocess
import time
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Image as PILImage

from rembg_skin.errors import SkinError
from rembg_skin.image.rgb import to_rgb
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.classic import CLASSIC_SESSIONS
from rembg_skin.sessions.options import Integer, Real

LARGEST = 50_000_000  # pixels: the mask is that of the whole photo, as the command makes it, never of a smaller copy

METHODS = {cls.name(): cls for cls in CLASSIC_SESSIONS}
CUTOUT, MASK = "cutout", "mask"
# Mask, cutout, command, Python lines, and a line about them.
Shown = tuple[PILImage | None, PILImage | None, str, str, str]

_CHECKER = 16  # pixels
_GREYS = (224, 184)


def extras_of(session: type[SkinSession], values: Mapping[str, object]) -> dict[str, object]:
    """Return those of a page's `values` that differ from the session's defaults, as the session takes them."""
    extras: dict[str, object] = {}
    for name, option in session.options.items():
        value = values[name]
        if isinstance(option, Integer) and isinstance(value, float):
            value = round(value)  # JSON has one kind of number
        if isinstance(option, Real) and isinstance(value, int | float):
            step = step_of(option)
            if abs(value - option.default) < step:  # a slider cannot stand between its steps, as a default may
                continue
            value = round(value, max(0, -round(math.log10(step))))
        if value != option.default:
            extras[name] = value
    return extras


def step_of(option: Real) -> float:
    """Return a slider's step: the power of ten that gives a thousand steps or more."""
    return float(10.0 ** math.floor(math.log10((option.high - option.low) / 1000)))


def command(name: str, extras: Mapping[str, object], photo: str, *, mask_alone: bool) -> str:
    """Return the `rembg i` command, quoted for the shell of this machine."""
    arguments = ["rembg", "i", "-m", name]
    if mask_alone:
        arguments.append("-om")
    if extras:
        arguments += ["-x", json.dumps(extras)]
    arguments += [f"./{photo}" if photo.startswith("-") else photo, "mask.png" if mask_alone else "skin.png"]
    return subprocess.list2cmdline(arguments) if os.name == "nt" else shlex.join(arguments)


def call(name: str, extras: Mapping[str, object], photo: str, *, mask_alone: bool) -> str:
    """Return the Python lines that do the same."""
    settings = "".join(f", {key}={value!r}" for key, value in extras.items())
    only_mask = ", only_mask=True" if mask_alone else ""
    return (
        "from PIL import Image\n"
        "from rembg import new_session, remove\n\n"
        f'session = new_session("{name}"{settings})\n'
        f"{MASK if mask_alone else CUTOUT} = remove(Image.open({photo!r}), session=session{only_mask})\n"
    )


@lru_cache(maxsize=2)
def opened(path: str) -> PILImage:
    """Return the photo at `path`, upright, decoded once for all the changes that follow.

    Raises
    ------
    SkinError
        If it is no image, or a larger one than the page takes.

    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is lower
            image = Image.open(path)
        if image.width * image.height > LARGEST:
            raise SkinError(
                f"{Path(path).name} has {image.width * image.height / 1e6:.0f} megapixels; this page takes up to"
                f" {LARGEST / 1e6:.0f}. The command itself has no such limit."
            )
        return ImageOps.exif_transpose(image)
    except FileNotFoundError:
        raise SkinError(f"There is no file {path}.") from None
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SkinError(f"{Path(path).name} cannot be read as an image: {error}") from None


def cutout(image: PILImage, mask: PILImage) -> PILImage:
    """Return the RGB image where `mask` is, over a checkerboard."""
    return Image.composite(to_rgb(image)[0], _board(image.size), mask)


@lru_cache(maxsize=2)
def _board(size: tuple[int, int]) -> PILImage:
    dark = np.add.outer(np.arange(size[1]) // _CHECKER, np.arange(size[0]) // _CHECKER) % 2
    return Image.fromarray(np.array(_GREYS, np.uint8)[dark]).convert("RGB")


class Tuner:
    """What happens on a change, apart from the page: the photo and the settings in, what is shown out.

    Attributes
    ----------
    given
        The photo of the command line, whose own path the shown command names; others come as copies.

    """

    def __init__(self, given: Path | None = None) -> None:
        self.given = given
        self._sessions = {name: cls(name, None) for name, cls in METHODS.items()}
        self._widgets = [(name, option) for name, cls in METHODS.items() for option in cls.options]

    def update(self, name: str, writes: str, path: str | None, *values: object) -> Shown:
        """Return what is shown of the photo at `path`; `values` are the settings of all methods, in their order."""
        session = self._sessions[name]
        own = {option: value for (owner, option), value in zip(self._widgets, values, strict=True) if owner == name}
        extras = extras_of(type(session), own)
        photo, mask_alone = self._shown(path), writes == MASK
        shell = command(name, extras, photo, mask_alone=mask_alone)
        python = call(name, extras, photo, mask_alone=mask_alone)
        if path is None:
            return None, None, shell, python, "Upload a photo, or take one with the camera."
        try:
            image = opened(path)
            started = time.perf_counter()
            (mask,) = session.predict(image, **extras)
        except SkinError as error:
            return None, None, "", "", f"**{error}**"
        milliseconds = 1000 * (time.perf_counter() - started)
        share = np.count_nonzero(np.asarray(mask) > 127) / (mask.width * mask.height)  # noqa: PLR2004
        line = f"{mask.width} x {mask.height} pixels, {share:.1%} skin, found in {milliseconds:.0f} ms"
        return mask, cutout(image, mask), shell, python, line

    def _shown(self, path: str | None) -> str:
        if path is None:
            return "photo.jpg"
        if self.given is not None and self.given.name == Path(path).name:
            return str(self.given)
        return Path(path).name
