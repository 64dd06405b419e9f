"""Small videos: of a photograph, made with PyAV, or made by the command `ffmpeg`."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Frames = list[NDArray[np.uint8]]

PORTRAIT = Path(__file__).resolve().parents[2] / "docs" / "portrait.jpg"
_FACE = (150, 20, 300, 132)


def face(size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """Return an astronaut's face (NASA, public domain), uint8 [height, width, 3]."""
    with Image.open(PORTRAIT) as photo:
        return np.asarray(photo.convert("RGB").crop(_FACE).resize(size))


def moving(count: int = 8, size: tuple[int, int] = (64, 48)) -> Frames:
    """Return frames in which the face moves to the right, a pixel a frame."""
    photo = face(size)
    return [np.roll(photo, number, axis=1) for number in range(count)]


def write_video(
    path: Path,
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
    unit = Fraction(1, 90_000)
    file: Any
    with av.open(str(path), "w", format=muxer) as file:
        height, width, _ = shown[0].shape
        stream = file.add_stream(
            codec, rate=30, width=width, height=height, pix_fmt="yuv420p", time_base=unit, options=options or {}
        )
        if rotation:
            stream.set_display_rotation(rotation)
        if matrix:
            stream.codec_context.colorspace = matrix[0]
        tone = file.add_stream(sound, rate=48_000) if sound else None
        for number, pixels_shown in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels_shown), format="rgb24")
            frame.time_base = unit
            frame.pts = round((times[number] if times else number / 30) / unit)
            converted = frame.reformat(format="yuv420p", dst_colorspace=matrix[1]) if matrix else frame
            file.mux(stream.encode(converted))
            if tone:
                file.mux(tone.encode(_tone(number)))
        for each in filter(None, (stream, tone)):
            file.mux(each.encode(None))
    return path


def ffmpeg(*arguments: object) -> None:
    """Run FFmpeg's own command; skip the test if it is not installed."""
    if not (command := shutil.which("ffmpeg")):
        pytest.skip("ffmpeg is not installed")
    subprocess.run([command, "-v", "error", "-y", *map(str, arguments)], check=True)


def _tone(number: int) -> av.AudioFrame:
    wave = (8_000 * np.sin(np.arange(3_200) / 20)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 1_600 * number, Fraction(1, 48_000)
    return frame


@dataclass
class Seen:
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


def read_video(path: Path, decoder: str | None = None, pixels: str = "rgb24") -> Seen:
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
            codec=stream.codec_context.name,
            size=(stream.width, stream.height),
            rate=stream.average_rate,
            rotation=decoded[0].rotation,
            times=[float(frame.pts * stream.time_base) for frame in decoded],
            frames=[frame.to_ndarray(format=pixels) for frame in decoded],
            sounds=[sound.codec_context.name for sound in file.streams.audio],
            sound_packets=len(heard) // 2,
            sound_seconds=float(heard[-1] - heard[0]) if heard else 0.0,
        )
