"""What a request to `rembg s` costs: processor time, requests a second and memory, by threads of a network.

For each kind of request, 4 clients send `requests` of them at once; every answer has to be the same bytes as that to a
request alone. Processor time hardly depends on what else the machine does. Linux. Run it with
`python -m benchmarks.load [requests]`.
"""

import io
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import requests
from PIL import Image

from benchmarks.timing import machine, photograph
from tests.support.rembg import serving

CLIENTS = 4
# glibc's own choice keeps what large photographs needed, once for each thread; see docs/server.md.
SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "MALLOC_ARENA_MAX": "2",
    "REMBG_SKIN_OFFLINE": "1",
}
SIZES = {"0.3 MP": (640, 480), "1 MP": (1152, 864), "12 MP": (4000, 3000)}
THREADS: tuple[dict[str, str], ...] = ({}, {"OMP_NUM_THREADS": "1"})  # of a network, for each request
MODELS = (("tiny_skin", "{}"), ("tiny_skin", '{"size": 512}'), ("ycbcr_hsv_skin", "{}"))


def main() -> None:
    """Print a line for each model and size."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    print(machine("rembg", "numpy", "pillow", "onnxruntime", "uvicorn"), f"{os.cpu_count()} cores", flush=True)
    photo = Image.open(photograph("mixed_web/images/mk014.jpg")).convert("RGB")
    print("model, extras, photo: processor time a request, requests a second, median wait, memory after")
    for threads in THREADS:
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(Path(folder), **SETTINGS, **threads) as (url, process),
        ):
            print(f"{threads or 'a thread a core'}, at rest: {memory(process):.0f} MB")
            for model, extras in MODELS:
                for name, size in SIZES.items():
                    buffer = io.BytesIO()
                    photo.resize(size).save(buffer, "JPEG", quality=90)
                    cost = measure(url, process, model, extras, buffer.getvalue(), count)
                    print(f"{model} {extras} {name}: {cost}", flush=True)


def measure(url: str, process: int, model: str, extras: str, file: bytes, count: int) -> str:
    """Send `count` equal requests, and one before; return what they cost, in words."""

    def send(_: int) -> tuple[bytes, float]:
        start = time.perf_counter()
        answer = requests.post(
            f"{url}/api/remove",
            files={"file": ("photo", file)},
            data={"model": model, "om": "true"},
            params={"extras": extras},
            timeout=300,
        )
        answer.raise_for_status()
        return answer.content, time.perf_counter() - start

    alone, _ = send(0)
    before = processor_seconds(process)
    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers, waits = zip(*clients.map(send, range(count)), strict=True)
    seconds = time.perf_counter() - start
    cost = (processor_seconds(process) - before) / count
    assert set(answers) == {alone}, "other bytes under load"
    return f"{cost:.3f} s, {count / seconds:.1f}, {median(waits):.2f} s, {memory(process):.0f} MB"


def processor_seconds(process: int) -> float:
    """Return the processor time of a process so far, its threads' together."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> float:
    """Return the resident memory of a process in MB (10**6 bytes)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()
