"""``rembg-skin cut``: write cutouts, masks and overlays that an editor takes as they are."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rembg_skin.commands.arguments import add_model, given_model
from rembg_skin.commands.console import exit_status, say, say_written, stoppable
from rembg_skin.commands.outputs import Outputs
from rembg_skin.cutout.photo import Kept, Photo, Pixels, read_photo
from rembg_skin.cutout.writer import write_picture
from rembg_skin.errors import DataError, ExtraError, ImageError, SkinError, printable
from rembg_skin.files import write_atomically
from rembg_skin.image.overlay import overlay
from rembg_skin.image.rgb import to_rgb
from rembg_skin.photos import Problem
from rembg_skin.session import extras_of, open_session, predict_mask
from rembg_skin.workers import in_background

CUT, MASK, OVERLAY = "cut", "mask", "overlay"
_ENDINGS = {"png": ".png", "tiff": ".tif", "psd": ".psd", "webp": ".webp", "jpeg": ".jpg"}
_SUFFIXES = {**{ending: name for name, ending in _ENDINGS.items()}, ".tiff": "tiff", ".jpeg": "jpeg"}
_TWICE = "was written for another photo of the same name; write this one to another folder."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="photographs, 8 or 16 bits a channel")
    add_model(parser, "skin")
    text = (
        "a file, whose suffix is the format, or a folder (default: beside each photo, NAME.cut.png); an older file is"
        " replaced, a photo never"
    )
    parser.add_argument("-o", "--output", metavar="OUT", help=text)
    add = parser.add_mutually_exclusive_group().add_argument
    add("--mask", dest="kind", action="store_const", const=MASK, default=CUT, help="write only the mask")
    text = "write the photo in gray, skin tinted"
    add("--overlay", dest="kind", action="store_const", const=OVERLAY, default=CUT, help=text)
    text = "of the files beside the photos or in a folder (default: png)"
    parser.add_argument("--format", choices=tuple(_ENDINGS), help=text)


def run(args: argparse.Namespace) -> int:
    """Write a picture for each photo; return the exit status."""
    photos = list(dict.fromkeys(args.photos))
    format_name, file, folder = _output(args, len(photos))
    model = given_model(args)
    fine = {"detail": "fine"} if "detail" in extras_of(model.name) else {}
    session = open_session(model.name, {**fine, **model.extras})
    outputs = Outputs([*photos, *model.files()])

    def make(path: Path) -> tuple[Path, bool] | Problem:
        """Write the picture of a photo; return its file, and if the file has all that it should have of the photo."""
        target = file or (folder or path.parent) / f"{path.stem}.{args.kind}{_ENDINGS[format_name]}"
        try:
            outputs.add(target, _TWICE)
            photo = read_photo(path)
            try:
                pixels, kept = _picture(session, photo, args.kind)
                write_atomically(target, lambda draft: write_picture(draft, format_name, pixels, kept))
            except ImageError as error:
                return Problem(path, f"{printable(path)}: {error}.")
        except SkinError as error:
            return Problem(path, str(error))
        except Exception as error:  # noqa: BLE001 - one photo's trouble, whatever it is, is not the others'
            return Problem(path, f"{printable(path)}: {type(error).__name__}: {printable(error)}")
        if halved := args.kind == CUT and photo.deep is None and photo.bits > 8:  # noqa: PLR2004
            say(f"{printable(path)}: its {photo.bits} bits a channel were reduced to 8; PNG and TIFF in RGB keep 16.")
        return target, not halved

    lacking = 0
    with stoppable() as work:
        for target, full in work.each(in_background(map(make, photos)), len(photos), args.kind):
            say_written(target)
            lacking += not full
    return exit_status(work, work.used, len(work.problems) + lacking)


def _output(args: argparse.Namespace, photos: int) -> tuple[str, Path | None, Path | None]:
    """Return the format, and the one file or the folder that was given; raise DataError for what does not fit."""
    given, path = args.output, Path(args.output or "")
    format_name, file, folder = args.format or "png", None, None
    if given is not None and (given.endswith(("/", os.sep)) or path.is_dir() or not path.suffix):
        folder = path
    elif given is not None:
        if (found := _SUFFIXES.get(path.suffix.lower())) is None:
            raise DataError(
                f"{printable(given)}: {printable(path.suffix)} is not a format of this command, which writes"
                f" {', '.join(_SUFFIXES)}; for a folder of that name, end it with a slash."
            )
        if photos > 1:
            raise DataError(f"{printable(given)} is one file, and there are {photos} photos: give a folder.")
        if args.format not in (None, found):
            raise DataError(f"{printable(given)} and --format {args.format} do not fit together.")
        format_name, file = found, path
    if format_name == "jpeg" and args.kind != OVERLAY:
        why = "holds no transparency" if args.kind == CUT else "changes a mask's levels"
        raise DataError(f"JPEG {why}: write PNG, TIFF or WebP; JPEG is for --overlay.")
    if format_name == "psd" and args.kind != CUT:
        raise DataError(f"PSD holds the photo with the mask as a layer mask: leave --{args.kind} out.")
    if format_name == "psd" and find_spec("psd_tools") is None:
        raise ExtraError.about("PSD", "psd-tools", "psd")
    return format_name, file, folder


def _picture(session: Any, photo: Photo, kind: str) -> tuple[Pixels, Kept]:
    mask = predict_mask(session, photo.image)
    if kind == MASK:
        return mask[..., None], Kept(dpi=photo.kept.dpi)
    if kind == OVERLAY:  # in sRGB, as `to_rgb` makes it
        return np.asarray(overlay(to_rgb(photo.image)[0], mask)), Kept(dpi=photo.kept.dpi, exif=photo.kept.exif)
    return photo.cutout(mask)
