"""Shared by the benchmarks: two sides timed in turn in one run, a fresh process's peak memory, photographs, weights."""

import platform
import shutil
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PORTRAIT = ROOT / "docs" / "portrait.jpg"


def medians(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each side; the sides take turns, so that a busy machine is busy for all of them."""
    for side in sides.values():
        side()  # tables are made and pages are touched once
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_megabytes(setup: str, action: str) -> float:
    """Return by how many MB (10**6 bytes) `action` raises the memory of a fresh Python at its peak, after `setup`.

    Linux alone: the kernel's peak is set back between the two.
    """
    code = f"""
import re
from pathlib import Path

def memory(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

{textwrap.dedent(setup)}
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
{textwrap.dedent(action)}
print((memory("VmHWM") - before) * 1024 / 1e6)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def machine(*packages: str) -> str:
    """Return one line that names the machine and the versions of `packages`."""
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{platform.machine()} {platform.system()}, Python {platform.python_version()}, {versions}"


def photographs() -> list[Path]:
    """Return the photographs beside the checkout; in a plain clone docs/portrait.jpg alone, which is said."""
    found = sorted(path for path in (SHARED / "data").glob("*/images/*") if path.suffix in {".jpg", ".png"})
    if not found:
        print(f"{SHARED / 'data'} is not here: docs/portrait.jpg is the photograph", file=sys.stderr)
    return found or [PORTRAIT]


def photograph(name: str) -> Path:
    """Return one of the photographs beside the checkout, such as "mixed_web/images/mk014.jpg"; or docs/portrait.jpg."""
    path = SHARED / "data" / name
    if path.is_file():
        return path
    print(f"{path} is not here: docs/portrait.jpg is the photograph", file=sys.stderr)
    return PORTRAIT


def place_weights(home: Path, *names: str) -> list[str]:
    """Copy weights beside the checkout to below `home`; return the models that are there, and print which are not."""
    placed = []
    for name in names:
        path = SHARED / "weights" / f"{name}.onnx"
        if path.is_file():
            (home / "models" / name).mkdir(parents=True)
            shutil.copy(path, home / "models" / name)
            placed.append(name)
        else:
            print(f"{path} is not here: {name} is left out", file=sys.stderr)
    return placed


def folders_of_pairs(folder: Path) -> tuple[Path, Path]:
    """Return folders of photographs and masks: those beside the checkout; in a plain clone, ones made in `folder`.

    They hold docs/portrait.jpg ten times, with the mask that `tiny_skin` makes of it.
    """
    sets = SHARED / "data" / "fasseg_frontal"
    if sets.is_dir():
        return sets / "images", sets / "masks"
    print(f"{sets} is not here: docs/portrait.jpg is the photograph, its mask is tiny_skin's", file=sys.stderr)
    images, masks = folder / "photographs", folder / "their masks"
    images.mkdir()
    for number in range(10):
        (images / f"{number}.jpg").symlink_to(PORTRAIT)
    command = [sys.executable, "-m", "rembg_skin", "masks", str(images), str(masks), "-m", "tiny_skin"]
    subprocess.run(command, check=True, capture_output=True)
    (masks / "masks.json").unlink()
    return images, masks
