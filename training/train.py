"""Train the network: a sampling plan over the sources, BCE + Dice, AdamW with one cycle, an average of the weights."""

import copy
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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

    epochs: int = 8
    views_per_epoch: int = 800
    batch: int = 16
    learning_rate: float = 3e-4
    weight_decay: float = 0.02
    averaging: float = 0.985
    texture_count: int = 320
    tuned: float = 0.7  # share of what was learned here in the result; the rest is the network that it started from
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


def rate_factor(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step: a short rise, a plateau, and a fall over the last third."""
    return min(1.0, (step + 1) / 50, (steps - step) / (steps / 3))


def blend(network: TinySkin, begun: Mapping[str, Tensor], tuned: float) -> TinySkin:
    """Return the network part of the way back to where it began: it keeps more of what these photos do not show.

    Weights and norms are mixed one by one (Wortsman et al., arXiv 2109.01903).
    """
    now = network.state_dict()
    mixed = {name: begun[name].lerp(now[name], tuned) for name in now if now[name].is_floating_point()}
    network.load_state_dict({**now, **mixed})
    return network.eval()


def train(photos: Sequence[Photo], start: Path, plan: Plan, checkpoint: Path) -> TinySkin:
    """Train on the photos and the negatives, and return the average of the weights, blended with the start.

    Every epoch ends in `checkpoint`; where that file is there already, training goes on from it.
    """
    torch.manual_seed(plan.seed)
    rng = torch.Generator().manual_seed(plan.seed)
    empty = negatives(plan)
    views = Views([*photos, *empty], empty, rng)
    weights = draw_weights([*photos, *empty])
    network = TinySkin()
    network.start_from(start, views.batch(weights, 4 * plan.batch, 192)[:, :3])
    begun = copy.deepcopy(network.state_dict())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = get_ema_multi_avg_fn(plan.averaging)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=ema, use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {
        "network": network,
        "average": average,
        "optimizer": optimizer,
    }
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        rng.set_state(saved["rng"])
        first = saved["epochs"]
    steps = plan.views_per_epoch // plan.batch
    for epoch in range(first, plan.epochs):
        started, total = time.perf_counter(), 0.0
        network.train()
        for step in range(epoch * steps, (epoch + 1) * steps):
            for group in optimizer.param_groups:
                group["lr"] = plan.learning_rate * rate_factor(step, plan.epochs * steps)
            size = SIZES[int(torch.randint(len(SIZES), (), generator=rng))]
            image, mask, seen = augment(views.batch(weights, plan.batch, size), rng)
            loss = loss_of(network(image.contiguous(memory_format=torch.channels_last)), mask, seen)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            average.update_parameters(network)
            total += loss.item()
        states = {name: part.state_dict() for name, part in parts.items()}
        torch.save({**states, "rng": rng.get_state(), "epochs": epoch + 1}, checkpoint)
        seconds = time.perf_counter() - started
        print(f"epoch {epoch + 1}/{plan.epochs}  loss {total / steps:.4f}  {seconds:.0f} s", flush=True)
    trained = average.module
    assert isinstance(trained, TinySkin)
    return blend(trained, begun, plan.tuned)
