"""Small videos: of a photograph, made with PyAV, or made by the command `ffmpeg`."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Frames = list[NDArray[np.uint8]]

PORTRAIT = Path(__file__).resolve().parents[2] / "docs" / "portrait.jpg"
_FACE = (150, 20, 300, 132)
_UNIT = Fraction(1, 90_000)


def face(size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """Return an astronaut's face (NASA, public domain), uint8 [height, width, 3]."""
    with Image.open(PORTRAIT) as photo:
        return np.asarray(photo.convert("RGB").crop(_FACE).resize(size))


def moving(count: int = 8, size: tuple[int, int] = (64, 48)) -> Frames:
    """Return frames in which the face moves to the right, a pixel a frame."""
    photo = face(size)
    return [np.roll(photo, number, axis=1) for number in range(count)]


def write_video(
    path: Path | str,
    frames: Iterable[NDArray[np.uint8]] | None = None,
    *,
    codec: str = "libx264",
    times: Sequence[float] | None = None,
    sound: str | None = None,
    muxer: str | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
    matrix: tuple[int, str] | None = None,
) -> Path:
    """Write a video of 30 frames a second, or with frames at `times` in seconds; with a tone if `sound` encodes it.

    `matrix` is that of the colors: FFmpeg's number, by which the file names it, and its name.
    """
    shown = list(moving() if frames is None else frames)
    height, width, _ = shown[0].shape
    file: Any
    with av.open(str(path), "w", format=muxer) as file:
        stream = file.add_stream(codec, 30, options or {}, width=width, height=height, time_base=_UNIT)
        stream.set_display_rotation(rotation)
        if matrix:
            stream.codec_context.colorspace = matrix[0]
        if sound:
            wave = (8_000 * np.sin(np.arange(3_200 * len(shown)) / 20)).astype(np.int16)
            tone = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="stereo")
            tone.sample_rate, tone.pts, tone.time_base = 48_000, 0, Fraction(1, 48_000)
            heard = file.add_stream(sound, rate=48_000)
            file.mux([*heard.encode(tone), *heard.encode(None)])
        for number, pixels in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = round((times[number] if times else number / 30) / _UNIT), _UNIT
            file.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=matrix[1] if matrix else None)))
        file.mux(stream.encode(None))
    return Path(path)


def ffmpeg(*arguments: object) -> None:
    """Run FFmpeg's own command; skip the test if it is not installed."""
    if not (command := shutil.which("ffmpeg")):
        pytest.skip("ffmpeg is not installed")
    subprocess.run([command, "-v", "error", "-y", *map(str, arguments)], check=True)


class Seen(NamedTuple):
    """What a player finds in a video."""

    codec: str
    size: tuple[int, int]
    rate: Fraction
    rotation: int
    times: list[float]
    frames: Frames
    sounds: list[str]
    sound_packets: int
    sound_seconds: float  # from the first packet's start to the last one's end


def read_video(path: Path | str, decoder: str | None = None, pixels: str = "rgb24") -> Seen:
    """Decode a whole video; `decoder` replaces FFmpeg's choice."""
    file: Any
    with av.open(f"file:{path}") as file:
        stream = file.streams.video[0]
        context: Any = av.CodecContext.create(decoder, "r") if decoder else stream
        decoded, heard = [], []
        for packet in file.demux():
            if packet.stream.type == "audio":
                if packet.size:
                    heard += [time * packet.time_base for time in (packet.pts, packet.pts + packet.duration)]
            elif packet.stream is stream:
                decoded += context.decode(packet if packet.size else None)
        return Seen(
            stream.codec_context.name,
            (stream.width, stream.height),
            stream.average_rate,
            decoded[0].rotation,
            [float(frame.pts * stream.time_base) for frame in decoded],
            [frame.to_ndarray(format=pixels) for frame in decoded],
            [sound.codec_context.name for sound in file.streams.audio],
            len(heard) // 2,
            float(heard[-1] - heard[0]) if heard else 0.0,
        )
