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
from .augment import Views
from .data import NEGATIVES_SEEN, Photo, library_photo, orange_suit, without_skin
from .network import TinySkin, resize_to

# Share of the views drawn from each source: the many near-alike FASSEG poses count for less than their number.
SHARES = {
    "press_and_portraits": 0.38,
    "fasseg_multipose": 0.07,
    "fasseg_frontal": 0.07,
    "mixed_web": 0.18,
    "hands_and_necks": 0.05,
    "negatives": 0.1,
    "textures": 0.15,
}
SAVED_EVERY = 100  # steps
VIEWS = ((224, 16), (256, 12), (320, 8), (384, 6))  # side and number of the views of a step: pixels about the same


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    steps: int = 700
    learning_rate: float = 1.5e-4
    weight_decay: float = 0.02
    averaging: float = 0.99
    texture_count: int = 640
    tuned: float = 0.7  # share of what was learned here in the result; the rest is the network that it started from
    taught: float = 1.5  # weight of what the start says of the same view, beside what the mask says
    frozen: int = 4  # blocks that stay what they were: with so few photos, early filters can only get worse
    seed: int = 8


def negatives(plan: Plan) -> list[Photo]:
    """Pictures without skin: photographs, and drawn skin-coloured textures."""
    rng = np.random.default_rng(plan.seed)
    photos = [without_skin(name, library_photo(name)) for name in NEGATIVES_SEEN]
    drawn = [without_skin(f"texture{i}", textures.draw(rng), "textures") for i in range(plan.texture_count)]
    return [*photos, without_skin("orange suit", orange_suit()), *drawn]


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
    """Return the share of the learning rate at a step: a short rise, a plateau, and a fall over the last two thirds."""
    return min(1.0, (step + 1) / 50, (steps - step) / (steps * 2 / 3))


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

    Now and then the state goes into `checkpoint`; where that file is there already, training goes on from it.
    """
    torch.manual_seed(plan.seed)
    rng = torch.Generator().manual_seed(plan.seed)
    empty = negatives(plan)
    views = Views([*photos, *empty], empty, rng)
    weights = draw_weights([*photos, *empty])
    network = TinySkin()
    network.start_from(start, views.batch(weights, 64, 192)[0][:, :3])
    begun = copy.deepcopy(network.state_dict())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.eval()  # its norms keep the statistics of the start: a few views would be poor ones
    network.freeze(plan.frozen)
    teacher = copy.deepcopy(network)
    ema = get_ema_multi_avg_fn(plan.averaging)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=ema)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, plan.learning_rate, weight_decay=plan.weight_decay)
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
        first = saved["step"]
    started, total = time.perf_counter(), 0.0
    for step in range(first, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * rate_factor(step, plan.steps)
        size, count = VIEWS[int(torch.randint(len(VIEWS), (), generator=rng))]
        plain, augmented = views.batch(weights, count, size)
        image, mask, known = augmented.split((3, 1, 1), 1)
        with torch.no_grad():
            taught = teacher(plain[:, :3].contiguous(memory_format=torch.channels_last)).sigmoid()
        logits = network(image.contiguous(memory_format=torch.channels_last))
        shows_skin = mask.amax((1, 2, 3), keepdim=True)  # of a picture without, the start knows less than we do
        lesson = F.binary_cross_entropy_with_logits(logits, taught, shows_skin.expand_as(taught))
        loss = loss_of(logits, mask, known) + plan.taught * lesson
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        average.update_parameters(network)
        total += loss.item()
        if (step + 1) % SAVED_EVERY == 0:
            states = {name: part.state_dict() for name, part in parts.items()}
            torch.save({**states, "rng": rng.get_state(), "step": step + 1}, checkpoint)
            seconds = time.perf_counter() - started
            print(f"step {step + 1} of {plan.steps}  loss {total / SAVED_EVERY:.4f}  {seconds:.0f} s", flush=True)
            started, total = time.perf_counter(), 0.0
    result = average.module
    assert isinstance(result, TinySkin)
    return blend(result, begun, plan.tuned)
