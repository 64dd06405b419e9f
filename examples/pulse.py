"""Heart rate from the color of skin: the CSV file of `rembg-skin video` to beats a minute.

    rembg-skin video face.mp4 --csv skin.csv
    python examples/pulse.py skin.csv --plot pulse.png
    python examples/pulse.py skin.csv --window 15          # beats over time

The method is POS, "plane orthogonal to skin": W. Wang, A. C. den Brinker, S. Stuijk, G. de Haan, "Algorithmic
Principles of Remote PPG", IEEE Transactions on Biomedical Engineering 64 (7), 2017, pages 1479 to 1491, algorithm 1.
In windows of 1.6 seconds, red, green and blue are divided by their means and projected on S1 = G - B and
S2 = G + B - 2 R; the pulse is S1 + S2 * std(S1) / std(S2), and windows that overlap are added.

Good footage: at least 15 seconds of a face that keeps still, in steady light, with exposure and white balance locked.
One rate is found for all skin of the table: if several people are in the picture, give `rembg-skin video` a box with
--roi, or --faces 2 and this program --face 1. A table that a spreadsheet saved works, too. This is not a medical
device. The plot needs `pip install "rembg-skin[plot]"`.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rembg_skin.errors import DataError, ExtraError, SkinError

Floats = NDArray[np.float64]

WINDOW = 1.6  # seconds: of one beat at least
SHORTEST = 5.0  # seconds: fewer beats have no rate
LOW, HIGH = 42.0, 240.0  # beats a minute
_PADDED = 2**15  # samples of the spectrum: a step is a twentieth of a beat a minute at 30 frames a second
_NEAR = 6.0  # beats a minute: this near to the peak, or to twice its rate, power is signal


@dataclass(frozen=True)
class Pulse:
    """A heart rate.

    Attributes
    ----------
    beats
        Beats a minute.
    snr
        Power of the beat and its first harmonic against the rest of the band, in dB; below 0 the rate is a guess.
    times, wave
        Seconds, and the pulse there, without a unit.
    rates, power
        Beats a minute, and the share of the wave's power there.

    """

    beats: float
    snr: float
    times: Floats
    wave: Floats
    rates: Floats
    power: Floats


def read_colors(path: Path, face: int = 0) -> tuple[Floats, Floats]:
    """Return times in seconds, [n], and mean red, green and blue, [n, 3], of the frames that show skin, or a face.

    Tables may come back from a spreadsheet: UTF-16 or with a byte order mark, with semicolons or tabs, decimal commas.

    Raises
    ------
    DataError
        If the file is not one of `rembg-skin video`, or shows skin for too short a time.

    """
    names = ["time", *(f"face{face}_{color}" if face else color for color in ("red", "green", "blue"))]
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        separator = next((each for each in ";\t" if each in text.partition("\n")[0]), ",")
        rows = [row for row in csv.DictReader(text.splitlines(), delimiter=separator) if row[names[1]]]
        table = np.array([[float(row[name].replace(",", ".")) for name in names] for row in rows])
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{path} is not a table of `rembg-skin video --csv`: {error}") from error
    if len(table) == 0 or np.ptp(table[:, 0]) < SHORTEST or not np.isfinite(table).all():
        raise DataError(f"{path} shows skin for less than {SHORTEST:.0f} seconds.")
    return table[:, 0], table[:, 1:]


def pos(colors: Floats, rate: float) -> Floats:
    """Return the pulse, [n], of colors, [n, 3], at `rate` samples a second."""
    length = min(max(2, round(WINDOW * rate)), len(colors))
    wave = np.zeros(len(colors))
    for start in range(len(colors) - length + 1):
        window = colors[start : start + length]
        red, green, blue = (window / np.maximum(window.mean(axis=0), 1e-9)).T
        first, second = green - blue, green + blue - 2 * red
        spread = second.std()
        beat = first + second * (first.std() / spread if spread else 0.0)
        wave[start : start + length] += beat - beat.mean()
    return wave


def heart_rate(times: Floats, colors: Floats, low: float = LOW, high: float = HIGH) -> Pulse:
    """Return the pulse of colors, [n, 3], at times in seconds, [n], between `low` and `high` beats a minute."""
    step = float(np.median(np.diff(times)))
    even = np.arange(times[0], times[-1] + step / 2, step)  # cameras drop frames
    rate = 1 / (even[1] - even[0])
    wave = pos(np.stack([np.interp(even, times, channel) for channel in colors.T], axis=1), rate)
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), max(_PADDED, len(wave)))) ** 2
    rates = 60 * rate * np.arange(len(power)) / max(_PADDED, len(wave))
    band = (rates >= low) & (rates <= min(high, rates[-1]))
    if not power[band].any():
        raise DataError("The color of the skin does not change: there is no pulse in it.")
    rates, power = rates[band], power[band] / power[band].sum()
    beats = float(rates[power.argmax()])
    signal = power[(np.abs(rates - beats) < _NEAR) | (np.abs(rates - 2 * beats) < _NEAR)].sum()
    return Pulse(beats, float(10 * np.log10(signal / max(1 - signal, 1e-9))), even, wave, rates, power)


def over_time(times: Floats, colors: Floats, window: float, low: float, high: float) -> Iterator[Pulse]:
    """Yield the pulse in windows of `window` seconds, each half a window after the one before."""
    for start in np.arange(times[0], times[-1] - 0.95 * window, window / 2):
        inside = (times >= start) & (times <= start + window)
        if np.count_nonzero(inside) > 1 and np.ptp(times[inside]) >= 0.9 * window:  # otherwise the skin was away
            yield heart_rate(times[inside], colors[inside], low, high)


def draw(pulse: Pulse, windows: list[Pulse], path: Path) -> None:
    """Draw the pulse over time, its spectrum and the beats in windows; the suffix is the format.

    Raises
    ------
    ExtraError
        If matplotlib is not installed.

    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ExtraError('--plot needs matplotlib: pip install "rembg-skin[plot]"') from error
    figure = Figure((10, 8 if windows else 5.5), layout="constrained")
    above, below, *third = figure.subplots(3 if windows else 2)
    above.plot(pulse.times, pulse.wave, color="#0072B2", linewidth=1)
    above.set(xlabel="time (s)", ylabel="pulse (POS)", xlim=(pulse.times[0], pulse.times[-1]), yticks=[])
    below.plot(pulse.rates, pulse.power / pulse.power.max(), color="#0072B2")
    below.axvline(pulse.beats, color="#D55E00", linewidth=1, label=f"{pulse.beats:.1f} beats a minute")
    below.set(xlabel="beats a minute", ylabel="power", xlim=(pulse.rates[0], pulse.rates[-1]), ylim=(0, 1.05))
    below.legend(frameon=False)
    for axes in third:
        middles = [each.times.mean() for each in windows]
        axes.plot(middles, [each.beats for each in windows], "o-", color="#0072B2", linewidth=1)
        axes.set(xlabel="time (s)", ylabel="beats a minute", xlim=(pulse.times[0], pulse.times[-1]))
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be written: {error}") from error


def described(pulse: Pulse) -> str:
    """Return the line about a pulse."""
    guess = "" if pulse.snr >= 0 else " (below 0 dB: the rate is a guess)"
    return f"{pulse.beats:.1f} beats a minute; SNR {pulse.snr:.1f} dB{guess}"


def main() -> int:
    """Print beats a minute; 1 if the table holds no pulse, 3 if the rate is a guess."""
    parser = argparse.ArgumentParser(description="Heart rate from the CSV file of `rembg-skin video`.")
    parser.add_argument("table", type=Path, help="the CSV file")
    parser.add_argument("--face", type=int, default=0, metavar="N", help="of face N, with `rembg-skin video --faces`")
    parser.add_argument(
        "--window", type=float, default=0.0, metavar="SECONDS", help="also the beats in windows of so many seconds"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the pulse, its spectrum and the windows")
    parser.add_argument("--low", type=float, default=LOW, help=f"slowest rate, beats a minute (default: {LOW:.0f})")
    parser.add_argument("--high", type=float, default=HIGH, help=f"fastest rate (default: {HIGH:.0f})")
    arguments = parser.parse_args()
    try:
        times, colors = read_colors(arguments.table, arguments.face)
        limits = arguments.low, arguments.high
        pulse = heart_rate(times, colors, *limits)
        windows = list(over_time(times, colors, arguments.window, *limits)) if arguments.window > 0 else []
        if arguments.plot:
            draw(pulse, windows, arguments.plot)
    except SkinError as error:
        print(f"pulse: {error}", file=sys.stderr)
        return 1
    print(f"{described(pulse)}, in {pulse.times[-1] - pulse.times[0]:.1f} seconds")
    for each in windows:
        print(f"  {each.times[0]:.1f} to {each.times[-1]:.1f} s: {described(each)}")
    return 0 if pulse.snr >= 0 else 3


if __name__ == "__main__":
    sys.exit(main())
