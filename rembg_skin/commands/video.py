"""``rembg-skin video``: masks, cutouts or overlays of a video, and its skin's colour over time."""

import argparse
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rembg_skin.commands.arguments import extras, model_choice
from rembg_skin.errors import VideoError

if TYPE_CHECKING:
    from rembg_skin.video.convert import Report

_DEFAULTS = (
    "OUT's suffix says what is written: .webm (VP9) and .mov (ProRes 4444) a cutout with an alpha channel, "
    ".mp4, .m4v and .mkv (H.264) the mask as a grey video. A .mkv file can hold a cutout, too (VP9). "
    "Frame times, rotation and sound stay as they are."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = _DEFAULTS
    parser.add_argument("source", metavar="IN", help="the video: a file, an address, or - for standard input")
    parser.add_argument("target", metavar="OUT", type=Path, nargs="?", help="the new video; not needed with --csv")
    parser.add_argument(
        "-m",
        "--model",
        type=model_choice,
        default="tiny_skin",
        metavar="NAME",
        help="any model that rembg knows (default: tiny_skin)",
    )
    parser.add_argument("-x", "--extras", type=extras, default={}, metavar="JSON", help="the model's extras")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--mask", dest="kind", action="store_const", const="mask", help="write the mask, white for skin")
    kinds.add_argument("--cutout", dest="kind", action="store_const", const="cutout", help="write the skin alone")
    kinds.add_argument(
        "--overlay", dest="kind", action="store_const", const="overlay", help="write the skin in green over grey"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write for each frame its time, share of skin and the skin's mean RGB"
    )
    parser.add_argument(
        "--steady",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="steady the masks over time (default); --no-steady takes each frame for itself",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write what was asked for; return the exit status.

    3 if frames were damaged, the file ends early or sound was lost, 130 after Ctrl-C, which keeps what is finished.
    """
    # Before numpy: its threads for linear algebra would only get in the way.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    from tqdm import tqdm

    from rembg_skin.commands.console import INCOMPLETE, INTERRUPTED
    from rembg_skin.video.convert import Job, Video, convert
    from rembg_skin.video.formats import chosen
    from rembg_skin.video.predict import masking
    from rembg_skin.video.reader import Reader

    target, table = arguments.target, arguments.csv
    _check_paths(arguments.source, [path for path in (target, table) if path])
    video = Video(target, *chosen(target, arguments.kind)) if target else None
    with Reader(arguments.source) as source:
        work, at_once = masking(arguments.model.name, {**arguments.model.extras, **arguments.extras})
        with tqdm(total=source.facts.frames, unit="frame", disable=None, dynamic_ncols=True) as bar, _ctrl_c() as stop:
            job = Job(source, work, at_once, arguments.steady, stop.is_set, bar.update)
            report = convert(job, video, table)
    _say(report, target, table)
    if report.stopped:
        return INTERRUPTED
    return INCOMPLETE if report.damaged or report.lacking or "lost" in report.sounds else 0


def _check_paths(source: str, targets: list[Path]) -> None:
    """Raise VideoError if there is nothing to write, or a file would be written over another one."""
    if not targets:
        raise VideoError("Nothing to write: name OUT, or --csv FILE.")
    for path in targets:
        if path.is_dir():
            raise VideoError(f"{path} is a folder; name a file.")
        if path.exists() and Path(source).exists() and path.samefile(source):
            raise VideoError(f"{path} is the video that is read; name another file.")
    if len({path.resolve() for path in targets}) < len(targets):
        raise VideoError(f"{targets[0]} cannot be both the video and the CSV file.")


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """Let Ctrl-C set an event, so that the file can be brought to an end; pressed again, it ends the program."""
    pressed = threading.Event()

    def press(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            signal.default_int_handler(number, frame)
        pressed.set()

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _say(report: "Report", target: Path | None, table: Path | None) -> None:
    frames = f"{report.frames} frames"
    if report.stopped:
        frames = f"Stopped: the first {frames}"
    written = " and ".join(str(path) for path in (target, table) if path)
    print(f"{frames} in {written}.")
    if report.damaged:
        print(f"{report.damaged} damaged frames were skipped.")
    if report.lacking:
        print(f"The file ends early: its last {report.lacking:.1f} seconds are missing.")
    if "encoded" in report.sounds:
        print(f"The sound was encoded anew, as {target.suffix if target else ''} files cannot hold the original's.")
    if "lost" in report.sounds:
        print("The sound is missing: there is no encoder that this format takes.")
