"""Train the network: shares of the sources, BCE + Dice, AdamW against the clock, an average of the weights."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from . import textures
from .data import LAYERS, NEGATIVES_SEEN, Photo, library_photo, on_white, orange_suit, without_skin
from .network import TinySkin, resize_to
from .views import Views

# How often each source is drawn, beside the others: the many near-alike FASSEG poses count for less than their number.
SHARES = {
    "press_and_portraits": 0.15,
    "fasseg_multipose": 0.04,
    "fasseg_frontal": 0.05,
    "mixed_web": 0.08,
    "hands_and_necks": 0.03,
    "ccp": 0.36,
    "hgr1": 0.08,
    "abdomen": 0.05,
    "sfa": 0.06,
    "neg_grocery": 0.06,
    "neg_imagenet": 0.13,
    "on_white": 0.11,
    "negatives": 0.13,
    "textures": 0.05,
    "faces_unlabelled": 0.13,
    "bw_faces_unlabelled": 0.03,
}
SAVED_EVERY = 50  # steps
LAST_STEP = 10**9  # never reached: time ends a training
VIEWS = ((192, 15), (256, 8), (320, 5), (384, 4))  # side and number of the views of a step: pixels about the same


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    minutes: float = 180
    learning_rate: float = 2e-4  # of the encoder
    decoder_rate: float = 3  # times that
    weight_decay: float = 0.02
    averaging: float = 0.997
    texture_count: int = 640
    taught: float = 0.5  # weight of what the teacher says of the same view, beside what the mask says
    edge: float = 1.0  # what a pixel near the skin's edge counts more than another
    parts: float = 0.4  # weight of eyes, brows and lips
    others: float = 0.5  # weight of hair and clothes, as the teacher sees them
    frozen: int = 2  # blocks that stay what they were
    workers: int = 1  # processes that make views
    seed: int = 8


def negatives(plan: Plan) -> list[Photo]:
    """Pictures without skin: photographs, and drawn skin-colored textures."""
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
    trust = layers[:, 7:]
    lesson = F.binary_cross_entropy_with_logits(region, taught, torch.where(trust > 0, trust, 1.0))
    probability = region.sigmoid() * known
    target = mask * known
    slack = 0.002 * target[0].numel()  # keeps an empty picture's Dice finite and its gradient alive
    overlap = 2 * (probability * target).sum((1, 2, 3)) + slack
    dice = overlap / (probability.sum((1, 2, 3)) + target.sum((1, 2, 3)) + slack)
    inside = F.binary_cross_entropy_with_logits(not_skin, parts, told, reduction="sum") / told.sum().clamp_min(1)
    answer, seen = (F.avg_pool2d(x, layers.shape[-1] // others.shape[-1]) for x in (layers[:, 5:7], layers[:, 7:]))
    around = F.binary_cross_entropy_with_logits(others, answer, seen.expand_as(answer))
    return bce + 0.5 * (1 - dice).mean() + plan.taught * lesson + plan.parts * inside + plan.others * around


def rate_factor(spent: float) -> float:
    """Return the share of the learning rate when that share of the time is spent: a rise, a plateau, a long fall."""
    return max(0.0, min(1.0, (spent + 0.002) / 0.04, (1 - spent) / 0.7))


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


def train(photos: Sequence[Photo], plan: Plan, checkpoint: Path, start: Path | None = None) -> TinySkin:
    """Train on taught photos and the negatives, from ImageNet or a file, and return the average of the weights.

    Now and then the state goes into `checkpoint`; where that file is there already, training goes on from it, also
    with more minutes or fewer.
    """
    torch.manual_seed(plan.seed)
    network = TinySkin()
    if start:
        network.start_from_file(start)
    else:
        network.start_from_imagenet(example_views(photos, plan))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.eval()  # its norms keep the statistics of the start: a few views would be poor ones
    network.freeze(plan.frozen)
    empty = negatives(plan)
    every = [*photos, *empty, *filter(None, (on_white(photo) for photo in photos if photo.source == "neg_imagenet"))]
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
    first, before = 0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        first, before = saved["step"], saved["seconds"]
    batches: DataLoader[Tensor] = DataLoader(
        steps, batch_size=None, sampler=range(first, LAST_STEP), num_workers=plan.workers, worker_init_fn=one_thread
    )
    started, losses = time.monotonic(), []
    for step, views in enumerate(batches, first + 1):
        seconds = before + time.monotonic() - started
        if seconds > 60 * plan.minutes:
            break
        for group in optimizer.param_groups:
            group["lr"] = group["factor"] * plan.learning_rate * rate_factor(seconds / (60 * plan.minutes))
        image, layers = views.split((3, LAYERS - 3), 1)
        logits, others = network(image.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits, others, layers, plan)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        average.update_parameters(network)
        losses.append(loss.item())
        if step % SAVED_EVERY == 0:
            states = {name: part.state_dict() for name, part in parts.items()}
            torch.save({**states, "step": step, "seconds": seconds}, checkpoint)
            print(f"step {step}  loss {fmean(losses):.4f}  {seconds:.0f} s", flush=True)
            losses.clear()
    result = average.module
    assert isinstance(result, TinySkin)
    return result.eval()
