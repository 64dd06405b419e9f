"""From a video to its masks in files: read, mask, steady, write, frame by frame."""

import csv
import math
from collections.abc import Callable, Collection
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from rembg_skin.files import write_atomically
from rembg_skin.video.formats import Video
from rembg_skin.video.frames import Masking, masked
from rembg_skin.video.reader import Reader
from rembg_skin.video.sound import Sound
from rembg_skin.video.table import Table, resumed, written
from rembg_skin.video.writer import Writer
from rembg_skin.workers import in_background

_WARM = 2.0  # seconds before the first frame that is wanted: averages need some masks


class Job(NamedTuple):
    """An open video, and how its frames are masked: `at_once` of them at the same time."""

    source: Reader
    work: Masking
    at_once: int
    steady: bool
    stopped: Callable[[], bool]  # called several times a second: True to end here
    tick: Callable[[], object]  # called after every frame


class Sheet(NamedTuple):
    """A table to be written; with `settings`, all that it depends on, it goes on where a killed run ended."""

    path: Path
    table: Table
    settings: str = ""


@dataclass
class Report:
    """The frames that are in the outputs, the streams of sound, and if the job was stopped."""

    frames: int = 0
    sounds: Collection[Sound] = ()
    stopped: bool = False


def convert(job: Job, video: Video | None, sheet: Sheet | None) -> Report:
    """Write a video, a table, or both; each is complete, or up to where the job was stopped, or not there.

    Raises SkinError if something cannot be written, or the model fails.
    """
    report = Report()

    def write_video(draft: Path, video: Video, file: IO[str] | None) -> None:
        with closing(Writer(draft, video, job.source)) as writer:
            report.sounds = writer.sounds.values()
            run(writer, file)
            writer.finish([] if report.stopped else job.source.rest)

    def run(writer: Writer | None, file: IO[str] | None) -> None:
        last = -math.inf
        if sheet and file:
            rows = csv.writer(file)
            report.frames, last = resumed(file)
            if not report.frames:
                rows.writerow(sheet.table.columns)
        frames = (frame for frame in job.source.frames() if frame.time > last - _WARM)
        for frame, mask in in_background(masked(frames, job.work, job.at_once, steady=job.steady), job.stopped):
            if frame.time <= last + 1e-6:  # rows have six digits
                continue
            if writer:
                writer.write(frame, mask)
            if sheet:
                rows.writerow(sheet.table.row(frame.time, frame.rgb, mask))
            report.frames += 1
            job.tick()
        report.stopped = job.stopped()

    settings = sheet.settings if sheet and not video else ""
    with written(sheet.path, settings, lambda: report.stopped) if sheet else nullcontext() as file:
        if video:
            write_atomically(video.path, lambda draft: write_video(draft, video, file))
        else:
            run(None, file)
    return report
