"""Augmentation as a whole: what lies in the folder afterwards, whatever happens meanwhile."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rembg_skin.dataset.augment import Target, augment, augment_all, prepare
from rembg_skin.dataset.pairs import Pair, find_pairs
from rembg_skin.errors import DataError
from rembg_skin.photos import Problem


def levels(number: int) -> NDArray[np.uint8]:
    """Return the mask of one of the originals."""
    mask = np.zeros((50, 70), np.uint8)
    mask[10:45, 10 + number : 60] = 255
    return mask


@pytest.fixture
def originals(tmp_path: Path) -> list[Pair]:
    """Return four pairs of smooth colors with a box of skin; the masks are encoded in four ways."""
    rng = np.random.default_rng(1)
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for number in range(4):
        small = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
        small.resize((70, 50), Image.Resampling.BICUBIC).save(images / f"p{number}.jpg")
        mask = Image.fromarray(levels(number) // (255 if number == 3 else 1))
        mask.convert(("L", "P", "1", "L")[number]).save(masks / f"p{number}.png")
    return find_pairs(images, masks).pairs


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made(pairs: list[Pair], folder: Path, jobs: int = 1, seed: int = 0) -> dict[str, bytes]:
    target = Target(folder, seed, resize=False)
    prepare(target, pairs[0].image.parent, pairs[0].mask.parent)
    assert all(isinstance(outcome, int) for outcome in augment_all(pairs, target, jobs))
    return contents(folder)


def test_every_pair_gives_26_distinct_images_with_masks_of_levels(originals: list[Pair], tmp_path: Path) -> None:
    made(originals, tmp_path / "out")
    for number, pair in enumerate(originals):
        images = {path.stem: np.asarray(Image.open(path)) for path in (tmp_path / "out" / "images").glob(f"p{number}*")}
        assert len(images) == 26
        # The original is none of them.
        assert len({image.tobytes() for image in (*images.values(), np.asarray(Image.open(pair.image)))}) == 27
        for name, image in images.items():
            mask = np.asarray(Image.open(tmp_path / "out" / "masks" / f"{name}.png"))
            assert mask.shape == image.shape[:2]
            hidden = np.count_nonzero(mask != levels(number))
            if name.endswith(("lattice", "bands")):  # on the subject
                assert 0 < hidden == np.count_nonzero(mask < levels(number)) < np.count_nonzero(levels(number)) / 2
            else:
                assert hidden == 0


def test_the_bytes_depend_on_the_seed_and_not_on_jobs_or_order(originals: list[Pair], tmp_path: Path) -> None:
    one = made(originals, tmp_path / "one", jobs=1)
    assert made(originals[::-1], tmp_path / "two", jobs=2) == one
    other = made(originals, tmp_path / "other", seed=1)
    differing = {name.rsplit("__")[-1] for name in one if one[name] != other[name]}
    assert differing == {"augment.json", "lattice.png", "bands.png"}


def test_a_stopped_run_goes_on_where_it_was(
    originals: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(originals, tmp_path / "whole")
    target = Target(tmp_path / "out", 0, resize=False)
    prepare(target, tmp_path / "images", tmp_path / "masks")
    outcomes = augment_all(originals, target, 1)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    stray = tmp_path / "out" / "images" / ".rembg-skin-99.part"
    stray.write_bytes(b"half a file of a process that was killed")
    (tmp_path / "out" / "images" / "p0__hue051.png").unlink()
    monkeypatch.setattr("rembg_skin.files._swept", set())  # as in a new process

    prepare(target, tmp_path / "images", tmp_path / "masks")
    assert list(augment_all(originals, target, 1)) == [1, 26, 26, 26]
    assert contents(tmp_path / "out") == whole


def test_a_folder_of_anything_else_is_left_alone(originals: list[Pair], tmp_path: Path) -> None:
    made(originals[:1], tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    before = contents(tmp_path)
    for folder, reason in {"out": "made with other settings", "full": "not empty", "": "holds the originals"}.items():
        with pytest.raises(DataError, match=reason):
            made(originals[:1], tmp_path / folder, seed=1)
    assert contents(tmp_path) == before


def test_what_is_wrong_with_a_pair_is_its_problem_only_and_leaves_no_file(
    originals: list[Pair], tmp_path: Path
) -> None:
    originals[0].mask.write_bytes(b"no image")
    long = replace(originals[1], stem="n" * 250)
    for pair, reason in ((originals[0], "p0.png cannot be read"), (long, "cannot be written: File name too long")):
        outcome = augment(pair, Target(tmp_path / "out", 0, resize=False))
        assert isinstance(outcome, Problem)
        assert reason in outcome.reason
    assert not list(tmp_path.rglob("out/*/*"))


def test_a_mask_that_is_resized_is_written_at_the_images_size(originals: list[Pair], tmp_path: Path) -> None:
    pair = originals[0]
    Image.open(pair.mask).resize((35, 25)).save(pair.mask)
    assert augment(pair, Target(tmp_path / "out", 0, resize=True)) == 26
    assert {Image.open(path).size for path in (tmp_path / "out" / "masks").iterdir()} == {(70, 50)}


def test_names_that_are_not_utf_8_are_no_trouble(originals: list[Pair], tmp_path: Path) -> None:
    odd = os.fsdecode(b"latin \xe9")
    image, mask = (path.rename(path.with_stem(odd)) for path in (originals[0].image, originals[0].mask))
    made([Pair(odd, image, mask)], tmp_path / "out")
    assert len(list((tmp_path / "out" / "images").iterdir())) == 26
