"""`rembg-skin masks` in a container that shows more cores than its quota gives: processes, memory and time, in turns.

    python -m benchmarks.cores [visible cores] [photographs]

The container is simulated: the command sees that many cores, and a control group of version 2 with a quota of two. The
other side is the command as it was, with a process for every core that it sees (`-j`).
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from benchmarks.folder import peaks
from benchmarks.timing import PORTRAIT

QUOTA = 2
# The command, on a machine whose /proc and /sys are those of a folder.
PROGRAM = """
import os, sys
from pathlib import Path
from rembg_skin import machine
visible, root = int(sys.argv[1]), Path(sys.argv[2])
os.sched_getaffinity = lambda _process: set(range(visible))
machine.cores.__defaults__ = machine.processes.__defaults__ = (root,)
from rembg_skin.cli import main
if __name__ == "__main__":
    sys.exit(main(sys.argv[3:]))
"""


def container(root: Path) -> None:
    """Fill `root` with the files of a control group that may use two processors, on a machine of 64 GB."""
    for name, text in {
        "proc/meminfo": "MemTotal: 64000000 kB\nMemAvailable: 60000000 kB\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": f"{QUOTA}00000 100000\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def measured(folder: Path, visible: int, *arguments: str) -> tuple[int, float, float]:
    """Return processes, the sum of their peaks of memory in MB, and seconds of a run."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    target = folder / f"masks{time.monotonic_ns()}"
    command = [sys.executable, program, str(visible), folder / "root", "masks", folder / "photos", target]
    start = time.perf_counter()
    memory = peaks(subprocess.Popen([*command, "-m", "ycbcr_hsv_skin", *arguments], stdout=subprocess.DEVNULL))
    assert len(list(target.glob("*.png"))) == len(list((folder / "photos").iterdir()))
    return len(memory), sum(memory), time.perf_counter() - start


def main() -> None:
    """Print a line for each side."""
    visible = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        container(folder / "root")
        (folder / "photos").mkdir()
        with Image.open(PORTRAIT) as image:
            photo = image.convert("RGB").resize((1155, 866))
        for number in range(count):
            photo.save(folder / "photos" / f"{number:04}.jpg", quality=90)
        print(
            f"{visible} cores visible, a quota of {QUOTA}; {count} photographs of a megapixel; one more process leads"
        )
        for side, arguments in {"now": (), "a process for every visible core": ("-j", str(visible))}.items():
            processes, memory, seconds = measured(folder, visible, *arguments)
            print(f"{side}: {processes} processes, {memory:.0f} MB, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
