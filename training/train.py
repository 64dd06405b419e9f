"""Train the network: a sampling plan over the sources, BCE + Dice, AdamW in cycles, an average of the weights."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from . import textures
from .augment import Views
from .data import LAYERS, NEGATIVES_SEEN, Photo, library_photo, orange_suit, without_skin
from .network import TinySkin, resize_to

# How often each source is drawn, beside the others: the many near-alike FASSEG poses count for less than their number.
SHARES = {
    "press_and_portraits": 0.2,
    "fasseg_multipose": 0.06,
    "fasseg_frontal": 0.05,
    "mixed_web": 0.09,
    "hands_and_necks": 0.03,
    "ccp": 0.22,
    "hgr1": 0.05,
    "abdomen": 0.05,
    "sfa": 0.05,
    "neg_grocery": 0.07,
    "neg_imagenet": 0.09,
    "negatives": 0.02,
    "textures": 0.07,
}
SAVED_EVERY = 100  # steps
VIEWS = ((192, 15), (256, 8), (320, 5), (384, 4))  # side and number of the views of a step: pixels about the same


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    steps: int = 10_600
    cycles: int = 2  # times that the learning rate rises and falls again
    learning_rate: float = 4e-4  # of the encoder
    decoder_rate: float = 3  # times that
    weight_decay: float = 0.02
    averaging: float = 0.997
    texture_count: int = 640
    taught: float = 0.5  # weight of what the teacher says of the same view, beside what the mask says
    edge: float = 1.0  # what a pixel near the skin's edge counts more than another
    parts: float = 0.3  # weight of eyes, brows and lips
    others: float = 0.5  # weight of hair and clothes, as the teacher sees them
    frozen: int = 2  # blocks that stay what they were
    workers: int = 1  # processes that make views
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


def near_edge(mask: Tensor) -> Tensor:
    """Return 1 within three pixels of the skin's edge, else 0."""
    mean = F.avg_pool2d(mask, 7, 1, 3, count_include_pad=False)
    return ((mean > 0.02) & (mean < 0.98)).to(mask.dtype)


def loss_of(logits: Tensor, others: Tensor, layers: Tensor, plan: Plan) -> Tensor:
    """Return BCE and, image by image, soft Dice over the known pixels, and BCE of hair and clothes as taught.

    Logits may be smaller than the layers.
    """
    logits = resize_to(logits, layers)
    region, not_skin = logits.split(1, 1)
    mask, known, parts, told, taught = layers[:, :5].split(1, 1)
    counted = known * (1 + plan.edge * near_edge(mask))
    bce = F.binary_cross_entropy_with_logits(region, mask, counted)
    lesson = F.binary_cross_entropy_with_logits(region, taught)
    probability = region.sigmoid() * known
    target = mask * known
    slack = 0.002 * target[0].numel()  # keeps an empty picture's Dice finite and its gradient alive
    overlap = 2 * (probability * target).sum((1, 2, 3)) + slack
    dice = overlap / (probability.sum((1, 2, 3)) + target.sum((1, 2, 3)) + slack)
    inside = F.binary_cross_entropy_with_logits(not_skin, parts, told, reduction="sum") / told.sum().clamp_min(1)
    answer, seen = (F.avg_pool2d(x, layers.shape[-1] // others.shape[-1]) for x in (layers[:, 5:7], layers[:, 7:]))
    around = F.binary_cross_entropy_with_logits(others, answer, seen.expand_as(answer))
    return bce + 0.5 * (1 - dice).mean() + plan.taught * lesson + plan.parts * inside + plan.others * around


def rate_factor(step: int, plan: Plan) -> float:
    """Return the share of the learning rate at a step.

    Each cycle (Loshchilov and Hutter, arXiv 1608.03983) has a short rise, a plateau, and a fall over two thirds of it.
    """
    length = plan.steps / plan.cycles
    place = step % length
    return min(1.0, (place + 1) / 200, (length - place) / (length * 2 / 3))


def example_views(photos: Sequence[Photo], plan: Plan) -> Tensor:
    """Return 64 photos [64, 3, 192, 192], squeezed: what the norms take their statistics from."""
    rng = np.random.default_rng(plan.seed)
    chosen = rng.choice(len(photos), 64, replace=False)
    squeezed = [Image.fromarray(photos[i].image).resize((192, 192), Image.Resampling.BOX) for i in chosen]
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in squeezed])).permute(0, 3, 1, 2).float() / 255


class Steps(Dataset[Tensor]):
    """The views of each step, which depend on its number and the seed alone."""

    def __init__(self, views: Views, weights: Tensor, seed: int) -> None:
        self.views, self.weights, self.seed = views, weights, seed

    def __getitem__(self, step: int) -> Tensor:
        rng = self.views.rng.manual_seed(self.seed * 1_000_000 + step)
        size, count = VIEWS[int(torch.randint(len(VIEWS), (), generator=rng))]
        return self.views.batch(self.weights, count, size)


def one_thread(_: int) -> None:
    """Let a process that makes views leave the cores to the training."""
    torch.set_num_threads(1)
    os.nice(5)


def train(photos: Sequence[Photo], plan: Plan, checkpoint: Path) -> TinySkin:
    """Train on taught photos and the negatives, and return the average of the weights.

    Now and then the state goes into `checkpoint`; where that file is there already, training goes on from it.
    """
    torch.manual_seed(plan.seed)
    network = TinySkin()
    network.start_from_imagenet(example_views(photos, plan))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.eval()  # its norms keep the statistics of the start: a few views would be poor ones
    network.freeze(plan.frozen)
    empty = negatives(plan)
    every = [*photos, *empty]
    steps = Steps(Views(every, torch.Generator()), draw_weights(every), plan.seed)
    ema = get_ema_multi_avg_fn(plan.averaging)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=ema)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    known = {id(parameter) for layer in network.encoder() for parameter in layer.parameters()}
    groups = [
        {"params": [p for p in trained if id(p) in known], "factor": 1.0},
        {"params": [p for p in trained if id(p) not in known], "factor": plan.decoder_rate},
    ]
    optimizer = torch.optim.AdamW(groups, plan.learning_rate, weight_decay=plan.weight_decay)
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
        first = saved["step"]
    remaining = range(first, plan.steps)
    batches: DataLoader[Tensor] = DataLoader(
        steps, batch_size=None, sampler=remaining, num_workers=plan.workers, worker_init_fn=one_thread
    )
    started, total = time.perf_counter(), 0.0
    for step, views in zip(remaining, batches, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = group["factor"] * plan.learning_rate * rate_factor(step, plan)
        image, layers = views.split((3, LAYERS - 3), 1)
        logits, others = network(image.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits, others, layers, plan)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        average.update_parameters(network)
        total += loss.item()
        if (step + 1) % SAVED_EVERY == 0:
            states = {name: part.state_dict() for name, part in parts.items()}
            torch.save({**states, "step": step + 1}, checkpoint)
            seconds = time.perf_counter() - started
            print(f"step {step + 1} of {plan.steps}  loss {total / SAVED_EVERY:.4f}  {seconds:.0f} s", flush=True)
            started, total = time.perf_counter(), 0.0
    result = average.module
    assert isinstance(result, TinySkin)
    return result.eval()
