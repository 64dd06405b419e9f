"""What is believed of a file that is on disk already, with and without a receipt, a network or a mirror."""

import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from unittest.mock import Mock

import pytest

from rembg_skin.catalog import FILES, MODELS, FileSource, Model, ReleaseSource
from rembg_skin.errors import WeightsError
from rembg_skin.weights import receipts, store
from rembg_skin.weights.http import Settings
from tests.support.hosts import GitHub
from tests.support.weights import DATA, LISTED, OTHER, PINNED, REPO, SetEnv, fetch, model, pinned, released, rest

SHARED = Path(__file__).parents[3] / "shared" / "weights"


def place(folder: Path, data: bytes = DATA) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny_skin.onnx"
    path.write_bytes(data)
    return path


def receipt(path: Path) -> dict[str, object]:
    return dict(json.loads(receipts.path_of(path).read_text()))


def flip_a_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(bytes([DATA[1000] ^ 1]))


def test_a_receipt_says_what_was_verified(github: GitHub, tmp_path: Path) -> None:
    path = fetch(model(pinned(github)), tmp_path)
    found = receipt(path)
    assert str(found.pop("time")).startswith("20")
    assert found == {
        "sha256": sha256(DATA).hexdigest(),
        "size": len(DATA),
        "mtime_ns": path.stat().st_mtime_ns,
        "trust": "catalog",
        "hash_origin": "computed here",
        "url": github.url + PINNED,
    }


def test_with_a_receipt_the_file_is_not_even_opened(github: GitHub, tmp_path: Path, fixed: Model) -> None:
    path = fetch(fixed, tmp_path)
    before = receipt(path)
    path.chmod(0)
    seconds = path.stat().st_mtime_ns // 10**9 * 10**9
    for time in (path.stat().st_mtime_ns, seconds):  # image layers cut times to seconds
        os.utime(path, ns=(0, time))
        assert fetch(fixed, tmp_path) == path
        assert path.stat().st_atime_ns == 0
    assert receipt(path) == before
    assert len(github.seen) == 1


def test_a_touched_file_is_hashed_again_and_its_receipt_renewed(github: GitHub, tmp_path: Path, fixed: Model) -> None:
    path = fetch(fixed, tmp_path)
    os.utime(path, ns=(5, 123_456_789_012))
    assert fetch(fixed, tmp_path) == path
    assert (receipt(path)["mtime_ns"], receipt(path)["url"]) == (123_456_789_012, github.url + PINNED)
    assert len(github.seen) == 1


def test_a_file_that_changed_is_set_aside_and_fetched_again(tmp_path: Path, fixed: Model) -> None:
    path = fetch(fixed, tmp_path)
    for _ in range(2):
        flip_a_byte(path)
        with pytest.warns(RuntimeWarning, match=r"kept as tiny_skin\.onnx\.corrupt"):
            fetch(fixed, tmp_path)
        assert path.read_bytes() == DATA
        assert rest(tmp_path) == {"tiny_skin.onnx.corrupt"}


def test_a_receipt_for_a_hash_that_the_catalog_took_back_is_worth_nothing(github: GitHub, tmp_path: Path) -> None:
    old = pinned(github)
    fetch(model(old), tmp_path)
    with pytest.raises(WeightsError, match="none of the files known for this model"):
        fetch(model(replace(old, sha256=sha256(OTHER).hexdigest())), tmp_path)


def test_a_file_placed_by_hand_is_checked_against_every_digest_of_the_list(github: GitHub, tmp_path: Path) -> None:
    github.release(REPO, "v1", {"tiny.onnx": DATA})
    github.release(REPO, "v2", {"tiny.onnx": OTHER})
    path = place(tmp_path)
    assert fetch(released(), tmp_path) == path
    assert "v1" in str(receipt(path)["hash_origin"])
    fetch(released(), tmp_path)
    assert len(github.seen) == 1


def test_a_file_placed_by_hand_that_is_another_is_refused_and_left_alone(
    github: GitHub, tmp_path: Path, setenv: SetEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.release(REPO, "v1", {"tiny.onnx": DATA})
    path = place(tmp_path, OTHER)
    setenv(MODEL_CHECKSUM_DISABLED="")  # rembg's switch uses it all the same
    with pytest.warns(RuntimeWarning, match="used unchecked"):
        assert fetch(model(pinned(github)), tmp_path) == path
    monkeypatch.delenv("MODEL_CHECKSUM_DISABLED")
    for entry in (model(pinned(github)), released()):
        with pytest.raises(WeightsError, match=r"none of the files known(.|\n)*MODEL_CHECKSUM_DISABLED=1"):
            fetch(entry, tmp_path)
    assert path.read_bytes() == OTHER
    assert not rest(tmp_path)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("why", ["offline", "no digest", "no list"])
def test_an_unchecked_file_is_used_with_a_warning(github: GitHub, tmp_path: Path, setenv: SetEnv, why: str) -> None:
    if why == "offline":
        setenv(REMBG_SKIN_OFFLINE="1")
    if why == "no digest":
        github.release(REPO, "v1", {"tiny.onnx": DATA}, digests=False)
    path = place(tmp_path)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="placed by hand and could not be checked"):
            assert fetch(released(), tmp_path) == path
    assert receipt(path)["trust"] == "nothing"
    assert len(github.seen) <= 1
    # What cannot be vouched for is still watched.
    flip_a_byte(path)
    with pytest.raises(WeightsError):
        fetch(released(), tmp_path)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("placed", [DATA, OTHER])
@pytest.mark.parametrize("again", ["after an hour", "by verify"])
def test_an_unchecked_file_is_checked_again_later(github: GitHub, tmp_path: Path, placed: bytes, again: str) -> None:
    path = place(tmp_path, placed)
    assert fetch(released(), tmp_path) == path
    assert receipt(path)["trust"] == "nothing"
    github.release(REPO, "v1", {"tiny.onnx": DATA})
    asked = len(github.seen)
    assert fetch(released(), tmp_path) == path  # nobody is asked again at once
    assert len(github.seen) == asked
    hours_ago = (datetime.now(UTC) - timedelta(hours=1, seconds=1)).isoformat(timespec="seconds")
    receipts.path_of(path).write_text(json.dumps({**receipt(path), "time": hours_ago}))

    check = store.accept if again == "by verify" else lambda path, entry, _: fetch(entry, path.parent)
    if placed == DATA:
        check(path, released(), Settings.read())
        assert receipt(path)["trust"] == "release"
    else:
        with pytest.raises(WeightsError, match="none of the files known"):
            check(path, released(), Settings.read())
        assert path.read_bytes() == OTHER


@pytest.mark.parametrize(
    "change",
    [
        *("", "{", "[]", "{}", "null", "[" * 30_000),
        *({"trust": "everything"}, {"trust": ["catalog"]}, {"sha256": "0" * 63}, {"size": True}),
        *({"mtime_ns": 1.5}, {"time": None}, {"more": 1}),
    ],
)
def test_a_receipt_without_sense_is_worthless(tmp_path: Path, change: str | dict[str, object], fixed: Model) -> None:
    path = fetch(fixed, tmp_path)
    text = change if isinstance(change, str) else json.dumps({**receipt(path), **change})
    receipts.path_of(path).write_text(text)
    assert receipts.vouched(fixed, [tmp_path]) is None
    assert fetch(fixed, tmp_path) == path
    assert receipt(path)["trust"] == "catalog"


def test_a_file_that_may_not_be_read_is_told(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, refusal = place(tmp_path), PermissionError(13, "Permission denied")
    monkeypatch.setattr(store, "sha256_of", Mock(side_effect=refusal))  # root may read everything
    with pytest.raises(WeightsError, match=rf"{path} cannot be read \(Permission denied\)"):
        fetch(model(pinned(github)), tmp_path)


def test_a_copy_in_the_legacy_folder_is_found(github: GitHub, tmp_path: Path) -> None:
    legacy = place(tmp_path / "old home")
    folders = [tmp_path / "models" / "tiny_skin", tmp_path / "old home"]
    for _ in range(2):
        assert fetch(model(pinned(github)), *folders) == legacy
    assert not github.seen
    assert not (folders[0] / "tiny_skin.onnx").exists()


def test_offline_nothing_is_asked_of_anybody(github: GitHub, tmp_path: Path, setenv: SetEnv) -> None:
    setenv(REMBG_SKIN_OFFLINE="1")
    with pytest.raises(WeightsError, match=r"REMBG_SKIN_OFFLINE is set(.|\n)*place the file at") as caught:
        fetch(model(pinned(github), *released().sources), tmp_path)
    assert str(tmp_path / "tiny_skin.onnx") in str(caught.value)
    assert not github.seen


def test_a_mirror_folder_is_used_and_its_file_checked(github: GitHub, tmp_path: Path, setenv: SetEnv) -> None:
    source = pinned(github)
    copy = tmp_path / "mirror" / source.mirror
    copy.parent.mkdir(parents=True)
    copy.write_bytes(DATA)
    copy.chmod(0o400)
    setenv(REMBG_SKIN_MIRROR=str(tmp_path / "mirror"), REMBG_SKIN_OFFLINE="1")
    path = fetch(model(source), tmp_path / "a")
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == copy.parent.stat().st_mode & 0o666
    assert receipt(path)["url"] == str(copy)
    copy.chmod(0o600)
    flip_a_byte(copy)
    with pytest.raises(WeightsError, match="sha256"):
        fetch(model(source), tmp_path / "b")
    for make in (None, Path.mkdir) if os.name == "nt" else (None, os.mkfifo, Path.mkdir):
        copy.unlink(missing_ok=True)
        if make:
            make(copy)
        with pytest.raises(WeightsError, match=r"mirror folder cannot give it \(it is not a file\)"):
            fetch(model(source), tmp_path / "b")
    assert not github.seen


def test_a_mirror_url_is_used_with_the_digest_of_the_api(github: GitHub, tmp_path: Path, setenv: SetEnv) -> None:
    setenv(REMBG_SKIN_MIRROR=github.url.replace("//", "//user:s3cret@") + "/mir/")
    github.release(REPO, "v1 beta", {"skin_tiny.onnx": DATA})
    mirrored = f"/mir/{REPO}/v1 beta/skin_tiny.onnx"
    github.put(mirrored, DATA)
    path = fetch(released(), tmp_path / "a")
    assert [request.path for request in github.seen] == [LISTED, mirrored]
    assert "s3cret" not in json.dumps(receipt(path))
    github.put(mirrored, OTHER)
    with pytest.raises(WeightsError, match="sha256") as caught:
        fetch(released(), tmp_path / "b")
    assert "s3cret" not in str(caught.value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real weights are not here")
def test_the_real_weights_have_the_hashes_of_the_catalog(tmp_path: Path, setenv: SetEnv) -> None:
    real = SHARED / "face_detection_yunet_2023mar.onnx"  # pan_skin's are those of the tests of commands
    source = FILES["yunet"].sources[0]
    assert isinstance(source, FileSource)
    mirrored = tmp_path / "mirror" / source.mirror
    mirrored.parent.mkdir(parents=True)
    shutil.copyfile(real, mirrored)
    setenv(REMBG_SKIN_MIRROR=str(tmp_path / "mirror"), REMBG_SKIN_OFFLINE="1")
    assert fetch(FILES["yunet"], tmp_path / "home").read_bytes() == real.read_bytes()


def test_every_source_of_the_catalog_is_whole() -> None:
    for entry in FILES.values():
        kinds = [isinstance(source, ReleaseSource) for source in entry.sources]
        assert kinds, entry.name
        assert kinds == sorted(kinds), f"{entry.name}: sources with a known hash come first"
    files = [source for entry in FILES.values() for source in entry.sources if isinstance(source, FileSource)]
    for source in files:
        assert source.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert source.hash_origin
        assert len(source.mirror.split("/")) == 4
        assert source.mirror.rpartition("/")[2] == source.url.rpartition("/")[2]
    assert len({source.mirror for source in files}) == len(files)
    assert set(FILES) - set(MODELS) <= {"mediapipe_skin", "refiner", "yunet"}
