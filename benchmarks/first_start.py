"""The first import of rembg on a machine, which compiles, against one with the compiled code, as containers start.

The second is given a copy of the code, as `examples/docker/Dockerfile` does; the third a copy that was compiled for
another CPU. Each is a process of its own without a home. Run it with `python -m benchmarks.first_start`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import machine

IMPORT = """
import time
wall, work = time.perf_counter(), time.process_time()
import rembg
print(f"{time.perf_counter() - wall:.1f} s, {time.process_time() - work:.1f} s of processor time")
"""


def imported(cache: Path, cpu: str) -> str:
    """Return what an import costs with the compiled code in `cache`."""
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "NUMBA_DISABLE_JIT")}
    environment |= {"NUMBA_CACHE_DIR": str(cache), "NUMBA_CPU_NAME": cpu}
    done = subprocess.run([sys.executable, "-c", IMPORT], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    """Print a line for each."""
    print(machine("rembg", "numba", "pymatting"))
    with TemporaryDirectory() as folder:
        built, copied, other = (Path(folder) / name for name in ("built", "copied", "other"))
        print(f"first import: {imported(built, 'generic')}")
        for copy in (copied, other):
            shutil.copytree(built, copy)
        print(f"with a copy of the compiled code: {imported(copied, 'generic')}")
        print(f"with a copy for another CPU: {imported(other, 'x86-64-v2')}")


if __name__ == "__main__":
    main()
