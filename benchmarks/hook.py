"""What the hook costs each start of Python, and the plugin each start of `rembg`. Run: `python -m benchmarks.hook`."""

import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import machine, medians

STARTS = 20


def hook_microseconds() -> float:
    """Return the median cost of the hook's import at an empty start of Python."""
    cumulative = []
    for _ in range(STARTS):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", "pass"], capture_output=True, text=True, check=True
        )
        match = re.search(r"\|\s+(\d+) \|\s+rembg_skin_hook", done.stderr)
        if match is None:
            sys.exit("the hook is not installed in this environment")
        cumulative.append(int(match[1]))
    return statistics.median(cumulative)


def help_of_rembg(**environment: str) -> float:
    """Run `rembg i --help`; return the processor seconds that it took."""
    rembg = Path(sys.executable).with_name("rembg")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([rembg, "i", "--help"], env={**os.environ, **environment}, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print both costs."""
    print(machine("rembg", "rembg-skin"))
    print(f"hook at the start of Python: {hook_microseconds() / 1e3:.2f} ms, median of {STARTS} (allowed 0.5)")
    processor: dict[str, list[float]] = {"with": [], "without": []}
    seconds = medians(
        {
            "with": lambda: processor["with"].append(help_of_rembg()),
            "without": lambda: processor["without"].append(help_of_rembg(REMBG_SKIN_DISABLE="1")),
        },
        STARTS // 2,
    )
    work = {side: statistics.median(values) for side, values in processor.items()}
    for kind, times in (("wall time", seconds), ("processor time", work)):
        added = (times["with"] - times["without"]) * 1e3
        print(
            f"rembg i --help, {kind}: {times['with'] * 1e3:.0f} ms with the plugin,"
            f" {times['without'] * 1e3:.0f} without: {added:.0f} ms"
        )
    print("allowed: 50 ms of wall time, 25 ms of processor time")


if __name__ == "__main__":
    main()
