"""From a video to its masks in files: read, mask, steady, write, frame by frame."""

import csv
import math
from collections.abc import Callable, Collection
from contextlib import ExitStack

from rembg_skin.files import atomic
from rembg_skin.video.frames import Masking
from rembg_skin.video.reader import Reader
from rembg_skin.video.sound import Sound
from rembg_skin.video.table import Table, resumed, written
from rembg_skin.video.writer import Video, Writer
from rembg_skin.workers import in_background

_WARM = 2.0  # seconds before the first frame that is wanted: averages need some masks


def convert(
    source: Reader,
    masking: Masking,
    video: Video | None,
    table: Table | None,
    stopped: Callable[[], bool] = lambda: False,
    tick: Callable[[], object] = lambda: None,
) -> tuple[int, Collection[Sound]]:
    """Write a video, a table, or both; return how many frames they have, and the streams of sound.

    Each is complete, or up to where `stopped`, which is called several times a second, returned True, or not there.
    `tick` is called after every frame. Raises SkinError if something cannot be written, or the model fails.
    """
    count, last = 0, -math.inf
    writer = None
    with ExitStack() as files:
        if table:
            file = files.enter_context(written(table.path, "" if video else table.settings, stopped))
            rows = csv.writer(file)
            count, last = resumed(file)
            if not count:
                rows.writerow(table.columns)
        if video:
            writer = Writer(files.enter_context(atomic(video.path)), video, source)
            files.callback(writer.close)
        frames = (frame for frame in source.frames() if frame.time > last - _WARM)
        for frame, mask in in_background(masking(frames), stopped):
            if frame.time <= last + 1e-6:  # rows have six digits
                continue
            if writer:
                writer.write(frame, mask)
            if table:
                rows.writerow(table.row(frame.time, frame.rgb, mask))
            count += 1
            tick()
        if writer:
            writer.finish([] if stopped() else source.rest)
    return count, writer.sounds.values() if writer else ()
