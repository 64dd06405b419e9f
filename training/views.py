"""Random views of photographs: where a view is cut, what its colors become, what hides it.

Every function draws from the `torch.Generator` it is given, so a seed decides all of it. A view is float32 [11, S, S]:
the layers of `Photo`, in 0..1.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from .data import KNOWN, LAYERS, MASK, Photo
from .disguises import LUMA as LUMA_SHARES
from .disguises import SEPIA as SEPIA_TONES
from .disguises import drawn

ZOOM = (0.5, 4.0)  # longest side of the photo, as a multiple of the side of the view
FAR, FAR_RATE = (0.15, 0.5), 0.15  # people far away
COLLAGE_RATE = 0.25
BALANCE = 0.06  # deviation of the logarithm of each channel's gain
EXPOSURE = (-0.25, 0.2)  # logarithm of the gain of all
OCCLUDED, STRONG_HUE, GRAY, SEPIA_TONED, DARKENED, DYED = 0.04, 0.02, 0.02, 0.02, 0.25, 0.15  # shares of the views
DISGUISED, QUARTERED, TURNED = 0.5, 0.18, 0.06  # likewise: a change of `disguises`; turns by 90 to 270, by any angle
CUT_OUT, TINTED, GRAYED = 0.3, 0.15, 0.25  # likewise, of those of pictures without skin
PASTED = 0.5  # likewise, of those of hands
FAIR, DEEP = torch.tensor([1.0, 0.86, 0.75]), torch.tensor([0.33, 0.2, 0.13])  # the ends of skin's tones
SMALLEST_SKIN = 16  # pixels that tell a tone
LUMA = torch.tensor(LUMA_SHARES)
SEPIA = torch.tensor(SEPIA_TONES)
RGB_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True)
class Pyramid:
    """A photo as uint8 [11, h, w] at full size and halved up to three times, so that a small view is not aliased."""

    levels: tuple[Tensor, ...]

    @classmethod
    def of(cls, photo: Photo) -> "Pyramid":
        levels = [torch.from_numpy(photo.layers)]
        for _ in range(3):
            halves = [max(1, side // 2) for side in levels[-1].shape[1:]]
            levels.append(F.interpolate(levels[-1][None].float(), halves, mode="area")[0].round().to(torch.uint8))
        return cls(tuple(levels))

    def for_side(self, side: float) -> Tensor:
        """Return the smallest level that is still at least `side` long."""
        fitting = [level for level in self.levels if max(level.shape[1:]) >= side]
        return (fitting or self.levels)[-1 if fitting else 0]


def uniform(rng: Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=rng).item()


def cut(pyramid: Pyramid, size: int, rng: Generator) -> tuple[Tensor, Tensor]:
    """Return a view [11, size, size] at random zoom, turn, aspect, flip and place, and where it shows the photo itself.

    Beyond its edges the photo is mirrored.
    """
    smallest, largest = FAR if chosen(rng, FAR_RATE) else ZOOM
    zoom = math.exp(uniform(rng, math.log(smallest), math.log(largest)))
    source = pyramid.for_side(zoom * size)
    height, width = source.shape[1:]
    step = max(height, width) / (zoom * size)  # source pixels per view pixel
    aspect = math.exp(uniform(rng, -0.15, 0.15))
    most = 180 if chosen(rng, TURNED) else 25  # degrees
    turn = math.radians(uniform(rng, -most, most)) * (uniform(rng, 0, 1) < 0.6)
    flip = 1 if uniform(rng, 0, 1) < 0.5 else -1
    reach_x, reach_y = step * size * aspect / width, step * size / aspect / height
    cos, sin = math.cos(turn), math.sin(turn)
    along = torch.linspace(1 / size - 1, 1 - 1 / size, size)
    x, y = along[None], along[:, None]  # of the view, -1 to 1; below those of the photo
    across = flip * reach_x * cos * x - reach_x * sin * y + uniform(rng, -1, 1) * abs(1 - reach_x)
    down = flip * reach_y * sin * x + reach_y * cos * y + uniform(rng, -1, 1) * abs(1 - reach_y)
    grid = torch.stack([across, down], -1)[None]
    view = F.grid_sample(source[None].float() / 255, grid, padding_mode="reflection", align_corners=False)[0]
    return view, (grid[0].abs() <= 1).all(-1)


class Views:
    """Draws views: photos, photos on a background without skin, and collages that make small faces of large ones."""

    def __init__(self, photos: list[Photo], rng: Generator) -> None:
        self.photos = [Pyramid.of(photo) for photo in photos]
        self.bare = [not photo.shows_skin for photo in photos]
        self.hands = [photo.source == "hgr1" for photo in photos]
        self.backgrounds = [pyramid for pyramid, bare in zip(self.photos, self.bare, strict=True) if bare]
        self.rng = rng

    def background(self, size: int) -> Tensor:
        index = int(torch.randint(len(self.backgrounds), (), generator=self.rng))
        return cut(self.backgrounds[index], size, self.rng)[0]

    def single(self, index: int, size: int) -> Tensor:
        view, inside = cut(self.photos[index], size, self.rng)
        if not inside.all() and uniform(self.rng, 0, 1) < 0.5:
            return torch.where(inside, view, self.background(size))
        if self.hands[index] and chosen(self.rng, PASTED):
            return pasted(view, self.background(size), self.rng)
        return disguise(view, self.rng) if self.bare[index] else view

    def draw(self, weights: Tensor, size: int) -> Tensor:
        """One view of photos chosen with `weights`; a quarter of a collage may be a collage again."""
        if size >= 64 and uniform(self.rng, 0, 1) < COLLAGE_RATE:
            quarters = [self.draw(weights, size // 2) for _ in range(4)]
            return torch.cat([torch.cat(quarters[:2], 2), torch.cat(quarters[2:], 2)], 1)
        view = self.single(int(torch.multinomial(weights, 1, generator=self.rng)), size)
        return occlude(view, self.rng) if chosen(self.rng, OCCLUDED) else view

    def batch(self, weights: Tensor, count: int, size: int) -> Tensor:
        """Return augmented views [count, 11, size, size]."""
        return torch.stack([augment(self.draw(weights, size), self.rng) for _ in range(count)])


def chosen(rng: Generator, rate: float) -> bool:
    return uniform(rng, 0, 1) < rate


def luma(image: Tensor) -> Tensor:
    return torch.tensordot(LUMA, image, 1)[None]


def hue_turn(angle: float) -> Tensor:
    """Return the matrix [3, 3] that rotates RGB's chroma in the YIQ plane by an angle in radians."""
    cos, sin = math.cos(angle), math.sin(angle)
    rotation = torch.tensor([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    return torch.linalg.inv(RGB_TO_YIQ) @ rotation @ RGB_TO_YIQ


def gains(rng: Generator, low: float, high: float) -> Tensor:
    """Return what light of another strength, a logarithm from `low` to `high`, and color does to the channels, [3]."""
    return math.exp(uniform(rng, low, high)) * torch.exp(BALANCE * torch.randn(3, generator=rng))


def recolor(image: Tensor, rng: Generator) -> Tensor:
    """Gamma, exposure, white balance, hue, saturation, and now and then gray or sepia: [3, S, S] in 0..1 -> the same.

    All but the gamma are linear, so one matrix does them.
    """
    balance = torch.diag(gains(rng, *EXPOSURE))
    hue = hue_turn(uniform(rng, -1.0, 1.0) if chosen(rng, STRONG_HUE) else uniform(rng, -0.06, 0.06))
    kept = 0.0 if chosen(rng, GRAY) else uniform(rng, 0.7, 1.3)
    saturation = kept * torch.eye(3) + (1 - kept) * LUMA.expand(3, 3)
    tint = SEPIA if chosen(rng, SEPIA_TONED) else torch.eye(3)
    gamma = math.exp(uniform(rng, -0.3, 0.3))
    return torch.tensordot(tint @ saturation @ hue @ balance, image.clamp(1e-4, 1) ** gamma, 1).clamp_(0, 1)


def retone(image: Tensor, mask: Tensor, rng: Generator) -> Tensor:
    """Darken the skin alone in some pictures, for the photos show few dark skins, and dye what is not skin in others.

    Dyed with the mean color of its skin, a background can only be told from it by shape and texture.
    """
    soft = F.avg_pool2d(mask, 5, 1, 2)
    if chosen(rng, DARKENED):
        darker = image.clamp(1e-4, 1) ** uniform(rng, 1.1, 1.8) * uniform(rng, 0.55, 1.0)
        image = image + soft * (darker - image)
    area = mask.sum()
    if chosen(rng, DYED) and area > SMALLEST_SKIN:
        tone = (image * mask).sum((1, 2), keepdim=True) / area
        place = 1 - soft if chosen(rng, 0.2) else (1 - soft) * blob(image.shape[-1], rng)
        image = image + uniform(rng, 0.4, 1.0) * place * (dye(image, tone) - image)
    return image


def dye(image: Tensor, tone: Tensor) -> Tensor:
    """Give a picture the hue and saturation of one color [3, 1, 1]; its light stays."""
    return (luma(image) * tone / luma(tone).clamp_min(0.05)).clamp(0, 1)


def blob(size: int, rng: Generator) -> Tensor:
    """Draw a soft random shape, 0..1 [1, size, size]."""
    cells = 3 + int(uniform(rng, 0, 5))
    noise = F.interpolate(torch.randn(1, 1, cells, cells, generator=rng), size=(size, size), mode="bicubic")[0]
    return ((noise - uniform(rng, -0.5, 0.5)) * uniform(rng, 4, 30)).sigmoid()


def disguise(view: Tensor, rng: Generator) -> Tensor:
    """Tint some pictures without skin with its tones, gray others; cut some out on white, as goods are shown."""
    if chosen(rng, TINTED):
        tone = torch.lerp(DEEP, FAIR, uniform(rng, 0, 1)) * (1 + 0.08 * torch.randn(3, generator=rng))
        tinted = torch.lerp(view[:3], dye(view[:3], tone.view(3, 1, 1)), uniform(rng, 0.5, 1.0))
        view = torch.cat([tinted, view[3:]])
    if chosen(rng, GRAYED):
        view = torch.cat([luma(view[:3]).expand(3, -1, -1), view[3:]])
    if chosen(rng, CUT_OUT):
        ground = torch.ones(3, 1, 1) if chosen(rng, 0.7) else torch.rand(3, 1, 1, generator=rng)
        size = view.shape[-1]
        across = torch.linspace(-1, 1, size)
        shape = blob(size, rng)
        inside = uniform(rng, 0.5, 1.2) - torch.hypot(across[None], across[:, None])
        shape = shape * (12 * inside).sigmoid()
        view = torch.cat([torch.lerp(ground, view[:3], shape), view[3:]])
    return view


def pasted(view: Tensor, ground: Tensor, rng: Generator) -> Tensor:
    """Lay the skin of one view over another, in another light: few rooms are behind the hands of the photos."""
    light = gains(rng, -0.5, 0.2).view(3, 1, 1)
    skin = view[MASK : MASK + 1]
    image = torch.lerp(ground[:3], (light * view[:3]).clamp(0, 1), F.avg_pool2d(skin, 3, 1, 1))
    return torch.cat([image, torch.where(skin > 0.5, view[3:], ground[3:])])


def soften(image: Tensor, rng: Generator) -> Tensor:
    """Lose detail as small or noisy pictures do."""
    if chosen(rng, 0.35):
        coarse = F.avg_pool2d(image, 2 + int(uniform(rng, 0, 1) ** 1.5 * 6))[None]
        image = F.interpolate(coarse, size=image.shape[1:], mode="bicubic", align_corners=False)[0].clamp(0, 1)
    if chosen(rng, 0.3):
        noise = torch.randn(image.shape, generator=rng) * uniform(rng, 0.0, 0.06)
        image = (image + noise).clamp(0, 1)
    return image


def occlude(view: Tensor, rng: Generator) -> Tensor:
    """Lay a lattice of one color over a view; its bars are not skin."""
    steps = torch.arange(view.shape[-1])
    period, bar = int(uniform(rng, 20, 64)), int(uniform(rng, 3, 9))
    barred = (steps + int(uniform(rng, 0, period))) % period < bar
    color = torch.zeros(LAYERS)  # no skin; no more is told
    color[:3], color[KNOWN] = torch.rand(3, generator=rng), 1
    return torch.where(barred[:, None] | barred[None, :], color.view(-1, 1, 1), view)


def augment(view: Tensor, rng: Generator) -> Tensor:
    """Return a view [11, S, S] as another day, camera and lamp would have shown it, half of them in a disguise."""
    if chosen(rng, QUARTERED):
        view = torch.rot90(view, 1 + int(uniform(rng, 0, 3)), (1, 2))
    image, mask = view[:3], view[3:4]
    image = soften(recolor(retone(image, mask, rng), rng), rng)
    return torch.cat([disguised(image, rng) if chosen(rng, DISGUISED) else image, view[3:]])


def disguised(image: Tensor, rng: Generator) -> Tensor:
    """Change a picture [3, S, S] in 0..1 as `disguises` draws it."""
    change = drawn(np.random.default_rng(int(torch.randint(2**31, (), generator=rng))))
    picture = Image.fromarray((255 * image).round().to(torch.uint8).permute(1, 2, 0).numpy())
    return torch.from_numpy(np.array(change(picture))).permute(2, 0, 1).float() / 255
