"""Skin-colored things that are not skin, drawn: wood, sand, bread, weave, plaster, walls. Cheap hard negatives."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from skimage.color import hsv2rgb
from skimage.transform import resize

Floats = NDArray[np.float32]
SIDE = 192
GRAY, THINGS = 0.4, 0.65  # shares of the pictures


def cloud(rng: Generator, coarsest: int, octaves: int, rows_per_column: float = 1.0) -> Floats:
    """Fractal noise in 0..1, [SIDE, SIDE]; `rows_per_column` above 1 stretches it along the rows."""
    total = np.zeros((SIDE, SIDE))
    for octave in range(octaves):
        cells = min(SIDE, coarsest * 2**octave)
        grid = rng.random((max(2, min(SIDE, int(cells * rows_per_column))), max(2, cells)))
        total += resize(grid, (SIDE, SIDE), order=1, anti_aliasing=False) * 0.6**octave
    return np.asarray((total - total.min()) / np.ptp(total), np.float32)


def wood(rng: Generator) -> Floats:
    phase = rng.uniform(3, 20) * cloud(rng, 2, 3, 8) + rng.uniform(0, 6) * np.linspace(0, 1, SIDE)[:, None]
    rings = np.sin(2 * np.pi * phase)
    grain = cloud(rng, 3, 4, 30)
    planks = np.sin(np.linspace(0, rng.integers(1, 9) * np.pi, SIDE))[:, None] ** 2 > 0.02
    board = (0.5 + 0.3 * rings * rng.uniform(0.2, 1) + 0.4 * (grain - 0.5)) * np.where(planks, 1, 0.4)
    return (board.T if rng.random() < 0.5 else board).astype(np.float32)


def sand(rng: Generator) -> Floats:
    return (0.5 * cloud(rng, 3, 3) + rng.uniform(0.2, 0.8) * rng.random((SIDE, SIDE), np.float32)).astype(np.float32)


def plaster(rng: Generator) -> Floats:
    return cloud(rng, int(rng.integers(2, 12)), int(rng.integers(1, 6)))


def weave(rng: Generator) -> Floats:
    rows, columns = np.mgrid[:SIDE, :SIDE] * rng.uniform(0.3, 2.5)
    return np.asarray(0.5 + 0.25 * np.sin(rows) * np.cos(columns) + 0.3 * (cloud(rng, 3, 5) - 0.5), np.float32)


def crumb(rng: Generator) -> Floats:
    """Draw bread or sponge: a rough surface with dark pores."""
    field = cloud(rng, int(rng.integers(6, 24)), 4)
    return np.where(field < rng.uniform(0.25, 0.45), 0.4 * field, field).astype(np.float32)


def wall(rng: Generator) -> Floats:
    """Draw a plain surface under a lamp, sometimes with panels."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE - rng.random((2, 1, 1))
    light = 1 - rng.uniform(0, 0.8) * np.hypot(rows, columns)
    panels = (np.floor(rows * rng.integers(1, 5)) + np.floor(columns * rng.integers(1, 5))) % 2
    return np.asarray(0.8 * light - rng.choice([0, 0, 0.1, 0.3]) * panels, np.float32)


PATTERNS: tuple[Callable[[Generator], Floats], ...] = (wood, wood, sand, plaster, weave, crumb, wall)


def skin_colored(rng: Generator, pattern: Floats) -> NDArray[np.uint8]:
    """Dye a pattern between two tones of skin's hues: RGB [SIDE, SIDE, 3]."""
    hue = rng.uniform(-0.02, 0.11) % 1.0
    light = (hue, rng.uniform(0.1, 0.75), rng.uniform(0.3, 1.0))
    dark = ((hue + rng.normal(0, 0.015)) % 1.0, rng.uniform(0.1, 0.8), rng.uniform(0.05, 0.9))
    light, dark = hsv2rgb(np.array([[light, dark]]))[0]
    mix = np.clip(pattern, 0, 1)[..., None] ** rng.uniform(0.5, 2)
    return np.asarray(255 * (mix * light + (1 - mix) * dark), np.uint8)


def lay_thing(rng: Generator, ground: NDArray[np.uint8], surface: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a rounded, shaded thing made of one texture on a ground: fruit, nut, mushroom, bread, an animal's body."""
    places = np.mgrid[:SIDE, :SIDE] / SIDE - rng.uniform(0.2, 0.8, (2, 1, 1))
    rows, columns = places / rng.uniform(0.1, 0.45, (2, 1, 1))
    radius = np.hypot(rows, columns) + rng.uniform(0.1, 1.2) * (cloud(rng, 3, 2) - 0.5)
    light = 1 - rng.uniform(0, 0.7) * np.clip(np.hypot(rows + 0.3, columns + 0.3), 0, 1.4) / 1.4
    cover = np.clip((1 - radius) * rng.uniform(8, 40), 0, 1)[..., None]
    return np.asarray(cover * surface * light[..., None] + (1 - cover) * ground, np.uint8)


def draw(rng: Generator) -> NDArray[np.uint8]:
    """Draw one picture without skin in skin's colors, or in gray, as stones and moons are: RGB [SIDE, SIDE, 3]."""

    def surface() -> NDArray[np.uint8]:
        return skin_colored(rng, PATTERNS[rng.integers(len(PATTERNS))](rng))

    picture = surface()
    if rng.random() < THINGS:
        if rng.random() < 0.7:  # cut out, as goods are shown: on white or on one color
            picture = np.full_like(picture, rng.choice([255, rng.integers(0, 256)]))
        for _ in range(rng.integers(1, 4)):
            picture = lay_thing(rng, picture, surface())
    return np.repeat(picture.mean(2, keepdims=True).astype(np.uint8), 3, 2) if rng.random() < GRAY else picture
