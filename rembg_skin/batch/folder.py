"""A folder of photographs becomes a folder of masks: all cores busy, nothing done twice, nothing half written."""

import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from rembg_skin.batch.masker import SkinMasker, in_words, mask_of, png
from rembg_skin.batch.workers import DIED, work_on
from rembg_skin.errors import SkinError
from rembg_skin.files import write_whole

# What counts as an image: names alone decide, so that a million files are listed without opening one.
SUFFIXES = frozenset(
    (
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
        *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
    )
)


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


def mask_all(tasks: Iterable[Task], masker: SkinMasker, processes: int) -> Generator[tuple[Task, str]]:
    """Write the masks; yield each task when it is finished, and in words what went wrong.

    Raises
    ------
    SkinError
        If no image can be masked, because the session is unavailable, or no mask written.

    """
    for task, error in work_on(tasks, partial(write_mask, masker), processes):
        yield task, DIED if error is None else error


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
    write_whole(task.target, lambda draft: draft.write_bytes(data))
    return ""
