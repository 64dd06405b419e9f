"""``rembg-skin bench``: time and memory of a model on this machine.

Every measurement is made in a process of its own (``python -m rembg_skin.measure.benchmark``): no model profits from
or pays for memory and caches of another one.
"""

import io
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.catalog import AUTHOR_TABLE, MEASURED_TABLE, MODELS
from rembg_skin.errors import ModelError, SkinError
from rembg_skin.image.tensor import automatic_sides, fitted_size
from rembg_skin.measure.provenance import Provenance, provenance, versions
from rembg_skin.photos import open_rgb
from rembg_skin.session import open_session, predict_mask


@dataclass(frozen=True)
class Job:
    """A measurement to make of a model on an image."""

    model: str  # as given, with its extras
    name: str  # of the session
    image: str | None  # None: the astronaut of scikit-image
    side: int | None  # the image's longer side in pixels; None: as it is
    runs: int
    provider: str | None
    extras: Mapping[str, object]


@dataclass(frozen=True)
class Result:
    """Seconds of each run, and the peak memory of the process in bytes if it is known."""

    model: str
    width: int
    height: int
    network: list[float]  # inside ONNX Runtime; empty for a model without a network there
    predict: list[float]
    remove: list[float]  # from the bytes of a PNG to the bytes of the cutout's PNG
    peak_memory: int | None
    session: str  # the one that made the masks; `skin` takes one of several
    weights: Mapping[str, str]  # SHA-256 of each file of weights
    gflops: float | None  # multiply-adds in billions of one prediction; None if not known
    parameters: int | None


def measure(job: Job) -> Result:
    """Measure `job` in this process; raises SkinError if the image cannot be read or the model cannot be started."""
    image = _picture(job)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    png = stream.getvalue()
    session = open_session(job.name, job.extras, providers=[_provider(job.provider)] if job.provider else None)
    from onnxruntime import InferenceSession
    from rembg import remove

    clock: list[float] = []  # the seconds of every run of any ONNX Runtime session, also of rembg's own
    run = InferenceSession.run

    def timed_run(*args: Any, **kwargs: Any) -> Any:
        start = perf_counter()
        try:
            return run(*args, **kwargs)
        finally:
            clock.append(perf_counter() - start)

    with patch.object(InferenceSession, "run", timed_run):
        remove(png, session=session)  # the first run allocates: it is not counted
        network, predict, removal = [], [], []
        for _ in range(job.runs):
            clock.clear()
            predict.append(_seconds(lambda: predict_mask(session, image)))
            network.append(sum(clock))
            removal.append(_seconds(lambda: remove(png, session=session)))
    origin = provenance(job.model, session)
    times = (network if any(network) else [], predict, removal)
    return Result(job.model, *image.size, *times, peak_memory(), origin.session, origin.weights, *cost(job, image.size))


def cost(job: Job, size: tuple[int, int]) -> tuple[float | None, int | None]:
    """Return the multiply-adds in billions of one prediction at the sides that the network sees, and its parameters."""
    model = MODELS.get(job.name)
    if not (model and model.cost and model.network):
        return None, None
    network, given = model.network, job.extras.get("size")
    side = given if isinstance(given, int) else network.size
    sides = automatic_sides(size) if network.automatic and given is None else (side,)
    # A letterbox costs its empty part, too.
    fitted = (fitted_size(size, side, "stretch" if network.fit == "letterbox" else network.fit) for side in sides)
    pixels = sum(width * height for width, height in fitted)
    return model.cost.gflops * pixels / model.cost.side**2, model.cost.parameters


def _picture(job: Job) -> PILImage:
    if job.image:
        image = open_rgb(Path(job.image))
    else:
        from skimage.data import astronaut

        image = Image.fromarray(astronaut())
    scale = (job.side or max(image.size)) / max(image.size)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def _provider(name: str) -> str:
    from onnxruntime import get_available_providers

    available: list[str] = get_available_providers()
    for provider in available:
        if name.lower() in (provider.lower(), provider.lower().removesuffix("executionprovider")):
            return provider
    raise ModelError(f'ONNX Runtime has no provider "{name}" here; it has {", ".join(available)}.')


def _seconds(action: Callable[[], object]) -> float:
    start = perf_counter()
    action()
    return perf_counter() - start


def peak_memory() -> int | None:
    """Return the most memory that this process has held so far, in bytes; None if it is not known."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would be the parent's if that was larger: it survives fork and exec
        line = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def measure_apart(job: Job) -> Result:
    """Measure `job` in a fresh process; raises ModelError, with its last words, if it fails."""
    command = [sys.executable, "-P", "-m", "rembg_skin.measure.benchmark"]
    done = subprocess.run(  # noqa: S603
        command, input=json.dumps(asdict(job)), capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode < 0:
        raise ModelError(f"{job.model}: the process was killed (signal {-done.returncode}); too little memory?")
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise ModelError(words[-1] if job.model in words[-1] else f"{job.model}: {words[-1]}")
    return Result(**json.loads(done.stdout.splitlines()[-1]))


def spread(seconds: Sequence[float]) -> str:
    """Return the median of some timings and the quartiles around it in milliseconds, or "-"."""
    if not seconds:
        return "-"
    low, middle, high = np.percentile(np.multiply(seconds, 1000), (25, 50, 75))
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


def table(results: Iterable[Result]) -> list[list[str]]:
    """Return a heading and a line for each result: milliseconds as median and quartiles, memory in MiB."""
    times = ("network, ms", "predict, ms", "remove to PNG, ms")
    rows = [["model", "image", "GFLOPs", "parameters", *times, "peak memory, MiB"]]
    for result in results:
        name = Provenance(result.model, result.session).label
        gflops = "-" if result.gflops is None else f"{result.gflops:.2f}"
        parameters = "-" if result.parameters is None else f"{result.parameters:,}"
        spreads = map(spread, (result.network, result.predict, result.remove))
        memory = "-" if result.peak_memory is None else f"{result.peak_memory / 2**20:.0f}"
        rows.append([name, f"{result.width}x{result.height}", gflops, parameters, *spreads, memory])
    return rows


def advice(results: Sequence[Result], budget: float) -> str:
    """Name the most accurate model whose prediction takes at most `budget` seconds on the largest image measured.

    Only figures of one table are compared: those measured by this project; without any, those published by the author.
    """
    largest = max(result.width * result.height for result in results)
    seconds = {result.model: median(result.predict) for result in results if result.width * result.height == largest}
    fitting = [name for name in seconds if seconds[name] <= budget]
    known = [MODELS[name] for name in fitting if name in MODELS]
    measured = {model.name: model.measured.mean for model in known if model.measured}
    figures = measured or {
        model.name: model.published.miou_eval
        for model in known
        if model.published and model.published.where == AUTHOR_TABLE and model.published.miou_eval is not None
    }
    if not figures:
        reason = f"none of {', '.join(fitting)} has comparable figures" if fitting else "none was fast enough"
        return f"No model to name for {budget:g} s: {reason}."
    best = max(figures, key=figures.__getitem__)
    measure, table = ("mean IoU", MEASURED_TABLE) if measured else ("published mIoU", AUTHOR_TABLE)
    others = [name for name in fitting if name not in figures]
    return (
        f"Within {budget:g} s: {best}, {seconds[best]:.3f} s here, with {figures[best]:.3f} the best {measure} of"
        f" {len(figures)} models that fit ({table})."
        + (f" Fast enough, but not in that table: {', '.join(others)}." if others else "")
    )


def machine() -> dict[str, str | int | None]:
    """Return the facts on which timings depend: system, processors, Python and packages."""
    return {"system": platform.platform(), "cpus": os.cpu_count(), **versions()}


def main() -> int:
    """Measure the job on standard input (JSON); write the result to standard output (JSON)."""
    try:
        result = measure(Job(**json.load(sys.stdin)))
    except SkinError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"\n{json.dumps(asdict(result))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
