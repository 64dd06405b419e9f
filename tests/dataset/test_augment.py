"""Augmentation as a whole: what lies in the folder afterwards, whatever happens meanwhile."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rembg_skin.dataset.augment import Made, Target, augment, augment_all, prepare
from rembg_skin.dataset.pairs import Pair, find_pairs
from rembg_skin.errors import DataError
from rembg_skin.photos import Problem


@pytest.fixture
def originals(tmp_path: Path) -> list[Pair]:
    """Return four pairs of smooth colors with a box of skin; one mask is a palette image, one a bitmap."""
    rng = np.random.default_rng(1)
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for number, mode in enumerate(("L", "P", "1", "L")):
        small = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
        small.resize((70, 50), Image.Resampling.BICUBIC).save(images / f"p{number}.jpg")
        mask = np.zeros((50, 70), np.uint8)
        mask[10:45, 10 + number : 60] = 255
        Image.fromarray(mask).convert(mode).save(masks / f"p{number}.png")
    return find_pairs(images, masks).pairs


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made(pairs: list[Pair], folder: Path, jobs: int = 1, seed: int = 0) -> dict[str, bytes]:
    target = Target(folder, seed, resize=False)
    prepare(target, pairs[0].image.parent, pairs[0].mask.parent)
    assert all(isinstance(outcome, Made) for outcome in augment_all(pairs, target, jobs))
    return contents(folder)


def test_every_pair_gives_26_distinct_images_with_masks_of_their_size(originals: list[Pair], tmp_path: Path) -> None:
    made(originals, tmp_path / "out")
    for pair in originals:
        images = sorted((tmp_path / "out" / "images").glob(f"{pair.stem}__*"))
        pixels = {np.asarray(Image.open(path)).tobytes() for path in images}
        pixels.add(np.asarray(Image.open(pair.image)).tobytes())
        assert len(images) == 26
        assert len(pixels) == 27  # the original is none of them
        for path in images:
            (mask,) = (tmp_path / "out" / "masks").glob(f"{path.stem}.*")
            assert Image.open(mask).size == Image.open(path).size


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
    assert list(augment_all(originals, target, 1)) == [Made(1, 25), *[Made(26, 0)] * 3]
    assert contents(tmp_path / "out") == whole


def test_an_earlier_run_with_another_seed_or_somebodys_folder_is_left_alone(
    originals: list[Pair], tmp_path: Path
) -> None:
    made(originals[:1], tmp_path / "out")
    with pytest.raises(DataError, match="made with other settings"):
        made(originals[:1], tmp_path / "out", seed=1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match="not empty"):
        made(originals[:1], tmp_path / "full")


def test_the_originals_are_never_a_target(originals: list[Pair], tmp_path: Path) -> None:
    before = contents(tmp_path)
    with pytest.raises(DataError, match="holds the originals"):
        made(originals, tmp_path)
    assert contents(tmp_path) == before


def test_a_damaged_pair_is_reported_and_leaves_no_file(originals: list[Pair], tmp_path: Path) -> None:
    originals[0].mask.write_bytes(b"no image")
    outcome = augment(originals[0], Target(tmp_path / "out", 0, resize=False))
    assert isinstance(outcome, Problem)
    assert "p0.png cannot be read" in outcome.reason
    assert not (tmp_path / "out").exists()


def test_a_mask_that_is_resized_is_written_at_the_images_size(originals: list[Pair], tmp_path: Path) -> None:
    pair = originals[0]
    Image.open(pair.mask).resize((35, 25)).save(pair.mask)
    assert isinstance(augment(pair, Target(tmp_path / "out", 0, resize=True)), Made)
    assert {Image.open(path).size for path in (tmp_path / "out" / "masks").iterdir()} == {(70, 50)}


def test_a_mask_in_another_encoding_is_written_as_levels(originals: list[Pair], tmp_path: Path) -> None:
    pair = originals[0]
    levels = np.asarray(Image.open(pair.mask))
    Image.fromarray(levels // 255).save(pair.mask)
    made([pair], tmp_path / "out")
    for path in (tmp_path / "out" / "masks").glob("*__hue*"):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), levels)
    hidden = np.asarray(Image.open(tmp_path / "out" / "masks" / "p0__lattice.png"))
    assert 0 < ((hidden == 0) & (levels == 255)).sum() < (levels == 255).sum() / 2  # the lattice lies on the subject


def test_names_that_are_not_utf_8_are_no_trouble(originals: list[Pair], tmp_path: Path) -> None:
    odd = os.fsdecode(b"latin \xe9")
    image, mask = (path.rename(path.with_stem(odd)) for path in (originals[0].image, originals[0].mask))
    made([Pair(odd, image, mask)], tmp_path / "out")
    assert len(list((tmp_path / "out" / "images").iterdir())) == 26


def test_a_variant_whose_name_is_too_long_costs_its_pair_alone(originals: list[Pair], tmp_path: Path) -> None:
    long = Pair("n" * 250, originals[0].image, originals[0].mask)
    outcome = augment(long, Target(tmp_path / "out", 0, resize=False))
    assert isinstance(outcome, Problem)
    assert "cannot be written: File name too long" in outcome.reason
