"""`rembg-skin augment` with one and with two processes, in turns, on the same pairs.

python -m benchmarks.augment [IMAGES MASKS] [--rounds 3]
"""

import argparse
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.timing import folders_of_pairs


def seconds(images: Path, masks: Path, folder: Path, jobs: int) -> float:
    """Return how long the command takes from start to end."""
    command = [Path(sysconfig.get_path("scripts"), "rembg-skin"), "augment", images, masks, "-o", folder]
    start = perf_counter()
    subprocess.run([*command, "--jobs", str(jobs)], check=True, capture_output=True)
    return perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", help="photographs and masks (default: beside the checkout)")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    made = tempfile.TemporaryDirectory()
    images, masks = arguments.folders or folders_of_pairs(Path(made.name))
    took: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(arguments.rounds):
        for jobs, times in took.items():
            folder = Path(tempfile.mkdtemp()) / "out"
            times.append(seconds(images, masks, folder, jobs))
            files = sum(1 for path in folder.rglob("*.png"))
            shutil.rmtree(folder.parent)
    for jobs, times in took.items():
        print(f"--jobs {jobs}: median {median(times):.2f} s of {[round(time, 2) for time in times]}, {files} files")
    made.cleanup()
    print(f"ratio of the medians: {median(took[1]) / median(took[2]):.2f}")


if __name__ == "__main__":
    main()
