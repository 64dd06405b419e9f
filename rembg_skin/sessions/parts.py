"""Cut eyes, brows and mouths out of masks for `parts="skin"`, by the landmarks of the face detector."""

from contextlib import suppress

from PIL.Image import Image as PILImage

from rembg_skin.catalog import FILES, MODELS
from rembg_skin.errors import WeightsError
from rembg_skin.image.parts import cores, features, without
from rembg_skin.networks.yunet import Detector, shared_detector
from rembg_skin.weights import fetch, on_disk

_CONFIDENCE = 0.7
_SOFTNESS = 0.5  # of the edges of cores, in half axes


def face_detector(threads: int) -> Detector:
    """Return the face detector, shared inside the process; raise WeightsError if its weights are unavailable."""
    return shared_detector(fetch(FILES["yunet"]), threads)


def parts_detector(model: str, threads: int) -> Detector:
    """Return the detector for `parts="skin"`; the WeightsError names the sessions that need no detector."""
    try:
        return face_detector(threads)
    except WeightsError as error:
        able = [name for name, other in MODELS.items() if other.network and other.network.skin_output]
        advice = f" {' and '.join(able)} can do it without the detector." if able else ""
        raise WeightsError(f'{model}: parts="skin" needs the face detector.{advice} {error}') from error


def detector_on_disk(model: str, threads: int) -> Detector | None:
    """Return the detector if its verified weights are on this disk; nothing is downloaded."""
    if on_disk(FILES["yunet"]):
        with suppress(WeightsError):
            return parts_detector(model, threads)
    return None


def without_parts(mask: PILImage, rgb: PILImage, detector: Detector, *, rest: bool) -> PILImage:
    """Return the L mask of `rgb` without the eyes, brows and mouths of its faces.

    `rest` is True for a mask that leaves them out already: only eyes and mouths that are still in it are cut.
    """
    cut, softness = (cores, _SOFTNESS) if rest else (features, 0.0)
    faces = detector.faces(rgb, _CONFIDENCE)
    return without(mask, [part for face in faces for part in cut(face.landmarks)], softness)
