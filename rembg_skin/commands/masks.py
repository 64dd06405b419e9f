"""``rembg-skin masks``."""

import argparse
import json
import os
import sys
from contextlib import closing
from pathlib import Path

from rembg_skin.batch import SkinMasker
from rembg_skin.catalog import MODELS

# A network of this input size keeps all cores busy alone, and several at once would need several times its memory.
_LARGE = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("source", type=Path, metavar="SRC", help="the folder of photographs, with its subfolders")
    parser.add_argument("target", type=Path, metavar="DST", help="the folder for the masks: SRC/a/b.jpg gives a/b.png")
    parser.add_argument("-m", "--model", required=True, metavar="NAME", help="a model, as `rembg-skin models` lists it")
    parser.add_argument("-x", "--extras", type=_extras, default={}, metavar="JSON", help="the model's extras")
    parser.add_argument(
        "-j", "--jobs", type=_jobs, metavar="N", help="processes (default: one a core; 1 for networks of 1024 pixels)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the masks that are missing; 1 where an image could not be masked, each of them a line on stderr."""
    from tqdm import tqdm

    from rembg_skin.batch.folder import mask_all, missing, survey

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = arguments.jobs or _default_jobs(arguments.model, cores)
    masker = SkinMasker(arguments.model, extras=arguments.extras, threads=max(1, cores // jobs))
    found = survey(arguments.source, arguments.target)
    # rembg loads linear algebra and a compiler for its alpha matting, which no mask needs: they would cost each process
    # a thread a core and a third of its start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    written = failed = 0
    with (
        tqdm(total=found.done + found.todo, initial=found.done, unit="image", disable=None, dynamic_ncols=True) as bar,
        closing(mask_all(missing(arguments.source, arguments.target), masker, jobs)) as results,
    ):
        for task, error in results:
            if error:
                failed += 1
                tqdm.write(f"rembg-skin: {task.source}: {error}", file=sys.stderr)
            else:
                written += 1
            bar.update()
    print(
        f"{written} masks written, {failed} images failed, {found.done} masks were there, "
        f"{found.others} files are no images, {found.links} links to folders were not followed"
    )
    return int(failed > 0)


def _default_jobs(name: str, cores: int) -> int:
    model = MODELS.get(name)
    sizes = []
    while model is not None:
        sizes.append(model.network.size if model.network else 0)
        model = MODELS[model.base] if model.base else None
    return 1 if max(sizes, default=0) >= _LARGE else cores


def _extras(text: str) -> dict[str, object]:
    try:
        extras = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(extras, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    return extras


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of processes")
    return int(text)
