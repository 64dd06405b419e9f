"""`rembg-skin cut`: pictures that an editor takes as they are."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from rembg import new_session

import rembg_skin
from rembg_skin.cutout.photo import Kept, read_photo
from rembg_skin.image.overlay import overlay
from tests.support.command import finished, run

rembg_skin.register()
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cut_out(*arguments: object, status: int = 0) -> str:
    """Run the command with a quick model; check its exit status and return its stderr."""
    done = run("cut", "-m", "ycbcr_hsv_skin", *arguments)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    return done.stderr


@pytest.fixture
def photo(tmp_path: Path, astronaut: Image.Image) -> Path:
    """A portrait of 150 x 120 pixels as a camera writes it: lying on its side."""
    path = tmp_path / "photos" / "portrait.jpg"
    path.parent.mkdir()
    exif = {0x0112: 6, 0x010F: "A camera", 0x8769: {0x9003: "2026:11:25 08:00:00"}}
    image = astronaut.crop((140, 20, 290, 140)).transpose(Image.Transpose.ROTATE_90)
    image.save(path, quality=95, icc_profile=PROFILE, dpi=(300, 300), exif=Kept(exif=exif).exif_bytes())
    return path


def upright(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.transpose(Image.Transpose.ROTATE_270)


def mask_of(image: Image.Image, **extras: object) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.asarray(new_session("ycbcr_hsv_skin", **extras).predict(image)[0])


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "webp"])
def test_a_cutout_has_the_photos_own_colors_and_all_that_belongs_to_it(photo: Path, suffix: str) -> None:
    target = photo.with_name(f"out.{suffix}")
    cut_out(photo, "-o", target)
    with Image.open(target) as cut:
        assert cut.mode == "RGBA"
        assert np.array_equal(np.asarray(cut)[..., :3], np.asarray(upright(photo)))
        assert np.array_equal(np.asarray(cut)[..., 3], mask_of(upright(photo)))
        assert cut.info["icc_profile"] == PROFILE
        assert cut.getexif()[0x010F] == "A camera"
        assert cut.getexif().get(0x0112, 1) == 1
        assert cut.getexif().get_ifd(0x8769)[0x9003] == "2026:11:25 08:00:00"
        if suffix != "webp":
            assert cut.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_photo_of_16_bits_stays_one(tmp_path: Path, suffix: str, astronaut: Image.Image) -> None:
    small = np.asarray(astronaut.crop((140, 20, 290, 140)))
    deep = small.astype(np.uint16) * 256 + np.random.default_rng(1).integers(0, 256, small.shape, dtype=np.uint16)
    source, target = tmp_path / f"deep.{suffix}", tmp_path / f"cut.{suffix}"
    cv2.imwrite(str(source), deep[..., ::-1])
    cut_out(source, "-o", target)
    read: Any = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
    assert read.dtype == np.uint16
    assert np.array_equal(read[..., 2::-1], deep)
    assert np.array_equal(read[..., 3], mask_of(Image.fromarray(small)).astype(np.uint16) * 257)


def test_the_default_is_skins_model_beside_the_photo(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMBG_SKIN_MODEL", "ycbcr_hsv_skin")
    finished(f"cut {photo}")
    assert Image.open(photo.with_name("portrait.cut.png")).mode == "RGBA"


def test_a_mask_has_the_extras(photo: Path) -> None:
    extras = '{"grow": 4, "feather": 2.5, "invert": true}'
    cut_out(photo, "-x", extras, "--mask")
    expected = mask_of(upright(photo), grow=4, feather=2.5, invert=True)
    with Image.open(photo.with_name("portrait.mask.png")) as mask:
        assert (mask.mode, mask.info["dpi"]) == ("L", pytest.approx((300, 300), abs=0.01))
        assert np.array_equal(np.asarray(mask), expected)


def test_an_overlay_may_be_a_jpeg(photo: Path) -> None:
    target = photo.with_name("check.JPG")
    cut_out(photo, "-m", "ycbcr_hsv_skin:grow=2", "--overlay", "-o", target)
    expected = np.asarray(overlay(upright(photo), mask_of(upright(photo), grow=2))).astype(int)
    assert np.abs(np.asarray(Image.open(target)) - expected).mean() < 4


def test_several_photos_go_into_a_folder_and_a_bad_one_ends_nothing(photo: Path, tmp_path: Path) -> None:
    bad, other = photo.with_name("bad.png"), photo.with_name("other.png")
    bad.write_bytes(b"no image")
    upright(photo).save(other)
    target, missing = tmp_path / "new" / "v1.2", photo.with_name("missing.jpg")
    said = cut_out(bad, photo, missing, other, other, "-o", f"{target}/", "--format", "tiff", status=3)
    assert {path.name for path in target.iterdir()} == {"portrait.cut.tif", "other.cut.tif"}
    for words in ("2 could not be used", f"{bad} cannot be read", f"{missing} cannot be read: No such file"):
        assert words in said


def test_two_photos_of_one_name_do_not_overwrite_each_other(photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "portrait.png"
    upright(photo).rotate(180).save(other)
    said = cut_out(photo, other, "-o", f"{tmp_path}/cutouts", status=3)
    assert "was written for another photo of the same name" in said
    cut = np.asarray(Image.open(tmp_path / "cutouts" / "portrait.cut.png"))
    assert np.array_equal(cut[..., :3], np.asarray(upright(photo)))


def test_a_later_photo_is_not_written_over(photo: Path) -> None:
    later = photo.with_name("portrait.cut.png")
    upright(photo).save(later)
    before = later.read_bytes()
    assert "never written over" in cut_out(photo, later, status=3)
    assert later.read_bytes() == before


def test_whatever_one_photo_raises_the_others_are_done(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = photo.with_name("other.png")
    upright(photo).save(other)

    def exhausted(path: Path) -> object:
        if path == photo:
            raise MemoryError("too large")
        return read_photo(path)

    monkeypatch.setattr("rembg_skin.commands.cut.read_photo", exhausted)
    assert f"{photo}: MemoryError: too large" in cut_out(photo, other, status=3)
    assert other.with_name("other.cut.png").exists()


def test_what_webp_cannot_hold_is_said(tmp_path: Path) -> None:
    deep, long = tmp_path / "deep.png", tmp_path / "long.png"
    cv2.imwrite(str(deep), np.zeros((5, 5, 3), np.uint16))
    Image.new("RGB", (16384, 2)).save(long)
    said = cut_out(deep, long, "--format", "webp", status=1)
    assert f"{deep}: it has 16 bits a channel and WebP holds 8" in said
    assert f"{long}: its longer side has 16384 pixels" in said


def test_a_psd_has_the_photo_with_the_mask_as_its_layer_mask(photo: Path) -> None:
    psd_tools = pytest.importorskip("psd_tools", reason="PSD needs psd-tools")
    target = photo.with_name("out.psd")
    cut_out(photo, "-o", target)
    document = psd_tools.PSDImage.open(target)
    (layer,) = document
    assert np.array_equal(layer.numpy("color") * 255, np.asarray(upright(photo)))
    assert np.array_equal(np.asarray(layer.mask.topil()), mask_of(upright(photo)))
    with Image.open(target) as read:  # as one that knows no layers
        assert read.info["icc_profile"] == PROFILE
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + document.image_resources.get_data(1058))
    assert exif[0x010F] == "A camera"
    assert document.image_resources.get_data(1005).horizontal == 300 << 16


def test_bits_that_are_lost_are_told_and_are_a_part_only(tmp_path: Path, photo: Path) -> None:
    deep = np.asarray(upright(photo))[..., ::-1].astype(np.uint16) * 4
    assert cv2.imwrite(str(tmp_path / "photo.avif"), deep, [cv2.IMWRITE_AVIF_DEPTH, 10])
    said = cut_out(tmp_path / "photo.avif", status=3)
    assert "photo.avif: its 10 bits a channel were reduced to 8" in said
    cut_out(tmp_path / "photo.avif", "--mask")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_a_large_profile_is_written_so_that_every_command_reads_it(suffix: str, photo: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1).bytes(2_000_000)
    upright(photo).save(tmp_path / "photo.tif", icc_profile=PROFILE + random)
    target = tmp_path / f"cut{suffix}"
    cut_out(tmp_path / "photo.tif", "-o", target)
    cut_out(target, "-o", tmp_path / "again.png")
