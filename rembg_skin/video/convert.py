"""From a video to its masks in a file: read, mask, steady, write, frame by frame."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rembg_skin.files import write_atomically
from rembg_skin.image.arrays import Mask
from rembg_skin.video.color import Table
from rembg_skin.video.formats import Format, Kind
from rembg_skin.video.predict import Masking
from rembg_skin.video.reader import Frame, Reader
from rembg_skin.video.sound import Fate
from rembg_skin.video.steady import masked
from rembg_skin.video.writer import Writer

if TYPE_CHECKING:
    from av import Packet

# Some files only estimate their length: what lacks has to be more than this many seconds, and this share of it.
_SOON, _SHARE = 1.0, 0.05

Sink = Callable[[Frame, Mask], object]


@dataclass(frozen=True)
class Job:
    """What is read, and how.

    Attributes
    ----------
    source
        The open video.
    work, at_once
        What masks a frame, and how many frames it works on at once.
    steady
        Whether masks are steadied over time.
    stopped
        Asked after every frame: whether to end here.
    tick
        Called after every frame.

    """

    source: Reader
    work: Masking
    at_once: int
    steady: bool
    stopped: Callable[[], bool]
    tick: Callable[[], object]


@dataclass(frozen=True)
class Video:
    """A video to be written: where, and what."""

    path: Path
    form: Format
    kind: Kind


@dataclass
class Report:
    """What was done.

    Attributes
    ----------
    frames, damaged
        How many were written, and how many skipped.
    lacking
        Seconds that the file should have after its last packet; 0 for fewer than one.
    sounds
        What became of each stream of sound.
    stopped
        Whether the job was stopped before the end.

    """

    frames: int = 0
    damaged: int = 0
    lacking: float = 0.0
    sounds: Sequence[Fate] = field(default=())
    stopped: bool = False


def convert(job: Job, video: Video | None, table: Path | None) -> Report:
    """Write a video, a CSV file, or both; each is whole, or up to where the job was stopped, or not there.

    Raises
    ------
    SkinError
        If something cannot be written, or the model fails.
    """
    report = Report()

    def write_video(draft: Path, wanted: Video) -> None:
        with closing(Writer(draft, wanted.form, wanted.kind, job.source)) as writer:
            report.sounds = writer.fates
            write_table([writer.write], writer.sound)
            writer.finish()

    def write_table(sinks: list[Sink], on_sound: "Callable[[Packet[Any]], object] | None") -> None:
        if table is None:
            _run(job, sinks, on_sound, report)
            return

        def fill(draft: Path) -> None:
            with draft.open("w", newline="", encoding="utf-8") as file:
                rows = Table(file)
                _run(job, [*sinks, lambda frame, mask: rows.add(frame.time, frame.rgb, mask)], on_sound, report)

        write_atomically(table, fill)

    if video is None:
        write_table([], None)
    else:
        write_atomically(video.path, lambda draft: write_video(draft, video))
    return report


def _run(job: Job, sinks: list[Sink], on_sound: "Callable[[Packet[Any]], object] | None", report: Report) -> None:
    frames = job.source.frames(on_sound)
    with closing(masked(frames, job.work, job.at_once, steady=job.steady)) as pairs:
        for frame, mask in pairs:
            for sink in sinks:
                sink(frame, mask)
            report.frames += 1
            job.tick()
            if job.stopped():
                report.stopped = True
                break
    report.damaged = job.source.damaged
    lacking = job.source.length - job.source.reached
    if lacking > max(_SOON, _SHARE * job.source.length) and not report.stopped:
        report.lacking = lacking
