"""A verified download of 176 MB over loopback against curl's unverified one, in one run.

The server is a process of its own, on the same two cores. Ours: the catalog's entry in, the file with its receipt
out, its sha256 checked on the way. curl's: the same URL into a file. Run it with `python -m benchmarks.download`.
"""

import os
import shutil
import subprocess
import sys
from functools import partial
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import machine, medians
from rembg_skin.catalog import FileSource, Model
from rembg_skin.weights import fetch
from tests.support.hosts import running

SIZE = 176_000_000
ROUNDS = 9
ALLOWED = 1.5


def serve(data: bytes, pipe: Connection) -> None:
    """Serve `data`, send its URL through `pipe`, and go on until the pipe closes."""
    with running() as github:
        pipe.send(github.put("/models/u2net.onnx", data))
        pipe.poll(None)


def ours(model: Model, folder: Path) -> None:
    """Fetch into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    fetch(model, [folder])


def curl(url: str, folder: Path) -> None:
    """Let curl fetch into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    subprocess.run(["curl", "--silent", "--show-error", "--fail", "--output", folder / "u2net.onnx", url], check=True)


def main() -> None:
    """Print both times and their ratio."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - pooch's log
    data = os.urandom(SIZE)
    near, far = get_context("spawn").Pipe()
    server = get_context("spawn").Process(target=serve, args=(data, far), daemon=True)
    server.start()
    far.close()
    url = near.recv()
    model = Model("u2net_skin", "", "", sources=(FileSource(url, sha256(data).hexdigest(), "", "a/b/c/d", SIZE),))
    with TemporaryDirectory() as name:
        folder = Path(name, "models")
        seconds = medians({"ours": partial(ours, model, folder), "curl": partial(curl, url, folder)}, ROUNDS)
    near.close()
    server.join(10)
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    print(machine("rembg-skin", "pooch", "requests", "urllib3"), f"curl {version}", sep=", ")
    print(
        f"{SIZE / 1e6:.0f} MB: {seconds['ours']:.3f} s verified, curl {seconds['curl']:.3f} s:"
        f" {seconds['ours'] / seconds['curl']:.2f} times (allowed {ALLOWED}), medians of {ROUNDS}"
    )


if __name__ == "__main__":
    main()
