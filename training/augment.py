"""Random views of photographs: where a view is cut, what its colours become, what hides it.

Every function draws from the `torch.Generator` it is given, so a seed decides all of it. A view is float32 [5, S, S]:
RGB, mask and `known`, all 0..1; a batch of views is [N, 5, S, S].
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from .data import Photo, shrink

ZOOM = (0.6, 2.5)  # longest side of the photo, as a multiple of the side of the view
COLLAGE_RATE = 0.12
LUMA = torch.tensor([0.299, 0.587, 0.114])
SEPIA = torch.tensor([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
RGB_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True)
class Pyramid:
    """A photo as uint8 [5, h, w] at full, half and quarter size, so that a small view is not aliased."""

    levels: tuple[Tensor, ...]

    @classmethod
    def of(cls, photo: Photo) -> "Pyramid":
        sides = (max(photo.mask.shape) // divisor for divisor in (1, 2, 4))
        return cls(tuple(cls._level(photo, side) for side in sides))

    @staticmethod
    def _level(photo: Photo, side: int) -> Tensor:
        image, mask, known = (shrink(layer, side) for layer in (photo.image, photo.mask, photo.known))
        return torch.from_numpy(np.dstack([image, mask, known]).transpose(2, 0, 1).copy())

    def for_side(self, side: float) -> Tensor:
        """Return the smallest level that is still at least `side` long."""
        fitting = [level for level in self.levels if max(level.shape[1:]) >= side]
        return (fitting or self.levels)[-1 if fitting else 0]


def uniform(rng: Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=rng).item()


def cut(pyramid: Pyramid, size: int, rng: Generator) -> tuple[Tensor, Tensor]:
    """Return a view [5, size, size] at random zoom, turn, aspect, flip and place, and where it shows the photo itself.

    Beyond its edges the photo is mirrored.
    """
    zoom = math.exp(uniform(rng, math.log(ZOOM[0]), math.log(ZOOM[1])))
    source = pyramid.for_side(zoom * size)
    height, width = source.shape[1:]
    step = max(height, width) / (zoom * size)  # source pixels per view pixel
    aspect = math.exp(uniform(rng, -0.15, 0.15))
    turn = math.radians(uniform(rng, -25, 25)) * (uniform(rng, 0, 1) < 0.6)
    flip = 1 if uniform(rng, 0, 1) < 0.5 else -1
    reach_x, reach_y = step * size * aspect / width, step * size / aspect / height
    cos, sin = math.cos(turn), math.sin(turn)
    theta = torch.tensor(
        [
            [flip * reach_x * cos, -reach_x * sin, uniform(rng, -1, 1) * abs(1 - reach_x)],
            [flip * reach_y * sin, reach_y * cos, uniform(rng, -1, 1) * abs(1 - reach_y)],
        ]
    )
    grid = F.affine_grid(theta[None], [1, 1, size, size], align_corners=False)
    view = F.grid_sample(source[None].float() / 255, grid, padding_mode="reflection", align_corners=False)[0]
    return view, (grid[0].abs() <= 1).all(-1)


class Views:
    """Draws views: photos, photos on a background without skin, and collages that make small faces of large ones."""

    def __init__(self, photos: list[Photo], backgrounds: list[Photo], rng: Generator) -> None:
        self.photos = [Pyramid.of(photo) for photo in photos]
        self.backgrounds = [Pyramid.of(photo) for photo in backgrounds]
        self.rng = rng

    def background(self, size: int) -> Tensor:
        index = int(torch.randint(len(self.backgrounds), (), generator=self.rng))
        return cut(self.backgrounds[index], size, self.rng)[0]

    def single(self, index: int, size: int) -> Tensor:
        view, inside = cut(self.photos[index], size, self.rng)
        if not inside.all() and uniform(self.rng, 0, 1) < 0.5:
            return torch.where(inside, view, self.background(size))
        return view

    def draw(self, weights: Tensor, size: int) -> Tensor:
        """One view of photos chosen with `weights`; a quarter of a collage may be a collage again."""
        if size >= 64 and uniform(self.rng, 0, 1) < COLLAGE_RATE:
            quarters = [self.draw(weights, size // 2) for _ in range(4)]
            return torch.cat([torch.cat(quarters[:2], 2), torch.cat(quarters[2:], 2)], 1)
        return self.single(int(torch.multinomial(weights, 1, generator=self.rng)), size)

    def batch(self, weights: Tensor, count: int, size: int) -> Tensor:
        return torch.stack([self.draw(weights, size) for _ in range(count)])


def per_image(rng: Generator, count: int, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand((count, 1, 1, 1), generator=rng)


def chosen(rng: Generator, count: int, rate: float) -> Tensor:
    return torch.rand((count, 1, 1, 1), generator=rng) < rate


def luma(image: Tensor) -> Tensor:
    return (image * LUMA.view(3, 1, 1)).sum(1, keepdim=True)


def recolour(image: Tensor, rng: Generator) -> Tensor:
    """Exposure, white balance, saturation, hue, and now and then grey, sepia: [N, 3, S, S] in 0..1 -> the same."""
    count = len(image)
    image = image.clamp(1e-4, 1) ** torch.exp(per_image(rng, count, -0.3, 0.3))
    balance = torch.exp(0.06 * torch.randn((count, 3, 1, 1), generator=rng))
    image = image * balance * torch.exp(per_image(rng, count, -0.25, 0.2))
    angle = per_image(rng, count, -0.06, 0.06) + chosen(rng, count, 0.04) * per_image(rng, count, -1.0, 1.0)
    image = turn_hue(image, angle.flatten())
    saturation = torch.where(chosen(rng, count, 0.04), torch.zeros(()), per_image(rng, count, 0.7, 1.3))
    grey = luma(image)
    image = grey + saturation * (image - grey)
    sepia = torch.einsum("ij,njhw->nihw", SEPIA, image)
    return torch.where(chosen(rng, count, 0.03), sepia, image).clamp(0, 1)


def turn_hue(image: Tensor, angle: Tensor) -> Tensor:
    """Rotate chroma in the YIQ plane by an angle in radians for each image."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    rotation = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], 1).view(-1, 3, 3)
    matrix = torch.linalg.inv(RGB_TO_YIQ) @ rotation @ RGB_TO_YIQ
    return torch.einsum("nij,njhw->nihw", matrix, image)


def retone(image: Tensor, mask: Tensor, rng: Generator) -> Tensor:
    """Darken the skin alone in some pictures, for the photos show few dark skins, and dye what is not skin in others.

    Dyed with the mean colour of its skin, a background can only be told from it by shape and texture.
    """
    count = len(image)
    soft = F.avg_pool2d(mask, 5, 1, 2)
    darker = image.clamp(1e-4, 1) ** per_image(rng, count, 1.1, 1.6) * per_image(rng, count, 0.6, 1.0)
    image = torch.where(chosen(rng, count, 0.15), image + soft * (darker - image), image)
    area = mask.sum((2, 3), keepdim=True)
    tone = (image * mask).sum((2, 3), keepdim=True) / area.clamp_min(1)
    dyed = (luma(image) * tone / luma(tone).clamp_min(0.05)).clamp(0, 1)
    strength = per_image(rng, count, 0.4, 1.0) * (1 - soft)
    return torch.where(chosen(rng, count, 0.06) & (area > 16), image + strength * (dyed - image), image)


def soften(image: Tensor, rng: Generator) -> Tensor:
    """Lose detail as small or noisy pictures do."""
    count, size = len(image), image.shape[-1]
    coarse = F.interpolate(F.avg_pool2d(image, 2), size=size, mode="bilinear", align_corners=False)
    image = torch.where(chosen(rng, count, 0.2), coarse, image)
    noise = torch.randn(image.shape, generator=rng) * per_image(rng, count, 0.0, 0.06)
    return torch.where(chosen(rng, count, 0.3), (image + noise).clamp(0, 1), image)


def occlude(batch: Tensor, rng: Generator, rate: float = 0.05) -> Tensor:
    """Lay a lattice of one colour over some pictures; its bars are not skin."""
    count, size = len(batch), batch.shape[-1]
    steps = torch.arange(size)
    for view in batch[torch.rand(count, generator=rng) < rate]:
        period, bar = int(uniform(rng, 20, 64)), int(uniform(rng, 3, 9))
        start = int(uniform(rng, 0, period))
        barred = (steps + start) % period < bar
        lattice = barred[:, None] | barred[None, :]
        colour = torch.cat([torch.rand(3, generator=rng), torch.tensor([0.0, 1.0])])
        view.copy_(torch.where(lattice, colour.view(5, 1, 1), view))
    return batch


def augment(batch: Tensor, rng: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Turn views [N, 5, S, S] into images [N, 3, S, S], masks and known [N, 1, S, S]."""
    batch = occlude(batch, rng)
    image, mask, known = batch[:, :3], batch[:, 3:4], batch[:, 4:]
    image = soften(recolour(retone(image, mask, rng), rng), rng)
    return image, mask, known
