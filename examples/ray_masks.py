"""Write masks for a folder or bucket of photographs on a Ray cluster; run again, it resumes.

    python examples/ray_masks.py s3://bucket/photos s3://bucket/masks -m pan_skin -x '{"size": 512}'

Needs `pip install "rembg-skin[cpu,ray]"` on every machine, and a storage that all of them see.
"""

import argparse
import json
import sys
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Any

import ray
from pyarrow import fs

from rembg_skin.batch import SkinMasker, mask_names

BATCH = 16  # images: what a machine that is lost loses at most for each of its workers


class MaskWriter:
    """Reads images, writes their masks, and returns what went wrong; built once in each of Ray's workers."""

    def __init__(self, masker: SkinMasker, source: str, target: str) -> None:
        self._masker = masker
        self._photos, _ = filesystem(source)
        self._masks, _ = filesystem(target)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the batch's column ``source``, and ``error``, which is empty if the mask was written."""
        masked = self._masker({"bytes": [self._read(path) for path in batch["source"]]})
        for target, mask, error in zip(batch["target"], masked["mask"], masked["error"], strict=True):
            if not error:
                self._write(target, mask)
        return {"source": batch["source"], "error": masked["error"]}

    def _read(self, path: str) -> bytes | None:
        try:
            with self._photos.open_input_file(path) as file:
                return bytes(file.read())
        except OSError:  # gone, or not to be read: a row with an error, as for any bad image
            return None

    def _write(self, target: str, mask: bytes) -> None:
        # A bucket shows a file when it is whole; a folder would show half of one.
        local = isinstance(self._masks, fs.LocalFileSystem)
        draft = str(PurePosixPath(target).with_name(f".{token_hex(8)}.part")) if local else target
        self._masks.create_dir(str(PurePosixPath(target).parent))
        with self._masks.open_output_stream(draft) as file:
            file.write(mask)
        if local:
            self._masks.move(draft, target)


def filesystem(place: str) -> tuple[Any, str]:
    """Return the file system of a folder or of a bucket's URI, and the path in it."""
    return fs.FileSystem.from_uri(place if "://" in place else str(Path(place).resolve()))  # type: ignore[no-any-return]


def files_in(place: str) -> set[str]:
    """Return the paths of all files of a folder or bucket, relative to it."""
    files, root = filesystem(place)
    found = files.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    return {str(PurePosixPath(info.path).relative_to(root)) for info in found if info.type == fs.FileType.File}


def missing(source: str, target: str) -> list[dict[str, str]]:
    """Return the images without a mask: paths of both."""
    done = files_in(target)
    (_, photos), (_, masks) = filesystem(source), filesystem(target)
    names = mask_names(sorted(files_in(source)))
    return [
        {"source": f"{photos}/{photo}", "target": f"{masks}/{mask}"}
        for photo, mask in names.items()
        if mask not in done
    ]


def main() -> int:
    """Write the missing masks; 1 if none could be written, 3 if a part, each failure a line on stderr."""
    parser = argparse.ArgumentParser(description="Masks for a folder or bucket of photographs, on a Ray cluster.")
    parser.add_argument("source", help="folder or URI of the photographs, such as s3://bucket/photos")
    parser.add_argument("target", help="folder or URI for the masks, outside of the other")
    parser.add_argument("-m", "--model", required=True, help="a model, as `rembg-skin models` lists it")
    parser.add_argument("-x", "--extras", type=json.loads, default={}, metavar="JSON", help="the model's extras")
    parser.add_argument("-w", "--workers", type=int, help="processes in all (default: one a core of the cluster)")
    arguments = parser.parse_args()

    images = missing(arguments.source, arguments.target)
    if not images:
        print("every image has its mask")
        return 0
    ray.init(ignore_reinit_error=True)
    masker = SkinMasker(arguments.model, extras=arguments.extras, threads=1)
    results = ray.data.from_items(images).map_batches(
        MaskWriter,
        fn_constructor_args=(masker, arguments.source, arguments.target),
        batch_size=BATCH,
        concurrency=(1, arguments.workers or int(ray.cluster_resources()["CPU"])),  # the reading tasks need some, too
        num_cpus=1,
    )
    failed = 0
    for row in results.iter_rows():
        if row["error"]:
            failed += 1
            print(f"{row['source']}: {row['error']}", file=sys.stderr)
    print(f"{len(images) - failed} masks written, {failed} images failed")
    return 0 if not failed else 3 if failed < len(images) or files_in(arguments.target) else 1


if __name__ == "__main__":
    sys.exit(main())
