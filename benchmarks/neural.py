"""The neural sessions against the reference procedure and ONNX Runtime's defaults, both sides in one run.

Weights are random (see `graphs.py`), but for pan_skin's: they are taken from ../shared/weights where that is there.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.graphs import BUILDERS, build  # noqa: E402
from rembg_skin.catalog import MODELS, Network  # noqa: E402
from tests.reference_neural import skin_mask  # noqa: E402

PAN = ROOT.parent / "shared" / "weights" / "pan_skin.onnx"
SIZE = (4000, 3000)  # 12 megapixels


def main() -> None:
    """Run the named parts."""
    parts = {"overhead": overhead, "memory": memory, "start": start, "providers": providers}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*parts, []], help="default: all")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a run of `memory` in a process of its own
    arguments = parser.parse_args()
    if arguments.one:
        _measure_memory(**json.loads(arguments.one))
        return
    print(f"{platform.machine()}, {os.cpu_count()} processors, ONNX Runtime {ort.__version__}, NumPy {np.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"REMBG_HOME": folder, "U2NET_HOME": folder, "MODEL_CHECKSUM_DISABLED": "1"}
        _place(home)
        for name in arguments.part or parts:
            parts[name](home)


def _place(home: Path) -> None:
    for name in BUILDERS:
        path = _path(home, name)
        path.parent.mkdir(parents=True)
        onnx.save(build(name), path)
    if PAN.exists():
        path = _path(home, "pan_skin")
        path.parent.mkdir(parents=True)
        path.write_bytes(PAN.read_bytes())


def _path(home: Path, name: str) -> Path:
    return home / "models" / name / f"{name}.onnx"


def _photo() -> PILImage:
    from skimage.data import astronaut

    photo = np.asarray(Image.fromarray(astronaut()).resize(SIZE, Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).normal(0, 8, photo.shape)
    return Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))


class _Recorded:
    """Stands in for a session of ONNX Runtime: gives an output that it gave once, at no cost."""

    def __init__(self, output: NDArray[np.float32]) -> None:
        self._output = output

    def run(self, *_: object) -> list[NDArray[np.float32]]:
        return [self._output]


def overhead(home: Path) -> None:
    """What a prediction costs besides the network, on 12 megapixels."""
    from rembg import new_session

    photo = _photo()
    print("\nbesides the network, 12 megapixels: median of 15, interleaved")
    for name in ("dlmv_skin", "u2netp_skin", "pan_skin", "u2net_skin"):
        network = MODELS[name].network
        if network is None or not _path(home, name).exists():
            continue
        session = new_session(name)
        output = session._graph.run  # noqa: SLF001
        recorded: list[NDArray[np.float32]] = []
        skin_mask(photo.resize((300, 200)), network, lambda tensor: recorded.append(_run(session, tensor)) or recorded[0])
        session._graph.session = _Recorded(recorded[0])  # noqa: SLF001
        del output
        ours, reference = _interleaved(
            lambda: session.predict(photo, stretch="always"), lambda: skin_mask(photo, network, lambda _: recorded[0])
        )
        print(f"  {name:12} {ours * 1e3:6.1f} ms, reference {reference * 1e3:6.1f} ms: {ours / reference:.2f}")


def _run(session: Any, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    inner = session.inner_session
    output: NDArray[np.float32] = inner.run(None, {inner.get_inputs()[0].name: tensor})[0]
    return output


def _interleaved(*calls: Callable[[], object], rounds: int = 15) -> list[float]:
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for call, taken in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
    return [median(taken[1:]) for taken in times]
