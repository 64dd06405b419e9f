"""Train the network: a sampling plan over the sources, BCE + Dice, AdamW with one cycle, an average of the weights."""

import copy
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import textures
from .augment import Views, augment
from .data import NEGATIVES_SEEN, Photo, library_photo, without_skin
from .network import TinySkin, resize_to

# Share of the views drawn from each source: the many near-alike FASSEG poses count for less than their number.
SHARES = {
    "press_and_portraits": 0.44,
    "fasseg_multipose": 0.09,
    "fasseg_frontal": 0.08,
    "mixed_web": 0.17,
    "hands_and_necks": 0.04,
    "negatives": 0.09,
    "textures": 0.09,
}
SIZES = (128, 160, 192, 192, 224, 256)


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    epochs: int = 40
    views_per_epoch: int = 800
    batch: int = 16
    learning_rate: float = 8e-4
    weight_decay: float = 0.02
    averaging: float = 0.995
    texture_count: int = 240
    seed: int = 8


def negatives(plan: Plan) -> list[Photo]:
    """Pictures without skin: scikit-image's photographs, and drawn skin-coloured textures."""
    rng = np.random.default_rng(plan.seed)
    photos = [without_skin(name, library_photo(name)) for name in NEGATIVES_SEEN]
    drawn = [without_skin(f"texture{i}", textures.draw(rng), "textures") for i in range(plan.texture_count)]
    return photos + drawn


def draw_weights(photos: Sequence[Photo]) -> Tensor:
    """Return the chance of each photo, so that each source gets its share."""
    counts = Counter(photo.source for photo in photos)
    return torch.tensor([SHARES[photo.source] / counts[photo.source] for photo in photos])


def loss_of(logits: Tensor, mask: Tensor, known: Tensor) -> Tensor:
    """Return BCE and, image by image, soft Dice over the known pixels; logits may be smaller than the masks."""
    logits = resize_to(logits, mask)
    bce = F.binary_cross_entropy_with_logits(logits, mask, known)
    probability = logits.sigmoid() * known
    target = mask * known
    slack = 0.002 * target[0].numel()  # keeps an empty picture's Dice finite and its gradient alive
    overlap = 2 * (probability * target).sum((1, 2, 3)) + slack
    dice = overlap / (probability.sum((1, 2, 3)) + target.sum((1, 2, 3)) + slack)
    return bce + 0.5 * (1 - dice).mean()


class WeightAverage:
    """An exponential average of a network's parameters, with its current buffers: better than its last step."""

    def __init__(self, network: TinySkin, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for kept, new in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def train(photos: Sequence[Photo], start: Path, plan: Plan, checkpoint: Path) -> TinySkin:
    """Train on the photos and the negatives; after every epoch `checkpoint` holds the averaged weights."""
    torch.manual_seed(plan.seed)
    rng = torch.Generator().manual_seed(plan.seed)
    empty = negatives(plan)
    views = Views([*photos, *empty], empty, rng)
    weights = draw_weights([*photos, *empty])
    network = TinySkin()
    network.start_from(start, views.batch(weights, 4 * plan.batch, 192)[:, :3])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=plan.weight_decay)
    steps = plan.views_per_epoch // plan.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.learning_rate, plan.epochs * steps, pct_start=0.1)
    average = WeightAverage(network, plan.averaging)
    for epoch in range(plan.epochs):
        started, total = time.perf_counter(), 0.0
        network.train()
        for _ in range(steps):
            size = SIZES[int(torch.randint(len(SIZES), (), generator=rng))]
            image, mask, seen = augment(views.batch(weights, plan.batch, size), rng)
            loss = loss_of(network(image.contiguous(memory_format=torch.channels_last)), mask, seen)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update(network)
            total += loss.item()
        torch.save(average.network.state_dict(), checkpoint)
        seconds = time.perf_counter() - started
        print(f"epoch {epoch + 1}/{plan.epochs}  loss {total / steps:.4f}  {seconds:.0f} s", flush=True)
    return average.network
