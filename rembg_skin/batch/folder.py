"""A folder of photographs becomes a folder of masks: all cores busy, nothing done twice, nothing half written."""

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath
from secrets import token_hex

from rembg_skin.batch.masker import SkinMasker, in_words, mask_of, png
from rembg_skin.errors import SkinError

# What counts as an image: names alone decide, so that a million files are listed without opening one.
SUFFIXES = frozenset(
    (
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
        *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
    )
)
# Tasks waiting for each process: enough to keep it busy, few enough to stop soon and to keep memory flat.
_AHEAD = 4
_DIED = "the process that worked on it died: too little memory, or a fault of the image's decoder"


@dataclass(frozen=True)
class Task:
    """One photograph and the mask to be written."""

    source: Path
    target: Path


@dataclass
class Survey:
    """What is in a folder: images without a mask, images with one, files that are no images, links to folders."""

    todo: int = 0
    done: int = 0
    others: int = 0
    links: int = 0


def survey(source: Path, target: Path) -> Survey:
    """Count what is in the folder `source`.

    Raises
    ------
    SkinError
        If it is no folder, cannot be read, or is also the folder for the masks.

    """
    if not source.is_dir():
        raise SkinError(f"{source} is not a folder.")
    if source.resolve() == target.resolve():
        raise SkinError(f"{source} cannot take the masks of its own photographs: name another folder.")
    found = Survey()
    for folder, links, names in _walk(source, target):
        here = list(_tasks(folder, names, target / folder.relative_to(source)))
        missing = sum(not task.target.exists() for task in here)
        found.todo += missing
        found.done += len(here) - missing
        found.others += len(names) - len(here)
        found.links += links
    return found


def missing(source: Path, target: Path) -> Iterator[Task]:
    """Yield the images below `source` that have no mask below `target`, folder by folder."""
    for folder, _, names in _walk(source, target):
        for task in _tasks(folder, names, target / folder.relative_to(source)):
            if not task.target.exists():
                yield task


def _walk(source: Path, target: Path) -> Iterator[tuple[Path, int, list[str]]]:
    """Yield each folder, how many links to folders it holds, which are not followed, and the names of its files."""

    def fail(error: OSError) -> None:
        raise SkinError(f"{error.filename} cannot be read ({error.strerror}).")

    masks = target.resolve()  # may lie inside of `source`
    for path, folders, names in os.walk(source, onerror=fail):
        folder = Path(path)
        links = [name for name in folders if (folder / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in links and (folder / name).resolve() != masks)
        yield folder, len(links), sorted(names)


def _tasks(folder: Path, names: Iterable[str], target: Path) -> Iterator[Task]:
    for name, mask in mask_names(names).items():
        yield Task(folder / name, target / mask)


def mask_names(names: Iterable[str]) -> dict[str, str]:
    """Return the names of the masks of a folder's images: a.jpg's is a.png, or a.jpg.png where a.gif is there too.

    Parameters
    ----------
    names
        The names of all files of the folder; those that are no images are left out.

    """
    images = [path for path in map(PurePath, names) if path.suffix.lower() in SUFFIXES]
    claims = Counter(claim.casefold() for path in images for claim in (path.name, path.stem))
    return {path.name: f"{path.stem if claims[path.stem.casefold()] == 1 else path.name}.png" for path in images}


def mask_all(tasks: Iterable[Task], masker: SkinMasker, jobs: int) -> Generator[tuple[Task, str]]:
    """Write the masks with `jobs` processes; yield each task when it is finished, and in words what went wrong.

    A process that dies costs at most the image that killed it: what was under way is done again, one at a time.

    Raises
    ------
    SkinError
        If no image can be masked, because the session cannot be had, or no mask written.

    """
    waiting = iter(tasks)
    while interrupted := (yield from _until_a_death(waiting, masker, jobs, _AHEAD * jobs)):
        again = iter(interrupted)
        while culprit := (yield from _until_a_death(again, masker, 1, 1)):
            yield culprit[0], _DIED


def _until_a_death(
    tasks: Iterator[Task], masker: SkinMasker, jobs: int, ahead: int
) -> Generator[tuple[Task, str], None, list[Task]]:
    """Yield finished tasks until there are no more, or a process dies; return those that were under way then."""
    under_way: list[Task] = []
    running: dict[Future[str], Task] = {}
    # Not forked: this process has threads.
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)
    try:
        with _without_ctrl_c():
            for _ in range(jobs):  # each starts a process
                pool.submit(os.getpid)
        while True:
            for task in islice(tasks, ahead - len(under_way)):
                under_way.append(task)
                running[pool.submit(write_mask, masker, task)] = task
            if not running:
                return []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                error = future.result()
                task = running.pop(future)
                under_way.remove(task)
                yield task, error
    except BrokenProcessPool:
        return under_way
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C for a moment; processes that are started in it ignore it for good."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin() -> None:
    """Start a worker: Ctrl-C is its parent's business, on Windows too, and it does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def leave() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None  # noqa: S101 - for the type checker
        parent.join()
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


def write_mask(masker: SkinMasker, task: Task) -> str:
    """Write one mask, whole or not at all; return in words what is wrong with the image, or nothing.

    Raises
    ------
    SkinError
        If the session cannot be had, or the mask cannot be written.

    """
    from PIL import Image

    session = masker.session()
    if not task.source.is_file():
        return "not a file"
    try:
        with Image.open(task.source) as image:
            data = png(mask_of(session, image))
    except Exception as error:  # noqa: BLE001 - one bad image is one failure, whatever is wrong with it
        return in_words(error)
    try:
        task.target.parent.mkdir(parents=True, exist_ok=True)
        _write(task.target, data)
    except OSError as error:
        raise SkinError(f"{task.target} cannot be written ({error.strerror}).") from None
    return ""


def _write(target: Path, data: bytes) -> None:
    draft = target.with_name(f".{token_hex(8)}.part")  # several machines may fill one folder
    try:
        draft.write_bytes(data)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
