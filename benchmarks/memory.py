"""Peak memory of `rembg-skin eval` and `stats` on 10 and on 100 images: it should not grow.

    python -m benchmarks.memory [IMAGES MASKS]

Both runs use the same ten pairs, linked under other names, so that only the number of images differs.
"""

import argparse
import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from benchmarks.timing import folders_of_pairs

PAIRS = 10


def linked(images: Path, masks: Path, folder: Path, count: int) -> list[Path]:
    """Fill two folders under `folder` with links to the first ten pairs, over and over, and return them."""
    found = sorted(images.iterdir())[:PAIRS]
    folders = [folder / f"{kind}{count}" for kind in ("images", "masks")]
    for made in folders:
        made.mkdir()
    for number in range(count):
        image = found[number % PAIRS]
        (folders[0] / f"{number:03d}{image.suffix}").symlink_to(image.resolve())
        (folders[1] / f"{number:03d}.png").symlink_to((masks / f"{image.stem}.png").resolve())
    return folders


def peak(command: list[str]) -> float:
    """Run the command and return the most memory that it held, in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", help="photographs and masks (default: beside the checkout)")
    arguments = parser.parse_args()
    program = str(Path(sysconfig.get_path("scripts"), "rembg-skin"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals, truth = arguments.folders or folders_of_pairs(folder)
        for count in (PAIRS, 10 * PAIRS):
            images, masks = map(str, linked(originals, truth, folder, count))
            for command in (["eval", images, masks, "-m", "hsv_skin"], ["stats", images, masks, "-o", f"{folder}/out"]):
                print(f"{command[0]}, {count} images: {peak([program, *command]):.0f} MiB")


if __name__ == "__main__":
    main()
