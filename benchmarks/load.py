"""`rembg s` under load: 16 clients, good requests of every kind, one hostile in ten; throughput, latency, memory.

The server is the real one, run from the built wheel in an environment of its own, on the loopback interface alone.
Required, or the run fails: every good request gets the bytes that the same call gets alone; no hostile one stops the
server, reads a file outside of the model folder or opens a connection (strace and a listener); memory after the run is
within 5 % of that after the first 200 requests, and 200 distinct extras add less than 5 %.

Linux with strace. Run it with `python -m benchmarks.load [requests]`. pan_skin takes part where ../shared/weights is.
"""

import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

from benchmarks.timing import SHARED, machine, photograph
from rembg_skin.sessions.classic import CLASSIC_SESSIONS

REPOSITORY = Path(__file__).resolve().parents[1]
PHOTO = photograph("mixed_web/images/mk014.jpg")
WEIGHTS = SHARED / "weights/pan_skin.onnx"
CLIENTS = 16
FIRST = 200  # requests after which memory is measured first
EXTRAS = 200  # distinct extras strings
ALLOWED = 1.05


@dataclass(frozen=True)
class Request:
    """One POST to /api/remove; `kind` is what it is counted as."""

    kind: str
    model: str
    image: str
    form: tuple[tuple[str, str], ...] = ()
    extras: str | None = None

    @property
    def good(self) -> bool:
        """Whether it has to be answered with a mask or a cutout."""
        return self.kind == "good"


@dataclass
class Outcome:
    """What came back."""

    request: Request
    status: int
    digest: str
    seconds: float


@dataclass
class Bait:
    """What a hostile request may name: a file that must not be read, and a port nobody may connect to."""

    folder: Path
    port: int
    connections: list[Any] = field(default_factory=list)


def main() -> int:
    """Run the load and print what happened; 1 where a requirement is not met."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(machine("rembg", "numpy", "pillow", "onnxruntime", "uvicorn"), f"{os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as name, listener(Path(name)) as bait:
        folder = Path(name)
        images = pictures()
        plan = requests_of(count, images, bait)
        with server(folder) as (url, process):
            report = Report(url, process, images)
            report.run("first", plan[:FIRST])
            first = report.memory()
            half = (count + FIRST) // 2
            report.run("up to the middle", plan[FIRST:half])
            print(f"memory in the middle: {report.memory():.0f} MB")
            report.run("the rest", plan[half:])
            after = report.memory()
            report.run("distinct extras", distinct_extras())
            extras = report.memory()
            report.compare_with_calls_alone(plan)
            failed = report.failures
        failed += foreign(folder, bait)
        print(f"memory: {first:.0f} MB after {FIRST} requests, {after:.0f} after {count} ({after / first - 1:+.1%}), ")
        print(f"        {extras:.0f} after {EXTRAS} distinct extras ({extras / after - 1:+.1%})")
        if after > first * ALLOWED or extras > after * ALLOWED:
            failed.append("memory grew by more than 5 %")
        if tracebacks := (folder / "log").read_text().count("rembg_skin.errors."):
            failed.append(f"{tracebacks} errors of ours were logged with a traceback")
    print("\n".join(f"FAILED: {line}" for line in failed) or "all requirements met")
    return int(bool(failed))


def pictures() -> dict[str, bytes]:
    """Return the files that are sent, by name."""
    photo = Image.open(PHOTO).convert("RGB")

    def file(size: tuple[int, int], kind: str, mode: str = "RGB", **options: object) -> bytes:
        buffer = io.BytesIO()
        photo.resize(size).convert(mode).save(buffer, kind, **options)
        return buffer.getvalue()

    rotated = Image.Exif()
    rotated[0x0112] = 6
    deep = io.BytesIO()
    Image.fromarray(np.asarray(photo.convert("L").resize((256, 200))).astype(np.uint16) * 257).save(deep, "PNG")
    translucent = photo.resize((300, 240)).convert("RGBA")
    translucent.putalpha(Image.linear_gradient("L").resize((300, 240)))
    rgba = io.BytesIO()
    translucent.save(rgba, "PNG")
    bomb = bytearray(file((8, 8), "PNG"))
    bomb[16:24] = (60000).to_bytes(4) * 2  # IHDR's width and height; its checksum is made anew
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4)
    return {
        "jpeg": file((640, 480), "JPEG"),
        "jpeg 1 MP": file((1155, 866), "JPEG", quality=90),
        "jpeg 24 MP": file((6000, 4000), "JPEG", quality=85),
        "png": file((512, 384), "PNG"),
        "webp": file((640, 480), "WEBP"),
        "rgba": rgba.getvalue(),
        "16-bit": deep.getvalue(),
        "cmyk": file((400, 300), "JPEG", "CMYK"),
        "rotated": file((500, 300), "JPEG", exif=rotated),
        "1x1": file((1, 1), "PNG"),
        "not an image": b"this is no image " * 50,
        "truncated jpeg": file((640, 480), "JPEG")[:9000],
        "bomb": bytes(bomb),
    }


GOOD_IMAGES = ("jpeg", "jpeg", "jpeg 1 MP", "png", "webp", "rgba", "16-bit", "cmyk", "rotated", "1x1")
GOOD_EXTRAS = {"ycbcr_skin": '{"cb_min": 80}', "icm_skin": '{"sweeps": 2}', "pan_skin": '{"threshold": 100}'}


def requests_of(count: int, images: dict[str, bytes], bait: Bait) -> list[Request]:
    """Return the requests: one in ten is hostile, one in 100 is a large photograph, the others are small."""
    chance = random.Random(7)
    names = [cls.name() for cls in CLASSIC_SESSIONS]
    if WEIGHTS.exists():
        names += ["pan_skin"] * 3
    hostile = hostile_requests(bait)
    plan = []
    for number in range(count):
        model = chance.choice(names)
        if number % 10 == 9:
            plan.append(hostile[number // 10 % len(hostile)])
        elif number % 100 == 50:
            plan.append(Request("good", model, "jpeg 24 MP", (("om", "true"),)))
        else:
            form = chance.choice([(("om", "true"),), ()])
            extras = chance.choice([None, None, GOOD_EXTRAS.get(model)])
            plan.append(Request("good", model, chance.choice(GOOD_IMAGES), form, extras))
    assert all(request.image in images for request in plan)
    return plan


def hostile_requests(bait: Bait) -> list[Request]:
    """Return one of each kind of hostile request."""
    file, url = str(bait.folder / "secret.onnx"), f"http://127.0.0.1:{bait.port}/model.onnx"
    keys = ("model_path", "path", "weights", "url", "mirror", "home", "u2net_home", "model", "base", "session_options")

    def extras(**given: object) -> str:
        return json.dumps(given)

    return [
        Request("not an image", "ycbcr_skin", "not an image"),
        Request("truncated JPEG", "hsv_skin", "truncated jpeg"),
        Request("decompression bomb", "ycbcr_skin", "bomb"),
        Request("extras: not JSON", "ycbcr_skin", "jpeg", extras='{"cb_min": '),
        Request("extras: a list", "ycbcr_skin", "jpeg", extras="[1, 2]"),
        Request("extras: unknown key", "ycbcr_skin", "jpeg", extras=extras(nobodys=1)),
        Request("extras: out of range", "icm_skin", "jpeg", extras=extras(sweeps=10**9)),
        Request("extras: wrong type", "ycbcr_skin", "jpeg", extras=extras(morph="31")),
        Request("extras: not finite", "icm_skin", "jpeg", extras='{"prior": NaN}'),
        Request("extras: a path", "pan_skin", "jpeg", extras=extras(**dict.fromkeys(keys[:6], file))),
        Request("extras: a URL", "pan_skin", "jpeg", extras=extras(**dict.fromkeys(keys[:6], url))),
        Request(
            "extras: providers", "pan_skin", "jpeg", extras=extras(providers=[["CPUExecutionProvider", {"x": file}]])
        ),
        Request("extras: session options", "pan_skin", "jpeg", extras=extras(sess_opts=file)),
        Request("extras: rembg's arguments", "ycbcr_skin", "jpeg", extras=extras(data=file, session=file)),
        Request("unknown model", "nobodys_skin", "jpeg"),
        Request("unknown model, known part", "../ycbcr_skin/..", "jpeg"),
    ]


def distinct_extras() -> list[Request]:
    """Return requests whose extras are all different: rembg keeps a session for each."""
    heavy = "pan_skin" if WEIGHTS.exists() else "icm_skin"
    return [
        Request("good", heavy if number % 2 else "ycbcr_skin", "png", (("om", "true"),), f'{{"nobodys": {number}}}')
        for number in range(EXTRAS)
    ]


class Report:
    """Sends requests, counts what comes back and prints it."""

    def __init__(self, url: str, process: int, images: dict[str, bytes]) -> None:
        self.url = url
        self.process = process
        self.images = images
        self.digests: dict[Request, set[str]] = {}
        self.failures: list[str] = []

    def send(self, request: Request) -> Outcome:
        """Send one request and wait for its answer."""
        start = time.perf_counter()
        answer = requests.post(
            f"{self.url}/api/remove",
            files={"file": ("photo", self.images[request.image])},
            data={"model": request.model, **dict(request.form)},
            params={"extras": request.extras} if request.extras else {},
            timeout=300,
        )
        digest = hashlib.sha256(answer.content).hexdigest()
        return Outcome(request, answer.status_code, digest, time.perf_counter() - start)

    def run(self, title: str, plan: list[Request]) -> None:
        """Send all of `plan` with 16 clients at once."""
        peak = [0.0]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.2):
                peak[0] = max(peak[0], resident(self.process))

        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            outcomes = list(clients.map(self.send, plan))
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
        for outcome in outcomes:
            if outcome.request.good:
                self.digests.setdefault(outcome.request, set()).add(outcome.digest)
                if outcome.status != requests.codes.ok:
                    self.failures.append(f"{outcome.request}: {outcome.status}")
        good = [outcome.seconds for outcome in outcomes if outcome.request.good]
        cuts = statistics.quantiles(good, n=100)
        print(f"\n{title}: {len(plan)} requests in {seconds:.0f} s, {len(plan) / seconds:.1f} a second")
        percentiles = ", ".join(f"p{share} {cuts[share - 1]:.2f}" for share in (50, 90, 99))
        print(f"good: {len(good)}, latency in seconds: {percentiles}, max {max(good):.2f}")
        print(f"memory at its peak {peak[0]:.0f} MB")
        for (kind, status), number in sorted(Counter((o.request.kind, o.status) for o in outcomes).items()):
            print(f"  {kind:28} {status} x {number}", flush=True)

    def memory(self) -> float:
        """Return the server's resident memory in MB when it has come to rest."""
        time.sleep(2)
        return resident(self.process)

    def compare_with_calls_alone(self, plan: list[Request]) -> None:
        """Send every good request once more, one at a time, and compare the bytes."""
        alone = {request: self.send(request).digest for request in dict.fromkeys(plan) if request.good}
        differing = [request for request, digest in alone.items() if self.digests[request] != {digest}]
        print(f"\n{len(alone)} distinct good calls repeated alone: {len(differing)} differ from an answer under load")
        self.failures += [f"{request}: other bytes under load" for request in differing]


def resident(process: int) -> float:
    """Return the resident memory of a process in MB (10**6 bytes)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024 / 1e6  # type: ignore[index]


@contextmanager
def listener(folder: Path) -> Iterator[Bait]:
    """Listen on a port that nobody should connect to."""
    (folder / "bait").mkdir()
    shutil.copy(__file__, folder / "bait" / "secret.onnx")
    with socket.create_server(("127.0.0.1", 0)) as port:
        bait = Bait(folder / "bait", port.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    bait.connections.append(port.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield bait
        port.shutdown(socket.SHUT_RDWR)


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """Run `rembg s` from the wheel under strace; give its address and its process."""
    python = environment(folder)
    models = folder / "home" / "models" / "pan_skin"
    models.mkdir(parents=True)
    if WEIGHTS.exists():
        shutil.copy(WEIGHTS, models)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("REMBG", "U2NET"))},
        "REMBG_HOME": str(folder / "home"),
        # glibc's own choice keeps what large photographs needed, once for each thread; see docs/server.md.
        "MALLOC_MMAP_THRESHOLD_": os.environ.get("MALLOC_MMAP_THRESHOLD_", "65536"),
        "MALLOC_TRIM_THRESHOLD_": os.environ.get("MALLOC_TRIM_THRESHOLD_", "131072"),
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
        "BROWSER": "true",  # rembg opens a browser window at its start
        "GRADIO_ANALYTICS_ENABLED": "False",
        "REMBG_SKIN_OFFLINE": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime 1.29 and later report to Microsoft otherwise
    }
    strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-y", "-s", "500", "-o", str(folder / "trace")]
    traced = [*strace, "-e", "trace=open,openat,openat2,creat,connect,execve"]
    command = [python, "-c", "from rembg.cli import main; main()", "s", "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*traced, *command], cwd=folder, env=settings, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while True:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "rembg s did not start: " + (folder / "log").read_text()
            try:
                requests.get(f"{url}/openapi.json", timeout=30)
                break
            except requests.ConnectionError:
                time.sleep(0.3)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        (folder / "mark").write_text(str(len((folder / "trace").read_text(errors="replace").splitlines())))
        yield url, int(children[0])
        assert process.poll() is None, "the server stopped: " + (folder / "log").read_text()
        os.kill(int(children[0]), signal.SIGTERM)  # strace ends with it
        process.wait(60)
    finally:
        process.kill()
        shutil.copy(folder / "log", "/tmp/rembg-skin-load.log")  # noqa: S108


def environment(folder: Path) -> str:
    """Return a Python of a new environment with the built wheel; rembg comes from the one that runs this."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist")]
    subprocess.run([*build, str(REPOSITORY)], check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    python = str(folder / "venv" / "bin" / "python")
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # The .pth files of that environment do not run in this one: the wheel alone brings rembg_skin.
    (Path(site) / "rembg_of_the_benchmark.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)], check=True)
    return python


def foreign(folder: Path, bait: Bait) -> list[str]:
    """Return what the server did that it may not: files and connections that are not its own, in words."""
    lines = (folder / "trace").read_text(errors="replace").splitlines()[int((folder / "mark").read_text()) :]
    own = [
        folder / "home",
        folder / "venv",
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(sysconfig.get_path("stdlib")),
    ]
    system = ("/proc/", "/sys/", "/dev/", "/usr/lib", "/lib", "/etc/ld.so", "/usr/share/zoneinfo", "/etc/localtime")
    opened: Counter[str] = Counter()
    connected: Counter[str] = Counter()
    for line in lines:
        if " = -1 " in line and str(bait.folder) not in line:
            continue  # nothing was opened
        if match := re.search(r'\b(?:open|openat|openat2|creat)\((?:[^"]*)"([^"]*)"', line):
            opened[match[1]] += 1
        elif re.search(r"\b(connect|execve)\(", line):
            connected[re.sub(r"^\d+ +", "", line)] += 1
    strange = [
        path
        for path in opened
        if not path.startswith(system) and not any(Path(path).is_relative_to(place) for place in own)
    ]
    place = Path(tempfile.gettempdir())  # Linux makes nameless files in it
    temporary = [path for path in strange if Path(path) == place or Path(path).parent == place]
    print(f"files opened under load: {len(opened)}, of them temporary files of uploads: {len(temporary)}")
    failures = [f"opened {path}" for path in strange if path not in temporary]
    failures += [f"connected: {line}" for line in connected]
    failures += [f"a connection came to the bait: {peer}" for _, peer in bait.connections]
    return failures


if __name__ == "__main__":
    sys.exit(main())
