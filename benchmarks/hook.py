"""What the hook costs each start of Python, and the plugin each start of `rembg`. Run: `python -m benchmarks.hook`."""

import os
import re
import statistics
import subprocess
import sys
from functools import partial
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


def help_of_rembg(**environment: str) -> None:
    """Run `rembg i --help`."""
    rembg = Path(sys.executable).with_name("rembg")
    subprocess.run([rembg, "i", "--help"], env={**os.environ, **environment}, capture_output=True, check=True)


def main() -> None:
    """Print both costs."""
    print(machine("rembg", "rembg-skin"))
    print(f"hook at the start of Python: {hook_microseconds() / 1e3:.2f} ms, median of {STARTS} (allowed 0.5)")
    seconds = medians(
        {"with": partial(help_of_rembg), "without": partial(help_of_rembg, REMBG_SKIN_DISABLE="1")}, STARTS // 2
    )
    print(
        f"rembg i --help: {seconds['with'] * 1e3:.0f} ms with the plugin, {seconds['without'] * 1e3:.0f} without:"
        f" {(seconds['with'] - seconds['without']) * 1e3:.0f} ms (allowed 50)"
    )


if __name__ == "__main__":
    main()
