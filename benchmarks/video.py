"""`rembg-skin video`: how steady its masks are on clips of a known motion, and how fast it is beside `rembg b`.

The clips are made here from one photo: a camera that rests, pans, zooms, or pans and zooms over it, with grain that is
new in every frame. Each mask is then compared with the last one, moved as the camera moved:

- unsteady: pixels that change sides beyond that motion, for each pixel of skin, in per cent;
- noise: of the mean green of the skin from frame to frame (second differences), and between .7 and 4 Hz, in which
  pulses lie; both divided by the noise with one fixed mask that moves with the camera;
- agreement: mean IoU with that fixed mask, so that a filter that loses the skin does not look good.

Speed: both sides on the same frames, in turn, 640 x 480, in one process whose sessions are built before. `rembg b` is
what that command does with each frame (raw pixels in, PNG out), less its pipes; ours decodes, masks and encodes a
video. Processor time is printed too, since other programs may share the machine.

Pulse: the skin of the clip changes its color as blood does, 72 times a minute; how far is the rate of examples/pulse.py
off, and with what SNR, from our steadied masks, from the first mask kept in place, and from the box around it?

    python -m benchmarks.video [--photo FILE] [--models tiny_skin pan_skin] [--only steady|speed|pulse]
"""

import argparse
import io
import os
import runpy
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as PILImage

from benchmarks.timing import machine

Bytes = NDArray[np.uint8]
Affine = tuple[float, float, float, float, float, float]

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT.parent / "shared" / "weights" / "pan_skin.onnx"
SIZE = (640, 480)
RATE = 30
GRAIN = 5  # levels, standard deviation
SETTLED = 15  # frames that a filter may take to start
BEATS, BLOOD = 72, (0.33, 0.77, 0.53)  # a minute; how strongly blood shows in red, green and blue
CAMERAS = ("rests", "pans", "zooms", "pans and zooms")


def view(photo: PILImage, focus: tuple[float, float, float], camera: str, number: int) -> Affine:
    """Return which part of the photo frame `number` shows; `focus` is its center and how much of the photo it takes."""
    scale = focus[2] * min(photo.width / SIZE[0], photo.height / SIZE[1])
    x, y = focus[0] * photo.width, focus[1] * photo.height
    phase = 2 * np.pi * number / 90
    if "pans" in camera:  # up to 3.5 pixels a frame
        x += 50 * scale * np.sin(phase)
        y += 15 * scale * np.sin(1.7 * phase)
    if "zooms" in camera:
        scale *= 1 - 0.1 * np.sin(0.8 * phase)
    return scale, 0, x - scale * SIZE[0] / 2, 0, scale, y - scale * SIZE[1] / 2


def clip(photo: PILImage, views: list[Affine]) -> Iterator[Bytes]:
    """Yield the frames, uint8 [480, 640, 3]."""
    random = np.random.default_rng(0)
    for place in views:
        shown = np.asarray(photo.transform(SIZE, Image.Transform.AFFINE, place, Image.Resampling.BICUBIC))
        yield (shown + random.normal(0, GRAIN, shown.shape) + 0.5).clip(0, 255).astype(np.uint8)


def between(earlier: Affine, later: Affine) -> Affine:
    """Return the motion that takes the earlier frame's pixels to the later one's."""
    zoom = later[0] / earlier[0]
    return zoom, 0, (later[2] - earlier[2]) / earlier[0], 0, zoom, (later[5] - earlier[5]) / earlier[0]


def moved(mask: Bytes, motion: Affine) -> Bytes:
    """Return the mask moved with the camera."""
    return np.asarray(Image.fromarray(mask).transform(SIZE, Image.Transform.AFFINE, motion, Image.Resampling.BILINEAR))


def unsteady(masks: list[Bytes], views: list[Affine]) -> float:
    """Return pixels that change sides beyond the camera's motion, in per cent of the skin's pixels."""
    shares = []
    for number in range(1, len(masks)):
        motion = between(views[number - 1], views[number])
        known = moved(np.full_like(masks[0], 255), motion) == 255
        before, after = moved(masks[number - 1], motion) > 127, masks[number] > 127
        shares.append(np.count_nonzero((before != after) & known) / max(np.count_nonzero(after), 1))
    return 100 * statistics.mean(shares)


def noises(greens: list[float]) -> tuple[float, float]:
    """Return the noise from frame to frame and that between .7 and 4 Hz, in levels."""
    values = np.array(greens)
    fast = np.diff(values, 2).std() / np.sqrt(6)
    steps = np.arange(len(values))
    level = values - np.polyval(np.polyfit(steps, values, 2), steps)
    spectrum = np.abs(np.fft.rfft(level * np.hanning(len(level)))) ** 2
    hertz = np.fft.rfftfreq(len(level), 1 / RATE)
    return float(fast), float(np.sqrt(spectrum[(hertz >= 0.7) & (hertz <= 4)].sum()))


def steadiness(photo: PILImage, focus: tuple[float, float, float], model: str, frames: int) -> None:
    """Print a line for each camera, raw and steadied."""
    from rembg_skin.image.morphology import eroded, square
    from rembg_skin.session import open_session, predict_mask
    from rembg_skin.video.frames import Frame, masking
    from rembg_skin.video.steady import Steadier, Watcher
    from rembg_skin.video.table import MARGIN, color_of

    def green(frame: Bytes, mask: Bytes) -> float:
        mean, _, pixels = color_of(frame, eroded(mask > 127, square(MARGIN)))
        return mean[1] if pixels else 0.0

    means = []
    session, masked = open_session(model), masking(model, {}, steady=False)
    for camera in CAMERAS:
        views = [view(photo, focus, camera, number) for number in range(frames)]
        shown = photo.transform(SIZE, Image.Transform.AFFINE, views[0], Image.Resampling.BICUBIC)
        fixed = predict_mask(session, shown)
        watcher, steadier = Watcher(), Steadier()
        masks: dict[str, list[Bytes]] = {"raw": [], "steady": []}
        greens: dict[str, list[float]] = {"raw": [], "steady": [], "fixed": []}
        ious: dict[str, list[float]] = {"raw": [], "steady": []}
        frames_ = (Frame(number, number / RATE, frame) for number, frame in enumerate(clip(photo, views)))
        for (number, _, frame, _), mask in masked(frames_):
            look = watcher(frame)
            steady = steadier(look, mask if look.needs_mask else None)
            sides = {"raw": mask, "steady": steady, "fixed": moved(fixed, between(views[0], views[number]))}
            if number < SETTLED:
                continue
            for side, given in sides.items():
                greens[side].append(green(frame, given))
            for side in ("raw", "steady"):
                masks[side].append(sides[side])
                ours, theirs = sides[side] > 127, sides["fixed"] > 127
                ious[side].append(np.count_nonzero(ours & theirs) / max(np.count_nonzero(ours | theirs), 1))
        least = noises(greens["fixed"])
        row = []
        for side in ("raw", "steady"):
            ratios = [ours / theirs for ours, theirs in zip(noises(greens[side]), least, strict=True)]
            row.append((unsteady(masks[side], views[SETTLED:]), *ratios, statistics.mean(ious[side])))
        means.append(row)
        show(model, camera, row)
    show(model, "mean", np.mean(means, axis=0).tolist())


def show(model: str, camera: str, row: list[tuple[float, ...]]) -> None:
    """Print one line of the table."""
    sides = "; ".join(
        f"{side} unsteady {share:5.2f} %, noise {fast:5.2f}, in the pulse's band {band:5.2f}, IoU {iou:.3f}"
        for side, (share, fast, band, iou) in zip(("raw", "steady"), row, strict=True)
    )
    print(f"{model:10} {camera:15} {sides}", flush=True)


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Return the wall-clock and the processor seconds of `work`."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}


def write_clip(path: Path, frames: Sequence[Bytes]) -> None:
    """Write the frames as H.264."""
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, width=SIZE[0], height=SIZE[1], options={"crf": "18"})
        for number, frame in enumerate(frames):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            image.pts = number
            file.mux(stream.encode(image))
        file.mux(stream.encode(None))


def speed(photo: PILImage, focus: tuple[float, float, float], model: str, count: int, rounds: int) -> None:
    """Print frames a second of both sides."""
    from rembg import new_session, remove

    from rembg_skin.video.frames import masking
    from rembg_skin.video.reader import Reader
    from rembg_skin.video.writer import chosen, convert

    frames = list(clip(photo, [view(photo, focus, "pans and zooms", number) for number in range(count)]))
    raw = [frame.tobytes() for frame in frames]
    session = new_session(model)
    masked = {steady: masking(model, {}, steady=steady) for steady in (True, False)}

    def rembg_b(*, only_mask: bool) -> None:
        for data in raw:
            done = remove(Image.frombytes("RGB", SIZE, data), session=session, only_mask=only_mask)
            done.save(io.BytesIO(), "PNG")

    def ours(target: Path, *, steady: bool) -> None:
        assert convert(Reader(source), masked[steady], chosen(target, None), None)[0] == count

    with tempfile.TemporaryDirectory() as name:
        source, cutout, mask = (Path(name) / file for file in ("in.mp4", "out.webm", "out.mp4"))
        write_clip(source, frames)
        sides: dict[str, Callable[[], None]] = {
            "rembg b": lambda: rembg_b(only_mask=False),
            "cutout": lambda: ours(cutout, steady=True),
            "cutout, not steadied": lambda: ours(cutout, steady=False),
            "rembg b -om": lambda: rembg_b(only_mask=True),
            "mask": lambda: ours(mask, steady=True),
            "mask, not steadied": lambda: ours(mask, steady=False),
        }
        taken: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, run in sides.items():
                taken[side].append(timed(run))
    each = {
        (side, clock): statistics.median(run[clock] for run in runs) / count
        for side, runs in taken.items()
        for clock in ("wall", "processor")
    }
    for side in sides:
        base = "rembg b" if "cutout" in side else "rembg b -om"
        wall, processor = (each[base, clock] / each[side, clock] for clock in ("wall", "processor"))
        print(
            f"{model:10} {side:22} {1 / each[side, 'wall']:6.1f} frames a second ({wall:.2f} times {base}), "
            f"{1e3 * each[side, 'processor']:5.0f} ms of processor time a frame ({processor:.2f} times less)",
            flush=True,
        )


def pulse(photo: PILImage, focus: tuple[float, float, float], model: str, frames: int) -> None:
    """Print beats a minute and SNR of each way to choose the pixels, for a camera that rests and one that moves."""
    from rembg_skin.session import open_session, predict_mask
    from rembg_skin.video import masks
    from rembg_skin.video.table import COLUMNS, Table

    heart_rate = runpy.run_path(str(ROOT / "examples" / "pulse.py"))["heart_rate"]
    name, _, size = model.partition(":")
    extras = {"size": int(size)} if size else {}
    session = open_session(name, extras)
    for camera in ("rests", "pans", "pans and zooms"):
        views = [view(photo, focus, camera, number) for number in range(frames)]
        skin = predict_mask(session, photo.transform(SIZE, Image.Transform.AFFINE, views[0], Image.Resampling.BICUBIC))
        box = np.zeros_like(skin)
        box[np.ix_((skin > 127).any(1), (skin > 127).any(0))] = 255

        def beating(skin: Bytes = skin, views: list[Affine] = views) -> Iterator[Bytes]:
            for number, frame in enumerate(clip(photo, views)):
                here = moved(skin, between(views[0], views[number]))[..., None] / 255
                beat = 0.004 * np.sin(2 * np.pi * BEATS / 60 * number / RATE) * np.array(BLOOD)
                yield (frame * (1 + here * beat) + 0.5).clip(0, 255).astype(np.uint8)

        table = Table(Path())
        colors: dict[str, list[list[float]]] = {"moving mask": [], "first mask": [], "box": []}
        for time_, frame, mask in masks(beating(), name, extras, rate=RATE):
            for way, chosen in (("moving mask", mask), ("first mask", skin), ("box", box)):
                row = dict(zip(COLUMNS, table.row(time_, frame, chosen), strict=False))
                colors[way].append([float(row[color]) for color in ("red", "green", "blue")])
        for way, values in colors.items():
            found = heart_rate(np.arange(frames) / RATE, np.array(values))
            print(
                f"{model:14} {camera:15} {way:12} {found.beats - BEATS:+6.1f} beats, SNR {found.snr:5.1f} dB",
                flush=True,
            )


@contextmanager
def home() -> Iterator[None]:
    """Give rembg a folder of its own, with the weights of pan_skin if ../shared has them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "models" / "pan_skin"
        folder.mkdir(parents=True)
        if WEIGHTS.exists():
            shutil.copy(WEIGHTS, folder)
        os.environ |= {"U2NET_HOME": name, "MODEL_CHECKSUM_DISABLED": "1"}
        yield


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description="How steady and how fast `rembg-skin video` is.")
    parser.add_argument("--photo", type=Path, default=ROOT / "docs" / "portrait.jpg")
    parser.add_argument(
        "--focus",
        type=float,
        nargs=3,
        default=(0.48, 0.29, 0.6),
        metavar="N",
        help="center and size of the view, 0 to 1",
    )
    parser.add_argument("--models", nargs="+", default=["tiny_skin", "pan_skin"])
    parser.add_argument("--only", choices=["steady", "speed", "pulse"])
    parser.add_argument("--frames", type=int, default=75, help="of each clip for steadiness")
    parser.add_argument("--count", type=int, default=90, help="frames of the clip for speed")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    photo = Image.open(arguments.photo).convert("RGB")
    focus = tuple(arguments.focus)
    print(machine("rembg", "av", "numpy", "pillow", "onnxruntime"), f"{len(os.sched_getaffinity(0))} cores", flush=True)
    with home():
        for model in arguments.models:
            if arguments.only in (None, "steady"):
                steadiness(photo, focus, model, arguments.frames)
            if arguments.only in (None, "pulse"):
                pulse(photo, focus, model, 4 * arguments.frames)
            if arguments.only in (None, "speed"):
                speed(photo, focus, model, arguments.count, arguments.rounds)


if __name__ == "__main__":
    main()
