"""What the check of a receipt costs at the start of a session, in a warm process and in a fresh one.

Run it with `python -m benchmarks.receipt`.
"""

import os
import subprocess
import sys
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.timing import machine, medians
from rembg_skin.catalog import FileSource, Model
from rembg_skin.weights import fetch

SIZE = 176_000_000
ROUNDS = 200
STARTS = 7
ALLOWED = 5.0  # milliseconds

# The first check of a process, with what it has to import beyond what rembg has imported by then.
FRESH = """
import sys, time
import rembg.sessions
import rembg_skin.catalog as c
from pathlib import Path
model = c.Model("u2net_skin", "", "", sources=(c.FileSource("https://none.invalid/x", sys.argv[2], "", "a/b/c/d"),))
start = time.perf_counter()
from rembg_skin.weights import fetch
fetch(model, [Path(sys.argv[1])])
print((time.perf_counter() - start) * 1e3)
"""


def main() -> None:
    """Print the check's time with and without a receipt."""
    os.environ["REMBG_SKIN_OFFLINE"] = "1"
    with TemporaryDirectory() as name:
        file = Path(name, "u2net_skin.onnx")
        file.write_bytes(os.urandom(SIZE))
        digest = sha256(file.read_bytes()).hexdigest()
        model = Model("u2net_skin", "", "", sources=(FileSource("https://none.invalid/x", digest, "", "a/b/c/d"),))
        fetch(model, [file.parent])
        check = partial(fetch, model, [file.parent])
        warm = medians({"receipt": check}, ROUNDS)["receipt"] * 1e3

        def hashed() -> None:
            os.utime(file)
            check()

        whole = medians({"hash": hashed}, 5)["hash"] * 1e3
        fresh = [
            float(subprocess.run([sys.executable, "-c", FRESH, name, digest], capture_output=True, check=True).stdout)
            for _ in range(STARTS)
        ]
    print(machine("rembg-skin"))
    print(f"receipt of a {SIZE / 1e6:.0f} MB file: {warm:.3f} ms warm, median of {ROUNDS} (allowed {ALLOWED:.0f});")
    print(f"{median(fresh):.2f} ms the first time in a process, median of {STARTS};")
    print(f"{whole:.0f} ms where the file has to be hashed, median of 5")


if __name__ == "__main__":
    main()
