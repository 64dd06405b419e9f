"""`skin`: the first model of a chain that can be had."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from PIL.Image import Image as PILImage

from rembg_skin.catalog import MODELS, Model, files_of
from rembg_skin.errors import ModelError, SkinError, WeightsError, did_you_mean
from rembg_skin.sessions.base import SkinSession
from rembg_skin.sessions.classic import CLASSIC_SESSIONS
from rembg_skin.sessions.face import FaceSession
from rembg_skin.sessions.mediapipe import MediapipeSession
from rembg_skin.sessions.neural import NEURAL_SESSIONS
from rembg_skin.sessions.refined import REFINED_SESSIONS
from rembg_skin.weights import fetch_into
from rembg_skin.weights.folders import model_folders
from rembg_skin.weights.http import Retry

VARIABLE = "REMBG_SKIN_AUTO"

# Every other session, in the order in which users see them.
CHOICES: tuple[type[SkinSession], ...] = (
    *NEURAL_SESSIONS,
    *REFINED_SESSIONS,
    MediapipeSession,
    *CLASSIC_SESSIONS,
    FaceSession,
)

# Who has no network should not wait for a minute until the next model's turn.
_RETRY = Retry(tries=3, longest_wait=10.0)

T = TypeVar("T")


class AutoSession(SkinSession):
    """The first session of the chain that can be had; it gets every extra. What was left out is tried again next time.

    Raises
    ------
    SkinError
        If ``REMBG_SKIN_AUTO`` names a model that does not exist, or if no model of the chain can be had.

    """

    model = MODELS["skin"]

    def __init__(self, model_name: str, sess_opts: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(model_name, sess_opts)  # extras are for the session that it chooses

        def opened(cls: type[SkinSession]) -> SkinSession:
            cls.check_machine(**kwargs)
            _fetch_files(cls.model)
            return cls(cls.name(), sess_opts, *args, **kwargs)

        self.chosen, refusals = _first(opened)
        self.options = self.chosen.options  # type: ignore[misc]  # what it takes is known from here on
        _tell_once(self.chosen.name(), refusals)

    @classmethod
    def download_models(cls, *_args: Any, **_kwargs: Any) -> str | None:  # noqa: ANN401
        """Return the path of the weights that a session would take now; None where the chain starts without any.

        Raises
        ------
        WeightsError
            If no weights of the chain could be fetched: who asks for a download is not served by a model without one.

        """

        def downloaded(cls: type[SkinSession]) -> tuple[Model, str | None]:
            cls.check_machine()
            _fetch_files(cls.model)
            return cls.model, cls.download_models()

        (model, path), refusals = _first(downloaded)
        if refusals and not files_of(model):
            raise WeightsError(f"{cls.name()}: nothing could be fetched. {_in_words(refusals)}.")
        _tell_once(model.name, refusals)
        return path

    def predict(self, img: PILImage, *args: Any, **kwargs: Any) -> list[PILImage]:  # noqa: ANN401
        """Return what the chosen session returns."""
        return self.chosen.predict(img, *args, **kwargs)

    def mask(self, rgb: PILImage, alpha: PILImage | None, settings: Mapping[str, Any]) -> PILImage:
        """Return the chosen session's mask."""
        return self.chosen.mask(rgb, alpha, settings)


def chain() -> list[type[SkinSession]]:
    """Return the sessions to try: those that ``REMBG_SKIN_AUTO`` names, separated by commas, or the catalogue's."""
    known = {cls.name(): cls for cls in CHOICES}
    names = [name for part in os.environ.get(VARIABLE, "").split(",") if (name := part.strip())]
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known, AutoSession.model.chain, most=1)
            raise SkinError(f'{VARIABLE} names "{name}", which is no model to choose from; {meant}')
    return [known[name] for name in names or AutoSession.model.chain]


def _first(take: Callable[[type[SkinSession]], T]) -> tuple[T, dict[str, str]]:
    """Return what `take` makes of the first session that allows it, and why those before it did not, by name."""
    refusals: dict[str, str] = {}
    for cls in chain():
        try:
            return take(cls), refusals
        except (WeightsError, ModelError) as error:
            # The first line is the reason; what follows is advice for who wants that one model.
            refusals[cls.name()] = str(error).splitlines()[0].removeprefix(f"{cls.name()}: ").rstrip(".")
    raise ModelError(f"{AutoSession.name()}: no model of the chain can be had. {_in_words(refusals)}.")


def _fetch_files(model: Model) -> None:
    for file in files_of(model):
        fetch_into(model_folders(file.name), file, _RETRY)


def _in_words(refusals: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in refusals.items())


_told: set[tuple[str, ...]] = set()
_telling = threading.Lock()


def _tell_once(name: str, refusals: Mapping[str, str]) -> None:
    """Say on stderr which model was taken and why not those before it; the same choice is told once a process."""
    choice = (name, *refusals)
    with _telling:
        if choice in _told:
            return
        _told.add(choice)
    why = f" ({_in_words(refusals)})" if refusals else ""
    print(f"{AutoSession.name()} takes {name}{why}", file=sys.stderr)  # noqa: T201 - the user must see it
