"""``rembg-skin masks``: the masks of a folder of photographs."""

import argparse
import csv
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import rembg_skin
from rembg_skin.batch import SkinMasker, record
from rembg_skin.batch.coco import coco, library
from rembg_skin.batch.folder import WHOLE, Share, Survey, check_folders, every, mask_all, missing, survey
from rembg_skin.batch.record import Record
from rembg_skin.catalog import MODELS, SKIN, resolved
from rembg_skin.commands.arguments import ModelChoice, add_model, positive
from rembg_skin.commands.console import count, exit_status, progress, say, stoppable
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.errors import SkinError, csv_cell, listed, printable
from rembg_skin.files import write_atomically
from rembg_skin.machine import cores, processes

# Billions of multiply-adds from which a network keeps all cores busy alone, U2-NetP at 1024 and U2-Net among them.
_LARGE = 150
# Memory of a process in bytes: Python, its libraries and a photograph of 12 megapixels; and for a billion multiply-adds
# of its network (pan_skin, 0.7 at 512: 0.31 GB in all; U2-NetP, 51 at 512: 0.6 GB).
_PROCESS, _BILLION = 400_000_000, 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("source", type=Path, metavar="SRC", help="the folder of photographs, with its subfolders")
    add("target", type=Path, metavar="DST", help="the folder for the masks: SRC/a/b.jpg gives a/b.png")
    add_model(parser, "that of the masks in DST, or `skin`")
    parser.set_defaults(model=None, extras=None)
    text = "processes (default: one a core, less if memory or photographs are few; 1 for large networks)"
    add("-j", "--jobs", type=positive, metavar="N", help=text)
    text = "of N machines this is number K: do its share of the photographs"
    add("--shard", type=_shard, default=WHOLE, metavar="K/N", help=text)
    add("--overwrite", action="store_true", help="make all masks again, also with other settings")
    add("--labels", action="store_true", help="write 0 and 1, for training: 1 where a mask is above 127")
    text = "write all masks of DST as COCO annotations, run-length encoded"
    add("--coco", type=Path, metavar="FILE", help=text)
    add("--errors", type=Path, metavar="FILE", help="write the failed photographs and the reasons as CSV")


def _shard(text: str) -> Share:
    number, slash, of = text.partition("/")
    if not slash or not 1 <= positive(number) <= positive(of):
        raise argparse.ArgumentTypeError(f"{printable(text)} is not K/N with K from 1 to N, such as 3/10")
    return Share(int(number), int(of))


def run(arguments: argparse.Namespace) -> int:
    """Write the masks that are missing or outdated; return the exit status."""
    source, target, share = arguments.source, arguments.target, arguments.shard
    check_folders(source, target)
    found = None if arguments.overwrite else record.read(target)
    model, chosen = _settings(arguments, found)
    labels = arguments.labels or (found is not None and found.labels)
    outputs = list(filter(None, (arguments.errors, arguments.coco)))
    check_outputs(outputs, [source, target], [ModelChoice(model, chosen)])
    if arguments.coco:
        library()
    masker = SkinMasker(model, extras=chosen)
    if found is not None:
        record.check(target, found, Record(model, chosen, {}, "", labels=labels))
    elif arguments.overwrite:
        masker.session()  # a bad extra is an error before the old record is gone
        record.begin_anew(target, Record.of(model, chosen, labels=labels))
    epoch = record.epoch(target)
    surveyed = survey(source, target, epoch=epoch, share=share)
    _say_beforehand(surveyed, target, found, arguments.overwrite)

    jobs = arguments.jobs or _default_jobs(model, chosen, surveyed.todo)
    masker = SkinMasker(model, extras=chosen, threads=max(1, cores() // jobs), masks="labels" if labels else "png")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # rembg loads linear algebra, which would take a thread a core
    written = elsewhere = 0
    failures: list[tuple[Path, str]] = [*surveyed.unreadable]
    tasks = missing(source, target, epoch=epoch, share=share) if surveyed.todo else iter(())
    try:
        with stoppable() as stop, closing(mask_all(tasks, masker, target, jobs)) as results:
            for task, outcome in progress(results, surveyed.done + surveyed.todo, "masks", surveyed.done):
                if outcome.error:
                    failures.append((task.source, outcome.error))
                    say(f"rembg-skin: {printable(task.source)}: {outcome.error}")
                written += not outcome.error and not outcome.elsewhere
                elsewhere += outcome.elsewhere
    except SkinError as error:  # such as a full disk
        if not written:
            raise
        failures.append((target, str(error)))
        say(f"rembg-skin: {error}")
    finally:
        if arguments.errors:
            write_atomically(arguments.errors, lambda draft: _write_failures(draft, failures))
    if arguments.coco and not stop.is_set():
        text = json.dumps(coco(every(source, target, share=share), source, labels=labels))
        write_atomically(arguments.coco, lambda draft: draft.write_text(text, "utf-8"))
    print(_summary(surveyed, written, len(failures) - len(surveyed.unreadable), elsewhere, share))
    return exit_status(stop, written + elsewhere + surveyed.done, len(failures))


def _settings(arguments: argparse.Namespace, found: Record | None) -> tuple[str, Mapping[str, object]]:
    """Return model and extras: those that are given; otherwise, those of the masks that are there; otherwise `skin`."""
    given = arguments.model
    chosen = {**(given.extras if given else {}), **(arguments.extras or {})}
    if found is not None and given is None:
        return found.model, found.extras if arguments.extras is None else chosen
    return resolved(given.name if given else SKIN), chosen


def _say_beforehand(surveyed: Survey, target: Path, found: Record | None, overwrite: bool) -> None:  # noqa: FBT001
    """Name the files left out, and the masks that are kept though other settings may have made them."""
    if surveyed.odd:
        what = count(len(surveyed.odd), "file or folder", "files and folders")
        say(f"{what} of a system or of `cut` left out: {listed(surveyed.odd)}")
    for folder, reason in surveyed.unreadable:
        say(f"rembg-skin: {printable(folder)} cannot be read: {reason}")
    if found is None and surveyed.done and not overwrite:
        say(f"{printable(target)} does not say what made its masks; they are kept. --overwrite makes them again.")
    if found is not None and found.version != rembg_skin.__version__:
        say(f"The masks in {printable(target)} were begun with rembg-skin {printable(found.version)}.")


def _default_jobs(name: str, chosen: Mapping[str, object], todo: int) -> int:
    size = chosen.get("size")
    billions, model = 0.0, MODELS.get(name)
    while model is not None:
        if model.cost and model.network:
            side = size if isinstance(size, int) else model.network.size
            billions += model.cost.gflops * (side / model.cost.side) ** 2
        model = MODELS[model.base] if model.base else None
    return 1 if billions >= _LARGE else processes(todo, _PROCESS + int(_BILLION * billions))


def _write_failures(path: Path, failures: Sequence[tuple[Path, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["photo", "error"])
        writer.writerows([csv_cell(photo), csv_cell(error)] for photo, error in failures)


def _summary(surveyed: Survey, written: int, failed: int, elsewhere: int, share: Share) -> str:
    links = count(surveyed.links, "link to a folder not followed", "links to folders not followed")
    parts = {
        count(written, "mask written", "masks written"): True,
        count(failed, "image failed", "images failed"): failed,
        f"{surveyed.done} already there": surveyed.done,
        f"{surveyed.outdated} of the masks were outdated": surveyed.outdated,
        f"{elsewhere} in work by another run": elsewhere,
        count(surveyed.others, "other file ignored", "other files ignored"): surveyed.others,
        links: surveyed.links,
        count(len(surveyed.unreadable), "folder unreadable", "folders unreadable"): surveyed.unreadable,
        f"share {share.number} of {share.of}": share.of > 1,
    }
    return ", ".join(part for part, present in parts.items() if present)
