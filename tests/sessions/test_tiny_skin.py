"""The shipped file `tiny_skin.onnx`, run by ONNX Runtime alone: its contract, and that it does well enough.

Its scores are in `test_scores.py`.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session
from scipy.special import expit, logit

import rembg_skin
from rembg_skin.image.tensor import automatic_sides

MODEL = Path(rembg_skin.__file__).with_name("data") / "tiny_skin.onnx"
LARGEST = 4_000_000  # bytes: the budget of the wheel
MOST_LIT = 0.01  # of photographs without skin, on average

# Such photographs lie in scikit-image's wheel; the second half was never trained on.
WITHOUT_SKIN = ("coffee.png", "chelsea.png", "rocket.jpg", "brick.png", "gravel.png", "moon.png")
NEVER_SEEN = ("grass.png", "hubble_deep_field.jpg", "ihc.png", "page.png", "cell.png", "clock_motion.png")


@pytest.fixture(scope="module")
def session() -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    return ort.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])


def library_photo(name: str) -> NDArray[np.uint8]:
    with Image.open(Path(skimage.data.__file__).parent / name) as picture:
        return np.asarray(picture.convert("RGB"))


def mask_of(session: ort.InferenceSession, image: NDArray[np.uint8], output: str = "mask") -> NDArray[np.uint8]:
    """The mask at the picture's size: of each look, with both sides a multiple of 32, and of two their logits' mean."""
    looks = []
    for side in automatic_sides(image.shape[1::-1]):
        height, width = (max(1, round(length * side / max(image.shape) / 32)) * 32 for length in image.shape[:2])
        small = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
        tensor = (np.asarray(small, np.float32) / 255).transpose(2, 0, 1)[None]
        (mask,) = session.run([output], {"image": tensor})
        looks.append(Image.fromarray(mask[0, 0]))
    size = looks[-1].size
    logits = [logit(np.asarray(look.resize(size, Image.Resampling.BILINEAR)).clip(0.002, 0.998)) for look in looks]
    levels = np.rint(expit(np.mean(logits, 0)) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(levels).resize(image.shape[1::-1], Image.Resampling.LANCZOS))


def test_one_picture_goes_in_and_two_masks_come_out_of_a_file_within_the_budget(session: ort.InferenceSession) -> None:
    assert MODEL.stat().st_size <= LARGEST
    (image,), outputs = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape[1]) == ("image", "tensor(float)", 3)
    expected = [("mask", "tensor(float)", 1), ("skin", "tensor(float)", 1)]
    assert [(each.name, each.type, each.shape[1]) for each in outputs] == expected


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 32, 32), (1, 512, 512), (3, 256, 384), (2, 224, 64)])
def test_batch_and_size_are_free(session: ort.InferenceSession, batch: int, height: int, width: int) -> None:
    image = np.random.default_rng(0).random((batch, 3, height, width), dtype=np.float32)
    for mask in session.run(None, {"image": image}):
        assert mask.shape == (batch, 1, height, width)
        assert np.isfinite(mask).all()
        assert 0 <= mask.min() <= mask.max() <= 1


def test_pictures_of_a_batch_do_not_touch_each_other(session: ort.InferenceSession) -> None:
    images = np.random.default_rng(1).random((2, 3, 96, 96), dtype=np.float32)
    together, alone = (session.run(None, {"image": some}) for some in (images, images[1:]))
    for both, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(both[1:], one, atol=1e-4)


@pytest.mark.parametrize("longest", [400, 1200])
def test_the_session_looks_as_often_as_its_card_says(session: ort.InferenceSession, longest: int) -> None:
    photo = Image.fromarray(library_photo("astronaut.png")[:384]).resize((longest, longest * 3 // 4))
    found = np.asarray(new_session("tiny_skin").predict(photo)[0]) > 127
    expected = mask_of(session, np.asarray(photo)) > 127
    assert np.count_nonzero(found & expected) / np.count_nonzero(found | expected) > 0.985


def test_a_plain_rgb_photo_finds_a_face_and_the_second_mask_leaves_its_eyes_out(session: ort.InferenceSession) -> None:
    photo = library_photo("astronaut.png")
    mask = mask_of(session, photo) > 127
    assert np.mean(mask[100:160, 200:250]) > 0.9  # the face
    assert np.mean(mask[350:500, 200:400]) < 0.2  # the suit
    assert np.mean(mask[50:400, 0:80]) < 0.05  # the flag
    region, skin = (mask_of(session, photo[40:240, 120:320], output) > 127 for output in ("mask", "skin"))
    eye, cheek = np.s_[58:63, 78:88], np.s_[75:88, 70:83]
    assert np.mean(region[eye]) > 0.5
    assert np.mean(skin[eye]) < 0.25
    assert np.mean(skin[cheek]) > 0.9


@pytest.mark.parametrize("longest", [36, 48])
def test_a_face_is_found_in_a_tiny_picture(session: ort.InferenceSession, longest: int) -> None:
    photo = Image.fromarray(library_photo("astronaut.png")[:256, 96:352])
    mask = mask_of(session, np.asarray(photo.resize((longest, longest))))
    large = np.asarray(Image.fromarray(mask).resize(photo.size))
    assert np.mean(large[90:140, 105:150] > 127) > 0.9


@pytest.mark.parametrize("level", [0, 64, 128, 255])
def test_a_plain_picture_stays_dark(session: ort.InferenceSession, level: int) -> None:
    assert mask_of(session, np.full((240, 320, 3), level, np.uint8)).max() <= 127


@pytest.mark.parametrize("names", [WITHOUT_SKIN, NEVER_SEEN], ids=["trained on", "never seen"])
def test_at_most_one_percent_lights_up_without_skin(session: ort.InferenceSession, names: tuple[str, ...]) -> None:
    lit = {name: float(np.mean(mask_of(session, library_photo(name)) > 127)) for name in names}
    assert np.mean(list(lit.values())) <= MOST_LIT, lit
