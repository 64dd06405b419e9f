"""``rembg-skin cut``: write cutouts, masks and overlays that an editor takes as they are."""

import argparse
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rembg_skin.commands.arguments import ModelChoice, add_model
from rembg_skin.commands.console import exit_status, progress, say, say_problems, say_written, stoppable
from rembg_skin.commands.outputs import Identity, check_output, identities
from rembg_skin.cutout.photo import Kept, Photo, Pixels, read_photo
from rembg_skin.cutout.writer import write_picture
from rembg_skin.errors import DataError, ExtraError, ImageError, SkinError, printable
from rembg_skin.files import check_writable, write_atomically
from rembg_skin.image.overlay import overlay
from rembg_skin.image.rgb import to_rgb
from rembg_skin.photos import Problem
from rembg_skin.session import extras_of, open_session, predict_mask
from rembg_skin.workers import in_background

CUT, MASK, OVERLAY = "cut", "mask", "overlay"
_ENDINGS = {"png": ".png", "tiff": ".tif", "psd": ".psd", "webp": ".webp", "jpeg": ".jpg"}
_SUFFIXES = {**{ending: name for name, ending in _ENDINGS.items()}, ".tiff": "tiff", ".jpeg": "jpeg"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="photographs, 8 or 16 bits a channel")
    add_model(parser, "skin")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file, whose suffix is the format, or a folder (default: beside each photo, NAME.cut.png); an older file"
        " is replaced, a photo never",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--mask", dest="kind", action="store_const", const=MASK, help="write the mask alone")
    what.add_argument(
        "--overlay", dest="kind", action="store_const", const=OVERLAY, help="write the photo in gray, skin tinted"
    )
    parser.set_defaults(kind=CUT)
    parser.add_argument(
        "--format", choices=tuple(_ENDINGS), help="of the files beside the photos or in a folder (default: png)"
    )


def run(args: argparse.Namespace) -> int:
    """Write a picture for each photo; return the exit status."""
    photos = list(dict.fromkeys(args.photos))
    format_name, file, folder = _output(args, len(photos))
    fine = {"detail": "fine"} if "detail" in extras_of(args.model.name) else {}
    session = open_session(args.model.name, {**fine, **args.model.extras, **args.extras})
    read = identities([*photos, *args.model.files(), *ModelChoice("", args.extras).files()])
    taken: set[Path] = set()
    problems: list[Problem] = []
    written, full = 0, True

    def make(photo: Path) -> tuple[Path, bool] | Problem:
        target = file or (folder or photo.parent) / f"{photo.stem}.{args.kind}{_ENDINGS[format_name]}"
        try:
            _check_target(target, read, taken)
            return target, _make(session, photo, target, format_name, args.kind)
        except SkinError as error:
            return Problem(photo, str(error))
        except Exception as error:  # noqa: BLE001 - one photo's trouble, whatever it is, is not the others'
            return Problem(photo, f"{printable(photo)}: {type(error).__name__}: {printable(error)}")

    with stoppable() as stop:
        for outcome in progress(in_background(map(make, photos)), len(photos), args.kind):
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                written += 1
                full &= outcome[1]
                say_written(outcome[:1])
    if problems and not written and not stop.is_set():
        for problem in problems:
            say(f"rembg-skin: {problem.reason}")
    else:
        say_problems(problems)
    return exit_status(stop, written, len(problems) + (not full))


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


def _check_target(target: Path, read: Mapping[Identity, str], taken: set[Path]) -> None:
    """Raise DataError if `target` is read, or is the file of another photo; remember it otherwise."""
    check_output(target, read)
    place = Path(os.path.realpath(target.parent), target.name.casefold())
    if place in taken:
        raise DataError(
            f"{printable(target)} was written for another photo of the same name; write this one to another folder."
        )
    check_writable(target)
    taken.add(place)


def _make(session: Any, path: Path, target: Path, format_name: str, kind: str) -> bool:
    """Write the picture of a photo; return whether it has all that it should have of the photo.

    Raises SkinError, naming the photo, if it cannot be written.
    """
    photo = read_photo(path)
    try:
        pixels, kept = _picture(session, photo, kind)
        write_atomically(target, lambda draft: write_picture(draft, format_name, pixels, kept))
    except ImageError as error:
        raise ImageError(f"{printable(path)}: {error}.") from error
    if halved := kind == CUT and photo.deep is None and photo.bits > 8:  # noqa: PLR2004
        say(f"{printable(path)}: its {photo.bits} bits a channel were reduced to 8; PNG and TIFF in RGB keep 16.")
    return not halved


def _picture(session: Any, photo: Photo, kind: str) -> tuple[Pixels, Kept]:
    mask = predict_mask(session, photo.image)
    if kind == MASK:
        return mask[..., None], Kept(dpi=photo.kept.dpi)
    if kind == OVERLAY:  # in sRGB, as `to_rgb` makes it
        return np.asarray(overlay(to_rgb(photo.image)[0], mask)), Kept(dpi=photo.kept.dpi, exif=photo.kept.exif)
    return photo.cutout(mask)
