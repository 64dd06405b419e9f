"""A folder of photographs becomes a folder of masks: nothing done twice, nothing half written, odd files left out."""

import os
import time
import unicodedata
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from rembg_skin.batch import record
from rembg_skin.batch.masker import SkinMasker, in_words
from rembg_skin.batch.record import ALWAYS, Epoch, Record, claimed
from rembg_skin.errors import DataError, SkinError, printable
from rembg_skin.files import is_of_one_path, write_atomically
from rembg_skin.photos import is_litter, is_photo, open_photo, upright
from rembg_skin.session import predict_mask
from rembg_skin.workers import DIED, work_on

_CLOCKS_DIFFER = 60_000_000_000  # nanoseconds: a file system's and this machine's


@dataclass(frozen=True)
class Task:
    """One photograph and the mask to be written, in a folder whose record is of `epoch`."""

    source: Path
    target: Path
    epoch: Epoch = ALWAYS

    def is_done(self) -> bool:
        """Return True if the mask exists and is not outdated."""
        try:
            mask = self.target.stat()
        except OSError:
            return False
        if not S_ISREG(mask.st_mode):
            return False
        if mask.st_mtime_ns < self.epoch.start:
            return not self.epoch.anew
        try:
            # A photograph from the future, of a camera with a wrong clock, would be newer than any mask.
            return not mask.st_mtime_ns < self.source.stat().st_mtime_ns < time.time_ns() + _CLOCKS_DIFFER
        except OSError:  # the mask of a photograph that is gone
            return True


@dataclass(frozen=True)
class Share:
    """The part `number` (from 1) of `of` parts of a folder's photographs, the same on every machine."""

    number: int = 1
    of: int = 1

    def holds(self, name: str) -> bool:
        """Return True if the photo of this name, relative to the folder, belongs to the share."""
        digest = blake2b(os.fsencode(_composed(name)), digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.number - 1


WHOLE = Share()


@dataclass
class Survey:
    """The contents of a folder."""

    todo: int = 0  # images of the share without a mask, or with an outdated one
    done: int = 0
    outdated: int = 0  # of `todo`: their mask is older than the photo, or of other settings
    others: int = 0  # files that are no images
    links: int = 0  # to folders
    odd: list[Path] = field(default_factory=list)  # a system's own files and folders, such as a Mac's ``._photo.jpg``
    unreadable: list[tuple[Path, str]] = field(default_factory=list)  # folders, and why


def check_folders(source: Path, target: Path) -> None:
    """Raise SkinError if `source` is not a readable folder, or is also the folder for the masks."""
    if not os.path.isdir(source):  # noqa: PTH112 - Path's raises for a name that is too long
        raise SkinError(f"{printable(source)} is not a folder.")
    if os.path.realpath(source) == os.path.realpath(target):
        raise SkinError(f"{printable(source)} cannot take the masks of its own photographs: name another folder.")
    try:
        os.scandir(source).close()
    except OSError as error:
        raise SkinError(f"{printable(source)} cannot be read ({error.strerror}).") from None


def survey(source: Path, target: Path, *, epoch: Epoch = ALWAYS, share: Share = WHOLE) -> Survey:
    """Count the files of the folder `source`."""
    found = Survey()
    for task in every(source, target, epoch=epoch, share=share, found=found):
        if task.is_done():
            found.done += 1
        else:
            found.todo += 1
            found.outdated += os.path.isfile(task.target)  # noqa: PTH113 - as above
    return found


def missing(source: Path, target: Path, *, epoch: Epoch = ALWAYS, share: Share = WHOLE) -> Iterator[Task]:
    """Yield the images below `source` that have no mask of now below `target`, folder by folder."""
    return (task for task in every(source, target, epoch=epoch, share=share) if not task.is_done())


def every(
    source: Path, target: Path, *, epoch: Epoch = ALWAYS, share: Share = WHOLE, found: Survey | None = None
) -> Iterator[Task]:
    """Yield all images of the share, whether they have a mask or not, folder by folder; count the rest into `found`."""
    found = found or Survey()

    def leave_out(error: OSError) -> None:
        found.unreadable.append((Path(error.filename), error.strerror or str(error)))

    masks = os.path.realpath(target)  # may lie inside of `source`
    for path, folders, names in os.walk(source, onerror=leave_out):
        folder = Path(path)
        ours = []
        for name in sorted(folders):
            if os.path.islink(folder / name):  # noqa: PTH114 - Path's raises if a folder may not be searched
                found.links += 1
            elif is_litter(name):
                found.odd.append(folder / name)
            elif os.path.realpath(folder / name) != masks:
                ours.append(name)
        folders[:] = ours
        odd = [name for name in names if is_litter(name) and is_photo(name)]
        found.odd.extend(folder / name for name in sorted(odd))
        images = mask_names(sorted(set(names).difference(odd)))
        found.others += len(names) - len(odd) - len(images)
        for image, mask in images.items():
            if share.of == 1 or share.holds((folder / image).relative_to(source).as_posix()):
                yield Task(folder / image, target / folder.relative_to(source) / mask, epoch)


def mask_names(files: Iterable[str]) -> dict[str, str]:
    """Return the masks' files of all images, as `rembg-skin masks` names them.

    That of a.jpg is a.png, or a.jpg.png if a.gif is there too. `files` are all files of a folder, and of the folders in
    it, relative to it and with "/"; those that are no images, and a system's own, are left out.
    """
    images = [file for file in files if is_photo(file) and not any(map(is_litter, file.split("/")))]
    stems = {image: image.rpartition(".")[0] for image in images}
    claims = Counter(_key(claim) for names in stems.items() for claim in names)
    return {image: f"{stem if claims[_key(stem)] == 1 else image}.png" for image, stem in stems.items()}


def _key(file: str) -> tuple[str, str]:
    """Return a file's folder, and its name in the form that is one file on some systems."""
    folder, _, name = file.rpartition("/")
    return folder, _composed(name).casefold()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


class Outcome(NamedTuple):
    """The result for one photo: masked, failed with `error`, or in progress in another run (`elsewhere`)."""

    error: str = ""
    elsewhere: bool = False


def mask_all(
    tasks: Iterable[Task], masker: SkinMasker, target: Path, processes: int
) -> Generator[tuple[Task, Outcome]]:
    """Write the masks into `target`; yield each task when it is finished. Raises SkinError as :func:`write_mask`."""
    for task, outcome in work_on(tasks, partial(write_mask, masker, target), processes):
        yield task, outcome or Outcome(DIED)


_begun: set[tuple[Path, str]] = set()  # records that this process has checked, each with its settings


def write_mask(masker: SkinMasker, target: Path, task: Task) -> Outcome:
    """Write one mask atomically, unless another process works on it or has written it meanwhile.

    The record of the settings is in `target` before the first mask. Raises SkinError if the session is unavailable, no
    mask can be written, or those in `target` have other settings.
    """
    session = masker.session()
    file = target.absolute() / record.NAME  # this process may change its folder
    settings = repr((masker.model, sorted(masker.extras.items()), masker.masks))
    if (file, settings) not in _begun or not file.exists():
        record.begin(target, Record.of(masker.model, masker.extras, labels=masker.masks == "labels"))
        _begun.add((file, settings))
    with claimed(file, task.target.relative_to(target).as_posix()) as ours:
        if not ours or task.is_done():
            return Outcome(elsewhere=True)
        try:
            if not task.source.is_file():
                return Outcome("not a file")
            with open_photo(task.source) as image:
                data = masker.encoded(predict_mask(session, upright(image)))
        except Exception as error:  # noqa: BLE001 - one bad image is one failure, whatever is wrong with it
            return Outcome(in_words(error))
        try:
            write_atomically(task.target, lambda draft: draft.write_bytes(data))
        except DataError as error:
            if not is_of_one_path(error):
                raise
            return Outcome(str(error))
    return Outcome()
