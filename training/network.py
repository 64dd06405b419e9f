"""The network: the first ten stages of a MobileNetV3-small, and a light pyramid decoder to half resolution.

The encoder has the layers of the public `pan_skin` model up to its first 96-channel block, so that model's weights can
start it: with a few hundred photographs, where the weights start decides most of what comes out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class BlockSpec(NamedTuple):
    """One inverted residual; `gate` is the width inside squeeze-and-excitation, 0 for none."""

    kernel: int
    expanded: int
    out: int
    gate: int
    act: type[nn.Module]
    stride: int = 1
    dilation: int = 1


# MobileNetV3-small (Howard et al., arXiv 1905.02244, table 2); the last block dilated, not strided, as in pan_skin.
STEM_CHANNELS = 16
BLOCKS = (
    BlockSpec(3, 16, 16, 8, nn.ReLU, stride=2),
    BlockSpec(3, 72, 24, 0, nn.ReLU, stride=2),
    BlockSpec(3, 88, 24, 0, nn.ReLU),
    BlockSpec(5, 96, 40, 24, nn.Hardswish, stride=2),
    BlockSpec(5, 240, 40, 64, nn.Hardswish),
    BlockSpec(5, 240, 40, 64, nn.Hardswish),
    BlockSpec(5, 120, 48, 32, nn.Hardswish),
    BlockSpec(5, 144, 48, 40, nn.Hardswish),
    BlockSpec(5, 288, 96, 72, nn.Hardswish, dilation=2),
)
SKIPS = (0, 2)  # blocks whose output is the last at strides 4 and 8


class ConvNorm(nn.Module):
    """A convolution without bias and its batch norm."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        padding = kernel // 2 * dilation
        self.convolution = nn.Conv2d(channels, out, kernel, stride, padding, dilation, groups, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.convolution(x))
        return y


class SqueezeExcite(nn.Module):
    """Scale each channel by what the whole picture says about it."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.relu(self.reduce(x.mean((2, 3), keepdim=True)))
        return x * F.hardsigmoid(self.expand(pooled))


class InvertedResidual(nn.Module):
    """Expand, filter each channel on its own, gate, project."""

    def __init__(self, channels: int, spec: BlockSpec) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if spec.expanded != channels:
            layers += [ConvNorm(channels, spec.expanded, 1), spec.act()]
        width = spec.expanded
        layers += [ConvNorm(width, width, spec.kernel, spec.stride, spec.dilation, groups=width), spec.act()]
        if spec.gate:
            layers.append(SqueezeExcite(spec.expanded, spec.gate))
        layers.append(ConvNorm(spec.expanded, spec.out, 1))
        self.layers = nn.Sequential(*layers)
        self.residual = spec.stride == 1 and channels == spec.out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class Fuse(nn.Module):
    """Bring coarse features to a skip's size, add the skip, and smooth with a depthwise-separable convolution."""

    def __init__(self, coarse: int, skip: int, out: int) -> None:
        super().__init__()
        self.coarse = nn.Conv2d(coarse, out, 1, bias=False)
        self.skip = nn.Conv2d(skip, out, 1)
        self.norm = nn.BatchNorm2d(out)
        self.depthwise = nn.Conv2d(out, out, 3, padding=1, groups=out, bias=False)
        self.pointwise = nn.Conv2d(out, out, 1, bias=False)
        self.norm_out = nn.BatchNorm2d(out)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        raised = F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        x = F.relu(self.norm(raised + self.skip(skip)))
        y: Tensor = self.norm_out(self.pointwise(self.depthwise(x)))
        return F.relu(y)


class TinySkin(nn.Module):
    """RGB in 0..1, float32 [N, 3, H, W], H and W multiples of 32 -> skin logits [N, 1, H/2, W/2]."""

    mean: Tensor
    inverse_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("inverse_std", 1 / torch.tensor(IMAGENET_STD).view(3, 1, 1))
        self.stem = ConvNorm(3, STEM_CHANNELS, 3, stride=2)
        widths = [STEM_CHANNELS, *(spec.out for spec in BLOCKS)]
        self.blocks = nn.ModuleList(InvertedResidual(width, spec) for width, spec in zip(widths, BLOCKS, strict=False))
        last = BLOCKS[-1].out
        self.context = nn.Conv2d(last, last, 1)
        self.fuse8 = Fuse(last, BLOCKS[SKIPS[1]].out, 64)
        self.fuse4 = Fuse(64, BLOCKS[SKIPS[0]].out, 40)
        self.fuse2 = Fuse(40, STEM_CHANNELS, 24)
        self.head = nn.Conv2d(24, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = stem = F.hardswish(self.stem((image - self.mean) * self.inverse_std))
        skips = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in SKIPS:
                skips.append(x)
        x = x + self.context(x.mean((2, 3), keepdim=True))
        x = self.fuse8(x, skips[1])
        x = self.fuse4(x, skips[0])
        logits: Tensor = self.head(self.fuse2(x, stem))
        return logits

    def encoder(self) -> nn.ModuleList:
        """Stem and blocks: the layers that start from published weights."""
        return nn.ModuleList([self.stem, self.blocks])

    def start_encoder_from(self, weights: Path, images: Tensor) -> None:
        """Take the encoder's layers from the `pan_skin` ONNX file, in the order in which its graph runs them.

        That file has its batch norms folded away. Each is put back with the statistics that `images` give at its place,
        so that the function stays what it was, and every convolution answers with unit variance.
        """
        graph = onnx.load(str(weights)).graph
        tensors = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in graph.initializer}
        folded = iter([[tensors[name] for name in node.input[1:]] for node in graph.node if node.op_type == "Conv"])
        hooks = []
        for module in self.encoder().modules():
            if isinstance(module, ConvNorm):
                hooks.append(module.register_forward_pre_hook(unfolding(*next(folded))))
            elif isinstance(module, SqueezeExcite):
                for layer in (module.reduce, module.expand):
                    weight, bias = next(folded)
                    layer.load_state_dict({"weight": weight, "bias": bias})
        self.eval()
        with torch.no_grad():
            self(images)
        for hook in hooks:
            hook.remove()


def unfolding(weight: Tensor, bias: Tensor) -> Callable[[ConvNorm, tuple[Tensor]], None]:
    """Return a hook that sets a layer, when its first input arrives, to do what the folded convolution did."""

    def unfold(layer: ConvNorm, inputs: tuple[Tensor]) -> None:
        layer.convolution.weight.copy_(weight)
        answer = layer.convolution(inputs[0])
        variance, mean = torch.var_mean(answer, (0, 2, 3))
        deviation = variance.clamp_min(1e-6).sqrt()
        layer.convolution.weight.div_(deviation.view(-1, 1, 1, 1))
        norm = {"weight": deviation, "bias": mean + bias, "running_mean": mean / deviation}
        layer.norm.load_state_dict({**layer.norm.state_dict(), **norm})

    return unfold
