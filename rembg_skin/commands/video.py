"""``rembg-skin video``: masks, cutouts or overlays of a video, and its skin's colour over time."""

import argparse
import os
from pathlib import Path
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

    from rembg_skin.commands.outputs import check_outputs
    from rembg_skin.commands.signals import noted_signals
    from rembg_skin.video.convert import Job, Video, convert
    from rembg_skin.video.formats import chosen
    from rembg_skin.video.predict import masking
    from rembg_skin.video.reader import Reader

    target, table = arguments.target, arguments.csv
    if not (target or table):
        raise VideoError("Nothing to write: name OUT, or --csv FILE.")
    check_outputs([path for path in (target, table) if path], [arguments.source, *arguments.model.files()])
    video = Video(target, *chosen(target, arguments.kind)) if target else None
    with Reader(arguments.source) as source:
        work, at_once = masking(arguments.model.name, {**arguments.model.extras, **arguments.extras})
        with (
            tqdm(total=source.facts.frames, unit="frame", disable=None, dynamic_ncols=True) as bar,
            noted_signals() as stop,
        ):
            job = Job(source, work, at_once, arguments.steady, stop.is_set, bar.update)
            report = convert(job, video, table)
    _say(report, target, table)
    return stop.status or (3 if report.damaged or report.lacking or "lost" in report.sounds else 0)


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
