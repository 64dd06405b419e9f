"""Change how a photograph looks, as lamps, cameras, programs and the network do; its skin stays where it is.

Every change takes a picture in RGB and returns one of the same size. `drawn` puts one or two together at random.
"""

import io
import math
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from PIL.Image import Image as PILImage
from scipy.special import expit

Bytes = NDArray[np.uint8]
Change = Callable[[PILImage], PILImage]

LUMA = (0.299, 0.587, 0.114)
SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
SECOND = 0.4  # share of the disguises that are two, one over the other
RESCALED = 0.6  # share of the files that were of another size when they were compressed


def mixed(picture: PILImage, matrix: NDArray[np.float64], offset: float = 0.0) -> PILImage:
    """Give each pixel `matrix` times its color, plus `offset` in levels."""
    return picture.convert("RGB", tuple(float(value) for row in matrix for value in (*row, offset)))


def lit(picture: PILImage, red: float, green: float, blue: float) -> PILImage:
    """Multiply the channels: colored light, more of it or less."""
    return mixed(picture, np.diag((red, green, blue)))


def contrasted(picture: PILImage, kept: float, middle: float = 128) -> PILImage:
    """Keep a share of every level's distance to a middle one."""
    return mixed(picture, kept * np.eye(3), (1 - kept) * middle)


def faded(picture: PILImage, kept: float) -> PILImage:
    """Keep a share of the saturation: 0 is gray."""
    return mixed(picture, kept * np.eye(3) + (1 - kept) * np.tile(LUMA, (3, 1)))


def sepia(picture: PILImage, share: float = 1.0) -> PILImage:
    """Tone as old photographs are."""
    return mixed(picture, share * np.array(SEPIA) + (1 - share) * np.eye(3))


def hued(picture: PILImage, degrees: float) -> PILImage:
    """Turn every hue."""
    hue, saturation, value = picture.convert("HSV").split()
    turned = hue.point([round(level + degrees / 360 * 256) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def noisy(picture: PILImage, levels: float, rng: Generator) -> PILImage:
    """Add a sensor's noise of that deviation."""
    noise = levels * rng.standard_normal((picture.height, picture.width, 3), np.float32)
    return Image.fromarray((np.asarray(picture) + noise).round().clip(0, 255).astype(np.uint8))


def blurred(picture: PILImage, radius: float) -> PILImage:
    """Put the picture out of focus."""
    return picture.filter(ImageFilter.GaussianBlur(radius))


def moved(picture: PILImage, length: float, degrees: float) -> PILImage:
    """Blur as a camera does that moves by so many pixels."""
    steps = max(2, round(length))
    angle = math.radians(degrees)
    total = np.zeros((picture.height, picture.width, 3), np.float32)
    for place in np.linspace(-length / 2, length / 2, steps):
        row, column = round(place * math.sin(angle)), round(place * math.cos(angle))
        edge = ((max(row, 0), max(-row, 0)), (max(column, 0), max(-column, 0)), (0, 0))
        padded = np.pad(np.asarray(picture), edge, mode="edge")
        top, left = max(-row, 0), max(-column, 0)
        total += padded[top : top + picture.height, left : left + picture.width]
    return Image.fromarray((total / steps).round().astype(np.uint8))


def sharpened(picture: PILImage, radius: float, percent: int) -> PILImage:
    """Sharpen far too much, as phones and scanners do."""
    return picture.filter(ImageFilter.UnsharpMask(radius, percent, 0))


def speckled(picture: PILImage, share: float, rng: Generator) -> PILImage:
    """Turn a share of the pixels black or white."""
    chance = rng.random((picture.height, picture.width, 1), np.float32)
    levels = np.where(chance < share / 2, 0, np.where(chance > 1 - share / 2, 255, np.asarray(picture)))
    return Image.fromarray(levels.astype(np.uint8))


def lined(picture: PILImage, period: int, kept: float, *, upright: bool = False) -> PILImage:
    """Darken every so-manieth row, or column, as screens show them."""
    levels = np.array(picture)
    lines = levels[:, ::period] if upright else levels[::period]
    lines[...] = lines * kept
    return Image.fromarray(levels)


def printed(picture: PILImage) -> PILImage:
    """Leave black and white dots, as newspapers and fax machines do."""
    return picture.convert("1").convert("RGB")


def compressed(picture: PILImage, kind: str, quality: int) -> PILImage:
    """Save as JPEG or WebP and read it again."""
    file = io.BytesIO()
    picture.save(file, kind, quality=quality)
    with Image.open(file) as saved:
        return saved.convert("RGB")


def paletted(picture: PILImage, colors: int, *, dithered: bool) -> PILImage:
    """Leave so many colors, as a GIF does."""
    few = picture.quantize(colors)
    if dithered:
        few = picture.quantize(palette=few, dither=Image.Dither.FLOYDSTEINBERG)
    return few.convert("RGB")


def posterized(picture: PILImage, levels: int) -> PILImage:
    """Leave so many levels of each channel."""
    step = 255 / (levels - 1)
    return picture.point([round(round(level / step) * step) for level in range(256)] * 3)


def at_scale(picture: PILImage, scale: float, change: Change = Image.Image.copy) -> PILImage:
    """Change a picture that is `scale` times as large, and bring it back to its size."""
    size = (max(8, round(picture.width * scale)), max(8, round(picture.height * scale)))
    other = change(picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0))
    return other.resize(picture.size, Image.Resampling.BICUBIC)


def blob(size: tuple[int, int], rng: Generator) -> PILImage:
    """Draw a soft random shape, a mask of mode L."""
    cells = int(rng.integers(3, 8))
    noise = Image.fromarray(rng.standard_normal((cells, cells), np.float32)).resize(size, Image.Resampling.BICUBIC)
    place = (np.asarray(noise) - rng.uniform(-0.5, 0.5)) * rng.uniform(4, 30)
    return Image.fromarray((255 * expit(place)).astype(np.uint8))


def some_light(rng: Generator) -> Change:
    gains = np.exp(-rng.uniform(0.0, 2.2, 3))
    red, green, blue = gains / gains.max() * rng.uniform(0.5, 1.2)
    return lambda picture: lit(picture, red, green, blue)


def some_exposure(rng: Generator) -> Change:
    gain = math.exp(rng.uniform(math.log(1 / 8), 0) if rng.random() < 0.4 else rng.uniform(0.2, 1.1))
    levels = rng.uniform(0, 6)  # noise, which shows in the dark
    return lambda picture: noisy(lit(picture, gain, gain, gain), levels, rng)


def some_contrast(rng: Generator) -> Change:
    if rng.random() < 0.25:
        return ImageOps.equalize
    kept, middle = rng.uniform(0.12, 0.6), rng.uniform(60, 200)
    return lambda picture: contrasted(picture, kept, middle)


def some_hue(rng: Generator) -> Change:
    degrees = rng.uniform(-180, 180)
    return lambda picture: hued(picture, degrees)


def some_regions_hue(rng: Generator) -> Change:
    degrees = rng.uniform(-180, 180)
    return lambda picture: Image.composite(hued(picture, degrees), picture, blob(picture.size, rng))


def some_fading(rng: Generator) -> Change:
    if rng.random() < 0.3:
        share = rng.uniform(0.6, 1.0)
        return lambda picture: sepia(picture, share)
    kept = 0.0 if rng.random() < 0.6 else rng.uniform(0.0, 0.6)
    return lambda picture: faded(picture, kept)


def some_noise(rng: Generator) -> Change:
    levels = rng.uniform(4, 32)
    return rescaled(rng, lambda picture: noisy(picture, levels, rng), 0.3)


def some_blur(rng: Generator) -> Change:
    if rng.random() < 0.5:
        radius = rng.uniform(0.6, 3.5)
        return lambda picture: blurred(picture, radius)
    share, degrees = rng.uniform(0.01, 0.08), rng.uniform(0, 180)
    return lambda picture: moved(picture, share * max(picture.size), degrees)


def some_sharpening(rng: Generator) -> Change:
    radius, percent = rng.uniform(0.8, 4), int(rng.integers(80, 450))
    return lambda picture: sharpened(picture, radius, percent)


def some_raster(rng: Generator) -> Change:
    share, kept = rng.uniform(0.01, 0.12), rng.uniform(0, 0.8)
    period, upright = int(rng.integers(2, 6)), bool(rng.random() < 0.3)
    changes: tuple[Change, ...] = (
        lambda picture: speckled(picture, share, rng),
        lambda picture: lined(picture, period, kept, upright=upright),
        printed,
    )
    return rescaled(rng, changes[rng.choice(3, p=(0.4, 0.4, 0.2))], 0.5)


def rescaled(rng: Generator, change: Change, smallest: float) -> Change:
    """Return a change that the picture gets, often, at another size than it is shown in."""
    if rng.random() > RESCALED:
        return change
    scale = math.exp(rng.uniform(math.log(smallest), math.log(1.5)))
    return lambda picture: at_scale(picture, scale, change)


def some_compression(rng: Generator) -> Change:
    kind = "JPEG" if rng.random() < 0.75 else "WEBP"
    quality = round(math.exp(rng.uniform(math.log(5), math.log(60))))
    return rescaled(rng, lambda picture: compressed(picture, kind, quality), 0.4)


def some_palette(rng: Generator) -> Change:
    colors, dithered = round(math.exp(rng.uniform(math.log(8), math.log(128)))), bool(rng.random() < 0.5)
    if rng.random() < 0.2:
        levels = int(rng.integers(3, 7))
        return rescaled(rng, lambda picture: posterized(picture, levels), 0.7)
    return rescaled(rng, lambda picture: paletted(picture, colors, dithered=dithered), 0.7)


def some_enlargement(rng: Generator) -> Change:
    scale = rng.uniform(0.2, 0.7)
    return lambda picture: at_scale(picture, scale)


# How often each is drawn, beside the others.
DRAWN: dict[Callable[[Generator], Change], float] = {
    some_light: 3,
    some_hue: 6,
    some_regions_hue: 1,
    some_fading: 3.5,
    some_exposure: 3,
    some_contrast: 1.5,
    some_noise: 2.5,
    some_blur: 2,
    some_enlargement: 1.5,
    some_sharpening: 1.5,
    some_raster: 2.5,
    some_compression: 4,
    some_palette: 4,
}


def drawn(rng: Generator) -> Change:
    """Return one disguise drawn at random, or two, in the order in which they happen to a photograph."""
    kinds = list(DRAWN)
    chances = np.array(list(DRAWN.values()))
    count = 2 if rng.random() < SECOND else 1
    changes = [kinds[i](rng) for i in sorted(rng.choice(len(kinds), count, replace=False, p=chances / chances.sum()))]

    def change(picture: PILImage) -> PILImage:
        for step in changes:
            picture = step(picture)
        return picture

    return change
