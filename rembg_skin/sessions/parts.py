"""Cut eyes, brows and mouths out of masks for `parts="skin"`, by the landmarks of the face detector."""

from contextlib import suppress
from pathlib import Path

from PIL.Image import Image as PILImage

from rembg_skin.catalog import FILES, MODELS
from rembg_skin.errors import WeightsError
from rembg_skin.image.parts import cores, features, without
from rembg_skin.networks.yunet import Detector, shared_detector
from rembg_skin.weights import fetch, on_disk

DETECTOR = FILES["yunet"]
_CONFIDENCE = 0.7
_SOFTNESS = 0.5  # of the edges of cores, in half axes


def fetch_detector() -> Path:
    """Return the path of the detector's verified weights."""
    return fetch(DETECTOR)


def parts_detector(model: str, threads: int) -> Detector:
    """Return the detector for `parts="skin"`, shared inside the process.

    Raises
    ------
    WeightsError
        If its weights are unavailable; the message names the sessions that need no detector.

    """
    try:
        return shared_detector(fetch_detector(), threads)
    except WeightsError as error:
        able = [name for name, other in MODELS.items() if other.network and other.network.skin_output]
        advice = f" {' and '.join(able)} can do it without the detector." if able else ""
        raise WeightsError(f'{model}: parts="skin" needs the face detector.{advice} {error}') from error


def detector_on_disk(model: str, threads: int) -> Detector | None:
    """Return the detector if its verified weights are on this disk; nothing is downloaded."""
    if not on_disk(DETECTOR):
        return None
    with suppress(WeightsError):
        return parts_detector(model, threads)
    return None


def without_features(mask: PILImage, rgb: PILImage, detector: Detector) -> PILImage:
    """Return the L mask of `rgb` without the eyes, brows and mouths of its faces."""
    faces = detector.faces(rgb, _CONFIDENCE)
    return without(mask, [feature for face in faces for feature in features(face.landmarks)])


def without_cores(mask: PILImage, rgb: PILImage, detector: Detector) -> PILImage:
    """Return a mask that leaves the parts out already, without those eyes and mouths that are still in it."""
    faces = detector.faces(rgb, _CONFIDENCE)
    return without(mask, [core for face in faces for core in cores(face.landmarks)], _SOFTNESS)
