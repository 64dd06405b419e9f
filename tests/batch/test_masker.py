"""Batches of images in, batches of masks out, in this process and in others."""

import io
import multiprocessing
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rembg import new_session, remove

from rembg_skin.batch import SkinMasker
from rembg_skin.batch.record import Record
from rembg_skin.errors import OptionError, SkinError
from tests.support.networks import place, red_network
from tests.support.photos import FILES, SKIN, encoded, picture
from tests.support.processes import python


def pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as mask:
        assert mask.mode == "L"
        return np.asarray(mask)


@pytest.mark.parametrize("kind", FILES)
def test_a_mask_is_the_one_that_rembg_makes(kind: str) -> None:
    expected = remove(FILES[kind], session=new_session("ycbcr_skin"), only_mask=True)
    batch = SkinMasker("ycbcr_skin")({"bytes": [FILES[kind]]})
    assert batch["error"] == [""]
    assert np.array_equal(pixels(batch["mask"][0]), pixels(expected))


def test_rows_and_columns_are_kept_in_order() -> None:
    widths = [10, 30, 20, 50]
    batch = {"path": ["a", "b", "c", "d"], "bytes": np.array([encoded(picture(w)) for w in widths], dtype=object)}
    masked = SkinMasker("ycbcr_skin", masks="array")(batch)
    assert list(masked) == ["path", "bytes", "mask", "error"]
    assert masked["path"] == batch["path"]
    assert [mask.shape for mask in masked["mask"]] == [(40, width) for width in widths]


@pytest.mark.parametrize("masks", ["png", "array"])
def test_a_bad_image_is_a_row_with_its_error(masks: Any) -> None:
    bad = {
        b"this is no image": "ValueError: not an image file that Pillow knows",
        b"": "ValueError: not an image file that Pillow knows",
        encoded(picture(), "JPEG")[:-400]: ".*truncated.*",
        None: "TypeError: an image is the bytes of a file or an array, not NoneType",
        "/etc/passwd": "TypeError: an image is the bytes of a file or an array, not str",
        b"P5 20000 20000 255 a bomb": ".*DecompressionBombError.*",
    }
    images = [FILES["PNG"], *bad, np.zeros((4, 4, 3), np.float64), FILES["PNG"]]
    masked = SkinMasker("ycbcr_skin", masks=masks)({"bytes": images})
    assert (masked["error"][0], masked["error"][-1]) == ("", "")
    expected = (*bad.values(), ".*Cannot handle this data type.*")
    for words, error in zip(expected, masked["error"][1:-1], strict=True):
        assert re.fullmatch(words, error, re.IGNORECASE)
    assert [len(mask) > 0 for mask in masked["mask"]] == [True, *([False] * len(masked["mask"][1:-1])), True]


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1), (40, 60, 3), (40, 60, 4)])
def test_decoded_images_are_arrays(shape: tuple[int, ...]) -> None:
    images = np.full((2, *shape), 128, np.uint8)
    images[..., :3] = SKIN if len(shape) == 3 and shape[2] >= 3 else 128
    masked = SkinMasker("ycbcr_skin", column="image", masks="array")({"image": images})
    assert masked["error"] == ["", ""]
    for mask in masked["mask"]:
        assert mask.dtype == np.uint8
        assert mask.shape == shape[:2]
        assert (mask == (255 if shape[2:] in ((3,), (4,)) else 0)).all()


def test_extras_reach_the_session_and_an_empty_batch_stays_one() -> None:
    masker = SkinMasker("ycbcr_skin", extras={"cr_min": 170}, masks="array")
    assert masker({"bytes": [FILES["PNG"]]})["mask"][0].max() == 0
    assert masker({"bytes": []}) == {"bytes": [], "mask": [], "error": []}


@pytest.mark.parametrize(("extras", "words"), [({"cr_min": 999}, "cr_min takes"), ({"crmin": 9}, "there is no extra")])
def test_a_bad_extra_stops_the_job_instead_of_failing_each_image(extras: dict[str, object], words: str) -> None:
    masker = SkinMasker("ycbcr_skin", extras=extras)
    with pytest.raises(OptionError, match=words):
        masker({"bytes": [FILES["PNG"]]})


def test_copies_share_the_session_of_the_process_and_ship_without_it() -> None:
    masker = SkinMasker("ycbcr_skin", extras={"cb_min": 81})
    session = masker.session()
    shipped = pickle.dumps(masker)
    assert len(shipped) < 500
    assert pickle.loads(shipped).session() is session
    assert SkinMasker("ycbcr_skin", extras={"cb_min": 82}).session() is not session


def test_a_plain_pool_of_processes_takes_it() -> None:
    batches = [{"bytes": [encoded(picture(width)), b"bad"]} for width in (20, 40)]
    masker = SkinMasker("ycbcr_skin")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(masker, batches)) == [masker(batch) for batch in batches]


def test_pandas_frames_go_through_one_by_one_as_spark_gives_them() -> None:
    pd = pytest.importorskip("pandas")
    masker = SkinMasker("ycbcr_skin")
    whole = pd.DataFrame({"name": list("abcd"), "bytes": [FILES["PNG"], b"bad", FILES["JPEG"], FILES["RGBA"]]})
    masked = pd.concat(pd.DataFrame(masker(frame)) for frame in (whole[:2], whole[2:]))
    assert list(masked["name"]) == list("abcd")
    assert list(masked["error"] == "") == [True, False, True, True]
    assert list(masked["mask"].map(len) > 0) == [True, False, True, True]


def test_rows_of_hugging_face_polars_and_pyarrow_go_through() -> None:
    pa, pl, datasets = (pytest.importorskip(name) for name in ("pyarrow", "polars", "datasets"))
    files = [FILES["PNG"], b"bad", FILES["turned by EXIF"]]
    expected = SkinMasker("ycbcr_skin")({"bytes": files})
    table = pa.table({"bytes": files, "name": list("abc")})
    for batch in (table, table.to_batches()[0], pl.DataFrame({"bytes": files, "name": list("abc")})):
        assert SkinMasker("ycbcr_skin")(batch) == {**expected, "name": list("abc")}

    rows = datasets.Dataset.from_dict({"image": [files[0], files[2]], "name": ["a", "c"]})
    decoded = rows.cast_column("image", datasets.Image())
    stored = rows.cast_column("image", datasets.Image(decode=False))
    masker = SkinMasker("ycbcr_skin", column="image")
    for found in (decoded.map(masker, batched=True), stored.map(masker, batched=True, batch_size=1)):
        assert found["mask"][:] == [expected["mask"][0], expected["mask"][2]]
        assert found["error"][:] == ["", ""]
    image = Image.open(io.BytesIO(FILES["turned by EXIF"]))
    masker({"image": [image]})
    assert image.getexif()[0x0112] == 6  # the caller's own is not turned


def test_labels_are_the_bytes_of_zeros_and_ones() -> None:
    masked = SkinMasker("ycbcr_skin", masks="labels")({"bytes": [FILES["PNG"], b"bad"]})
    assert set(pixels(masked["mask"][0]).ravel()) == {0, 1}
    assert masked["mask"][1] == b""


def test_importing_it_imports_no_engine_and_no_rembg() -> None:
    code = "import sys, rembg_skin.batch; print({'ray', 'pandas', 'rembg', 'onnxruntime'} & set(sys.modules))"
    assert python(code).stdout == "set()\n"


def test_any_session_of_rembg_makes_masks_also_with_a_network_of_the_users(home: Path) -> None:
    network = place(home, "u2net_custom", red_network(320))
    masker = SkinMasker("u2net_custom", extras={"model_path": str(network)}, masks="array")
    (mask,), (error,) = (masker({"bytes": [encoded(picture(30))]})[name] for name in ("mask", "error"))
    assert error == ""
    assert mask.shape == (40, 30)
    assert list(Record.of("u2net_custom", masker.extras).weights) == ["u2net_custom"]
    for name in ("u2net_custon", "nope"):
        with pytest.raises(SkinError, match=f'rembg has no model "{name}"; did you mean '):
            SkinMasker(name)
