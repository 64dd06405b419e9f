"""``rembg-skin video``: masks, cutouts or overlays of a video, and its skin's color over time."""

import argparse
import json
import os
import re
from glob import escape, glob
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_skin.commands.arguments import ModelChoice, add_model, given_model, natural
from rembg_skin.errors import VideoError, printable

if TYPE_CHECKING:
    from collections.abc import Collection

    from rembg_skin.video.reader import Reader
    from rembg_skin.video.sound import Sound
    from rembg_skin.video.table import Table
    from rembg_skin.video.writer import Video

_EIGHT = 8  # bits of a color
_CONFIDENCE = 0.7  # of a face, 0 to 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = (
        "OUT's suffix says what is written: .webm (VP9) and .mov (ProRes 4444) a cutout with an alpha channel, "
        ".mp4, .m4v and .mkv (H.264) the mask as a gray video. A .mkv file can hold a cutout, too (VP9). "
        "Frame times, rotation and sound stay as they are."
    )
    add = parser.add_argument
    add("source", metavar="IN", help="the video: a file, an address, or - for standard input")
    add("target", metavar="OUT", type=Path, nargs="?", help="the new video; not needed with --csv")
    add_model(parser, "tiny_skin")
    kinds = parser.add_mutually_exclusive_group()
    for kind, text in {
        "mask": "write the mask, white for skin",
        "cutout": "write only the skin",
        "overlay": "write the skin in green over gray",
    }.items():
        kinds.add_argument(f"--{kind}", dest="kind", action="store_const", const=kind, help=text)
    text = "write for each frame its time, share of skin and the skin's color"
    add("--csv", type=Path, metavar="FILE", help=text)
    text = "count only skin in this box of pixels in FILE"
    add("--roi", type=natural, nargs=4, metavar=("X", "Y", "WIDTH", "HEIGHT"), help=text)
    add("--faces", type=natural, default=0, metavar="N", help="columns for the N largest faces in FILE")
    text = "steady the masks over time (default); --no-steady takes each frame for itself"
    add("--steady", action=argparse.BooleanOptionalAction, default=True, help=text)


def run(arguments: argparse.Namespace) -> int:
    """Write the outputs; return the exit status.

    3 if frames or sound were damaged or lost or the file ends early; that of the signal if it was stopped, which keeps
    what is finished.
    """
    # Before numpy: its threads for linear algebra would only get in the way.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from tqdm import tqdm

    from rembg_skin.commands.console import count, exit_status, say
    from rembg_skin.commands.outputs import check_outputs
    from rembg_skin.commands.signals import signals_heard
    from rembg_skin.video import open_video
    from rembg_skin.video.frames import masking
    from rembg_skin.workers import aside

    target, csv, model = arguments.target, arguments.csv, given_model(arguments)
    paths = [path for path in (target, csv) if path]
    if not paths:
        raise VideoError("Nothing to write: name OUT, or --csv FILE.")
    if (arguments.roi or arguments.faces) and not csv:
        raise VideoError("--roi and --faces are about the table: name it with --csv FILE.")
    pictures = glob(re.sub(r"%\d*d", "*", escape(arguments.source)))  # noqa: PTH207 - FFmpeg reads `frames%03d.png`
    check_outputs(paths, [arguments.source, *pictures], [model])
    # Never closed: after a signal, a thread may still be reading it.
    source = aside(lambda: open_video(arguments.source))
    from rembg_skin.video.writer import chosen, convert  # PyAV is there

    video = chosen(target, arguments.kind) if target else None
    table = _table(arguments, model, source.upright_size) if csv else None
    masked = masking(model.name, model.extras, steady=arguments.steady)
    frames = tqdm(total=source.count, unit="frame", disable=None, dynamic_ncols=True)
    with frames, signals_heard(noted=True) as stop:
        done, sounds = convert(source, masked, video, table, stop.is_set, frames.update)
    first, written = "Stopped: the first " * stop.is_set(), " and ".join(map(printable, paths))
    say(f"{first}{count(done, 'frame', 'frames')} in {written}.")
    missing = _report(source, sounds, video, stopped=stop.is_set())
    return exit_status(stop, done, missing)


def _table(arguments: argparse.Namespace, model: ModelChoice, size: tuple[int, int]) -> "Table":
    from PIL import Image

    import rembg_skin
    from rembg_skin.image.tiles import Box
    from rembg_skin.machine import cores
    from rembg_skin.sessions.parts import face_detector
    from rembg_skin.video.table import Faces, Table

    box = None
    if arguments.roi:
        x, y, width, height = arguments.roi
        right, below = size
        box = Box(x, y, min(x + width, right), min(y + height, below))
        if x >= box.right or y >= box.bottom:
            raise VideoError(f"--roi {x} {y} {width} {height} holds no pixel of the frames of {right} x {below}.")
    settings = ""
    # Which face is which is known only from the start on. Addresses may be too long for Path.
    if os.path.isfile(arguments.source) and not arguments.faces:  # noqa: PTH113
        state = os.stat(arguments.source)  # noqa: PTH116
        film = os.path.realpath(arguments.source), state.st_size, state.st_mtime_ns
        how = model.name, model.extras, arguments.steady, arguments.roi
        settings = json.dumps([rembg_skin.__version__, *film, *how], sort_keys=True)
    faces = None
    if arguments.faces:
        detector = face_detector(cores())
        faces = Faces(arguments.faces, lambda rgb: detector.faces(Image.fromarray(rgb), _CONFIDENCE))
    return Table(arguments.csv, box, faces, settings)


def _report(source: "Reader", sounds: "Collection[Sound]", video: "Video | None", *, stopped: bool) -> int:
    """Say what changed and what is missing; return how many lines are about the latter."""
    from rembg_skin.commands.console import count, say

    if source.hdr:
        say("The HDR colors were mapped to those of BT.709.")
    if source.bits > _EIGHT and video and video.kind != "mask":
        say(f"The original's colors have {source.bits} bits, the new ones 8.")
    missing = []
    if source.damaged:
        missing.append(f"{count(source.damaged, 'damaged frame', 'damaged frames')} skipped.")
    if source.lacking and not stopped:
        missing.append(f"The file ends early: its last {source.lacking:.1f} seconds are missing.")
    suffix = video.path.suffix if video else ""
    for number, sound in enumerate(sounds, 1):
        name = "Sound" if len(sounds) == 1 else f"Sound {number}"
        if sound.fate == "encoded":
            say(f"{name}: encoded again, as {suffix} files cannot hold the original's.")
        if sound.fate == "lost":
            missing.append(f"{name}: missing; it can neither be copied to a {suffix} file nor decoded.")
        if sound.damaged:
            missing.append(f"{name}: {count(sound.damaged, 'damaged packet', 'damaged packets')} left out.")
    for line in missing:
        say(line)
    return len(missing)
