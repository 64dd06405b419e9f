"""`rembg-skin masks` against `rembg p -om`, on folders of 1-megapixel photographs, in one run; and its memory.

Both commands start anew for each run and take turns; what counts is the whole command, its start included. Required,
or the run fails: 1.7 times the throughput with each model, and no more memory for 1,000 images than for 100.

Photographs are those of ../shared/data, or docs/portrait.jpg; pan_skin takes part if ../shared/weights has it. Run it
with `python -m benchmarks.folder [photographs] [rounds]`.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from benchmarks.timing import machine, photographs, place_weights

SIZE = (1155, 866)
REQUIRED = 1.7
BIN = Path(sys.executable).parent


def main() -> int:
    """Print a line a model, and one for memory; 1 where a requirement is not met."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    print(machine("rembg", "numpy", "pillow", "onnxruntime"), f"{len(os.sched_getaffinity(0))} cores", flush=True)
    failed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "photos", count, SIZE)
        models = ["ycbcr_hsv_skin", *place_weights(folder / "home", "pan_skin")]
        for model in models:
            ratio = compare(folder, model, count, rounds)
            if ratio < REQUIRED:
                failed.append(f"{model}: {ratio:.2f} times the throughput")
        fill(folder / "100", 100, (160, 120))
        fill(folder / "1000", 1000, (160, 120))
        held = [peak(folder, images, models[-1]) for images in ("100", "1000")]
        print(f"sum of all processes' peaks of memory: {held[0]:.0f} MB for 100 images, {held[1]:.0f} MB for 1,000")
        if held[1] > 1.05 * held[0]:
            failed.append("memory grows with the number of images")
    print("\n".join(f"FAILED: {line}" for line in failed) or "all requirements met")
    return int(bool(failed))


def fill(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Fill `folder` with photographs of ../shared/data, or docs/portrait.jpg, brought to `size`."""
    folder.mkdir()
    for number, source in enumerate(islice(cycle(photographs()), count)):
        with Image.open(source) as image:
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(folder / f"{number:04}.jpg", quality=90)


def commands(model: str) -> dict[str, list[str]]:
    """Return both sides' commands, less their folders."""
    return {
        "rembg p -om": [str(BIN / "rembg"), "p", "-om", "-m", model],
        "rembg-skin masks": [str(BIN / "rembg-skin"), "masks", "-m", model],
        "rembg-skin masks -j 1": [str(BIN / "rembg-skin"), "masks", "-j", "1", "-m", model],
    }


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a command."""
    return {**os.environ, "U2NET_HOME": str(folder / "home"), "ORT_DISABLE_TELEMETRY": "1", "REMBG_SKIN_OFFLINE": "1"}


def compare(folder: Path, model: str, count: int, rounds: int) -> float:
    """Time the commands in turn; print and return how many times rembg's throughput ours has."""
    seconds: dict[str, list[float]] = {side: [] for side in commands(model)}
    for _ in range(rounds):
        for side, command in commands(model).items():
            shutil.rmtree(folder / "masks", ignore_errors=True)
            start = time.perf_counter()
            subprocess.run(
                [*command, "photos", "masks"], cwd=folder, env=environment(folder), check=True, capture_output=True
            )
            seconds[side].append(time.perf_counter() - start)
            assert len(list((folder / "masks").glob("*.png"))) == count
    medians = {side: statistics.median(values) for side, values in seconds.items()}
    ratio = medians["rembg p -om"] / medians["rembg-skin masks"]
    each = ", ".join(f"{side} {value:.1f} s ({count / value:.1f} a second)" for side, value in medians.items())
    print(f"{model}, {count} photographs: {each}; {ratio:.2f} times the throughput", flush=True)
    return ratio


def peak(folder: Path, images: str, model: str) -> float:
    """Return the sum of all processes' peaks of resident memory in MB (10**6 bytes) in a run of ours."""
    command = [*commands(model)["rembg-skin masks"], images, f"masks of {images}"]
    return sum(peaks(subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL)))


def peaks(process: "subprocess.Popen[bytes]") -> list[float]:
    """Wait for a process; return the peak of resident memory in MB (10**6 bytes) of it and of all that it started."""
    highest: dict[int, float] = {}
    while process.poll() is None:
        highest.update({each: resident_peak(each) or highest.get(each, 0.0) for each in tree(process.pid)})
        time.sleep(0.1)
    assert process.returncode == 0
    return list(highest.values())


def tree(process: int) -> list[int]:
    """Return a process and all that it started."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(each for child in children for each in tree(int(child)))]


def resident_peak(process: int) -> float:
    """Return the kernel's record of a process's highest resident memory in MB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
