"""The neural sessions against the reference procedure and ONNX Runtime's defaults, each time both sides in one run.

Weights are random (see `tests.support.graphs`), except those of pan_skin: real ones, where ../shared/weights has them.
Run `python -m benchmarks.neural`, or name some of its parts: overhead, memory, start, providers.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage
from skimage.data import astronaut

from benchmarks.timing import machine, medians, peak_megabytes, place_weights
from rembg_skin.catalog import MODELS
from tests.support.graphs import build
from tests.support.networks import place
from tests.support.reference_neural import skin_mask

LARGE = (4000, 3000)
ALLOWED_OVERHEAD = 0.6
ALLOWED_MEMORY = {"u2net_skin": 0.65, "u2netp_skin": 0.7}
ALLOWED_TIME = 1.05
ALLOWED_START = 0.5  # seconds
CPU = "CPUExecutionProvider"


@contextmanager
def _home() -> Iterator[Path]:
    """Give rembg a folder of its own with the networks in it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"REMBG_HOME": folder, "U2NET_HOME": folder, "MODEL_CHECKSUM_DISABLED": "1"}
        os.environ["PYTHONWARNINGS"] = "ignore"
        home = Path(folder)
        for name in ("u2net_skin", "u2netp_skin", "dlmv_skin"):
            place(home, name, build(name))
        place_weights(home, "pan_skin")
        yield home


def _path(home: Path, name: str) -> Path:
    return home / "models" / name / f"{name}.onnx"


def _photo(size: tuple[int, int]) -> PILImage:
    photo = np.asarray(Image.fromarray(astronaut()).resize(size, Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).normal(0, 8, photo.shape)
    return Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))


class _Recorded:
    """Stands in for a session of ONNX Runtime: repeats one output at no cost."""

    def __init__(self, output: NDArray[np.float32]) -> None:
        self._output = output

    def run(self, *_: object) -> list[NDArray[np.float32]]:
        return [self._output]


def overhead(home: Path) -> None:
    """Print what a prediction on 12 megapixels costs besides the network."""
    from rembg import new_session

    photo = _photo(LARGE)
    print("\nbesides the network, 12 megapixels, random networks' masks, the hardest to clean up; pan_skin's is real")
    for name, model in MODELS.items():
        if model.network is None or not (path := _path(home, name)).exists():
            continue
        network, session = model.network, new_session(name)
        inner = ort.InferenceSession(path, providers=[CPU])
        outputs: list[NDArray[np.float32]] = []

        def record(tensor: NDArray[np.float32], inner: Any = inner, outputs: Any = outputs) -> NDArray[np.float32]:
            outputs.extend(inner.run(None, {inner.get_inputs()[0].name: tensor})[:1])
            return outputs[0]

        skin_mask(photo, network, record)
        session._graph.session = _Recorded(outputs[0])  # noqa: SLF001
        seconds = medians(
            {
                "ours": partial(session.predict, photo, stretch="always"),
                "reference": partial(skin_mask, photo, network, lambda _, outputs=outputs: outputs[0]),
            },
            15,
        )
        ratio = seconds["ours"] / seconds["reference"]
        print(
            f"{name:14}{seconds['ours'] * 1e3:6.0f} ms, reference {seconds['reference'] * 1e3:4.0f} ms: {ratio:.2f}"
            f" (allowed {ALLOWED_OVERHEAD})"
        )


_SETUP = """
    import dataclasses
    from PIL import Image
    from rembg import new_session
    from rembg_skin.sessions import session_classes
    cls = session_classes()["{name}"]
    cls.network = dataclasses.replace(cls.network, {changes})
    photo = Image.effect_noise((800, 600), 60).convert("RGB")
"""
_ACTION = """
    session = new_session("{name}", providers=["CPUExecutionProvider"])
    for _ in range(5):
        session.predict(photo)
"""


def memory(home: Path) -> None:
    """Print peak memory after five predictions, and the network's time, under our settings and under the default."""
    print("\npeak memory after five predictions on the CPU, and seconds of a run")
    for name, allowed in ALLOWED_MEMORY.items():
        network, action = MODELS[name].network, _ACTION.format(name=name)
        peak = peak_megabytes(_SETUP.format(name=name, changes=""), action)
        default_peak = peak_megabytes(_SETUP.format(name=name, changes="memory_pattern=True"), action)
        pattern = network is not None and network.memory_pattern
        path = _path(home, name)
        seconds = medians({"ours": _run(path, CPU, pattern=pattern), "default": _run(path, CPU)}, 4)
        print(
            f"{name:14}{peak:6.0f} MB, default {default_peak:5.0f} MB: {peak / default_peak:.2f} (allowed {allowed});"
            f" {seconds['ours']:.2f} s, default {seconds['default']:.2f} s:"
            f" {seconds['ours'] / seconds['default']:.2f} (allowed {ALLOWED_TIME})"
        )


def _run(path: Path, provider: str, *, pattern: bool = True) -> Callable[[], object]:
    """Return a call that runs the network in `path` once."""
    options = ort.SessionOptions()
    options.enable_mem_pattern = pattern
    session = ort.InferenceSession(path, options, providers=list(dict.fromkeys((provider, CPU))))
    (given,) = session.get_inputs()
    tensor = np.random.default_rng(0).random(given.shape, np.float32)
    return partial(session.run, None, {given.name: tensor})


def start(home: Path) -> None:
    """Print what a mask by the command costs over its help."""
    if not _path(home, "pan_skin").exists():
        return
    photo, mask = home / "photo.jpg", home / "mask.png"
    _photo((1154, 866)).save(photo)
    rembg = Path(sys.executable).with_name("rembg")
    sides = {
        "mask": partial(_call, rembg, "i", "-m", "pan_skin", "-om", photo, mask),
        "cutout": partial(_call, rembg, "i", "-m", "pan_skin", photo, mask),
        "help": partial(_call, rembg, "i", "--help"),
    }
    seconds = medians(sides, 7)
    for side in ("mask", "cutout"):
        print(
            f"\nrembg i -m pan_skin, 1 megapixel, {side}: {seconds[side]:.2f} s, --help {seconds['help']:.2f} s:"
            f" {seconds[side] - seconds['help']:.2f} s more (allowed {ALLOWED_START})"
        )


def _call(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def providers(home: Path) -> None:
    """Print the network's time under each accelerator that is here, against the CPU's."""
    accelerators = set(ort.get_available_providers()) - {CPU, "AzureExecutionProvider"}
    print(f"\naccelerators here: {', '.join(accelerators) or 'none'}")
    for provider in accelerators:
        for name in ("dlmv_skin", "pan_skin", "u2netp_skin", "u2net_skin"):
            if (path := _path(home, name)).exists():
                seconds = medians({"accelerated": _run(path, provider), "cpu": _run(path, CPU, pattern=False)}, 4)
                print(
                    f"{name:14}{provider} {seconds['accelerated']:.3f} s, CPU {seconds['cpu']:.3f} s:"
                    f" {seconds['accelerated'] / seconds['cpu']:.2f}"
                )


PARTS = {"overhead": overhead, "memory": memory, "start": start, "providers": providers}


def main() -> None:
    """Print the named parts, or all."""
    print(machine("rembg", "numpy", "pillow", "opencv-python-headless"), f"ONNX Runtime {ort.__version__}")
    with _home() as home:
        for name in sys.argv[1:] or PARTS:
            PARTS[name](home)


if __name__ == "__main__":
    main()
