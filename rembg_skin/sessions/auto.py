"""`skin`: the first available model of a chain."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS, Model, files_of
from rembg_skin.errors import ModelError, SkinError, WeightsError, expected, server_log
from rembg_skin.messages import log_once, tell
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.classic import CLASSIC_SESSIONS
from rembg_skin.sessions.face import FaceSession
from rembg_skin.sessions.mediapipe import MediapipeSession
from rembg_skin.sessions.neural import NEURAL_SESSIONS
from rembg_skin.sessions.refined import REFINED_SESSIONS
from rembg_skin.weights import fetch_soon
from rembg_skin.weights.settings import Settings, chain

# Every other session, in the order in which users see them.
CHOICES: tuple[type[SkinSession], ...] = (
    *NEURAL_SESSIONS,
    *REFINED_SESSIONS,
    MediapipeSession,
    *CLASSIC_SESSIONS,
    FaceSession,
)

T = TypeVar("T")


class AutoSession(SkinSession):
    """The first available session of the chain; it gets every extra.

    Files that no host gave are asked for again after an hour.

    Raises
    ------
    SkinError
        If ``REMBG_SKIN_AUTO`` names a model that does not exist, or if no model of the chain is available.

    """

    model = MODELS["skin"]

    def __init__(self, model_name: str, sess_opts: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, sess_opts)  # extras are for the session that it chooses

        def started(cls: type[SkinSession]) -> SkinSession:
            cls.check_machine(**kwargs)
            _fetch_files(cls.model)
            return cls(cls.name(), sess_opts, *args, **kwargs)

        self.chosen, refusals = _first(started)
        self.options = self.chosen.options  # type: ignore[misc]  # what it takes is known from here on
        _tell_once(self.chosen.name(), refusals)

    @classmethod
    def download_models(cls, *_args: Any, **_kwargs: Any) -> str | None:
        """Return the path of the weights that a session would take now; None where the chain starts without any.

        Raises
        ------
        SkinError
            If no model of the chain is available.

        """

        def downloaded(cls: type[SkinSession]) -> tuple[Model, str | None]:
            cls.check_machine()
            _fetch_files(cls.model)
            return cls.model, cls.download_models()

        (model, path), refusals = _first(downloaded)
        _tell_once(model.name, refusals)
        return path

    def predict(self, img: PILImage, *args: Any, **kwargs: Any) -> list[PILImage]:
        """Return what the chosen session returns."""
        return self.chosen.predict(img, *args, **kwargs)

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the chosen session's mask."""
        return self.chosen.mask(rgb, alpha, settings)


def _first(take: Callable[[type[SkinSession]], T]) -> tuple[T, dict[str, SkinError]]:
    """Return what `take` makes of the first session that allows it, and why those before it did not, by name."""
    classes = {cls.name(): cls for cls in CHOICES}
    refusals: dict[str, SkinError] = {}
    for name in chain():
        try:
            with expected():
                return take(classes[name]), refusals
        except (WeightsError, ModelError) as error:
            refusals[name] = error
    raise ModelError(f"{AutoSession.name()}: no model of the chain is available. {_in_words(refusals, '; ')}.")


def _fetch_files(model: Model) -> None:
    for file in files_of(model):
        fetch_soon(file)


def _in_words(refusals: Mapping[str, SkinError], separator: str) -> str:
    return separator.join(_reason(name, error) for name, error in refusals.items())


def _reason(name: str, error: SkinError) -> str:
    if isinstance(error, WeightsError) and error.reason:
        return f"{name} is not on this disk, {error.reason}"
    # The first line is the reason; what follows is advice for those who want that one model.
    return f"{name}: {str(error).splitlines()[0].removeprefix(f'{name}: ').rstrip('.')}"


def _remedy(refusals: Mapping[str, SkinError]) -> str:
    names = [name for name, error in refusals.items() if isinstance(error, WeightsError) and error.reason]
    if not names or Settings.read().offline:
        return ""
    return f"; rembg-skin download {' '.join(names)} fetches {'it' if len(names) == 1 else 'them'}"


_told: set[tuple[str, ...]] = set()
_telling = threading.Lock()


def _tell_once(name: str, refusals: Mapping[str, SkinError]) -> None:
    """Say which model was taken and why not those before it; the same choice is told once a process."""
    choice = (name, *refusals)
    with _telling:
        if choice in _told:
            return
        _told.add(choice)
    why = f" ({_in_words(refusals, ', ')}{_remedy(refusals)})" if refusals else ""
    line = f"{AutoSession.name()}: using {name}{why}"
    if server_log() is None:
        tell(line)
    else:
        log_once(line, logging.WARNING if refusals else logging.INFO)
