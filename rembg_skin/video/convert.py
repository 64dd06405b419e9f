"""From a video to its masks in files: read, mask, steady, write, frame by frame."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from rembg_skin.files import write_atomically
from rembg_skin.video.formats import Format, Kind
from rembg_skin.video.predict import Masking
from rembg_skin.video.reader import Reader
from rembg_skin.video.sound import Sound
from rembg_skin.video.steady import masked
from rembg_skin.video.table import Rows, Table, write_resumable
from rembg_skin.video.writer import Writer
from rembg_skin.workers import in_background

_WARM = 2.0  # seconds before the first frame that is wanted: averages need some masks


@dataclass(frozen=True)
class Job:
    """An open video, and how its frames are masked: `at_once` of them at the same time."""

    source: Reader
    work: Masking
    at_once: int
    steady: bool
    stopped: Callable[[], bool]  # called several times a second: True to end here
    tick: Callable[[], object]  # called after every frame


class Video(NamedTuple):
    """A video to be written."""

    path: Path
    form: Format
    kind: Kind


class Sheet(NamedTuple):
    """A table to be written; with `settings`, all that it depends on, it goes on where a killed run ended."""

    path: Path
    table: Table
    settings: str = ""


@dataclass
class Report:
    """The result: frames written and skipped, seconds that the file lacks at its end, and the streams of sound."""

    frames: int = 0
    damaged: int = 0
    lacking: float = 0.0
    sounds: Collection[Sound] = ()
    stopped: bool = False


def convert(job: Job, video: Video | None, sheet: Sheet | None) -> Report:
    """Write a video, a table, or both; each is complete, or up to where the job was stopped, or not there.

    Raises
    ------
    SkinError
        If something cannot be written, or the model fails.

    """
    report = Report()

    def write_video(draft: Path, wanted: Video) -> None:
        writer = Writer(draft, wanted.path, wanted.form, wanted.kind, job.source)
        report.sounds = writer.sounds.values()
        try:
            write_rows(writer)
            writer.finish([] if report.stopped else job.source.rest)
        finally:
            writer.close()

    def write_rows(writer: Writer | None) -> None:
        if sheet is None:
            _run(job, writer, None, report)
        elif writer is None and sheet.settings:
            write_resumable(sheet.path, sheet.settings, lambda file: fill(writer, sheet.table, file))
        else:
            write_atomically(sheet.path, lambda draft: fill_draft(writer, sheet.table, draft))

    def fill_draft(writer: Writer | None, table: Table, draft: Path) -> None:
        with draft.open("r+", newline="", encoding="utf-8") as file:
            fill(writer, table, file)

    def fill(writer: Writer | None, table: Table, file: IO[str]) -> bool:
        _run(job, writer, Rows(file, table), report)
        return not report.stopped

    if video is None:
        write_rows(None)
    else:
        write_atomically(video.path, lambda draft: write_video(draft, video))
    return report


def _run(job: Job, writer: Writer | None, rows: Rows | None, report: Report) -> None:
    last = rows.last if rows else -math.inf
    frames = (frame for frame in job.source.frames() if frame.time > last - _WARM)
    for frame, mask in in_background(masked(frames, job.work, job.at_once, steady=job.steady), job.stopped):
        if frame.time <= last + 1e-6:  # rows have six digits
            continue
        if writer:
            writer.write(frame, mask)
        if rows:
            rows.add(frame.time, frame.rgb, mask)
        report.frames += 1
        job.tick()
    report.stopped = job.stopped()
    report.frames = rows.count if rows else report.frames
    report.damaged = job.source.damaged
    report.lacking = 0.0 if report.stopped else job.source.lacking
