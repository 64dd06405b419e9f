"""The network: `pan_skin` less two of its three classes, so that its published weights can start it.

A MobileNetV3-small encoder (Howard et al., arXiv 1905.02244) and the decoder of a Pyramid Attention Network (Li et al.,
arXiv 1805.10180). With a few hundred photographs to learn from, where the weights start decides most of what comes out.
"""

from collections.abc import Callable, Iterator
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


STEM = 16
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
    BlockSpec(5, 576, 96, 144, nn.Hardswish, dilation=2),
    BlockSpec(5, 576, 96, 144, nn.Hardswish, dilation=2),
)
SKIPS = (0, 2, 7)  # the blocks whose output the decoder reads, at strides 4, 8 and 16
FEATURES = 576
DECODER = 32


def strided_padding(kernel: int) -> tuple[int, int]:
    """Return the pixels before and after, as TensorFlow pads an even side for a stride of 2."""
    return (kernel - 2) // 2, (kernel - 1) // 2


class ConvNorm(nn.Module):
    """A convolution without bias and its batch norm; with a stride of 2 it pads right and below, as TensorFlow does."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.strided_padding = strided_padding(kernel) * 2 if stride > 1 else None
        padding = 0 if stride > 1 else kernel // 2 * dilation
        self.convolution = nn.Conv2d(channels, out, kernel, stride, padding, dilation, groups, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def convolve(self, x: Tensor) -> Tensor:
        """Return what the norm gets."""
        y: Tensor = self.convolution(F.pad(x, self.strided_padding) if self.strided_padding else x)
        return y

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            y: Tensor = self.norm(self.convolve(x))
            return y
        # In training the norms keep their statistics: folded into the weights they cost no pass over the picture.
        norm, layer = self.norm, self.convolution
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = layer.weight * scale.view(-1, 1, 1, 1)
        bias = norm.bias - norm.running_mean * scale
        if layer.dilation[0] == 2 and layer.groups > 1:
            return dilated(x, weight, bias)
        x = F.pad(x, self.strided_padding) if self.strided_padding else x
        y = F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)
        if y.requires_grad:
            y.register_hook(channels_last)
        return y

    def unfold(self, weight: Tensor, bias: Tensor, example: Tensor) -> None:
        """Do what a convolution with a folded norm does, with the statistics of `example` and outputs of variance 1."""
        self.convolution.weight.copy_(weight)
        variance, mean = torch.var_mean(self.convolve(example), (0, 2, 3))
        deviation = variance.clamp_min(1e-6).sqrt()
        self.convolution.weight.div_(deviation.view(-1, 1, 1, 1))
        norm = {"weight": deviation, "bias": mean + bias, "running_mean": mean / deviation}
        self.norm.load_state_dict({**self.norm.state_dict(), **norm})


def channels_last(gradient: Tensor) -> Tensor:
    """Lay a gradient out as the picture is: an operation on both takes thirty times as long otherwise."""
    return gradient.contiguous(memory_format=torch.channels_last)


def dilated(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Filter each channel with a dilation of 2, both sides of `x` even: four times as fast on a CPU as PyTorch's own.

    Every other row and column of the picture makes one of four small ones, which need no dilation.
    """
    count, channels, height, width = x.shape
    phases = x.permute(0, 2, 3, 1).reshape(count, height // 2, 2, width // 2, 2, channels)
    small = phases.permute(2, 4, 0, 1, 3, 5).reshape(4 * count, height // 2, width // 2, channels).permute(0, 3, 1, 2)
    y = F.conv2d(small, weight, bias, padding=weight.shape[-1] // 2, groups=channels)
    phases = y.permute(0, 2, 3, 1).reshape(2, 2, count, height // 2, width // 2, channels)
    return phases.permute(2, 3, 0, 4, 1, 5).reshape(count, height, width, channels).permute(0, 3, 1, 2)


class SqueezeExcite(nn.Module):
    """Scale each channel by what the whole picture says about it."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return x * F.hardsigmoid(self.expand(pooled))


class InvertedResidual(nn.Module):
    """Expand, filter each channel on its own, gate, project."""

    def __init__(self, channels: int, spec: BlockSpec) -> None:
        super().__init__()
        width = spec.expanded
        layers: list[nn.Module] = []
        if width != channels:
            layers += [ConvNorm(channels, width, 1), spec.act()]
        layers += [ConvNorm(width, width, spec.kernel, spec.stride, spec.dilation, groups=width), spec.act()]
        if spec.gate:
            layers.append(SqueezeExcite(width, spec.gate))
        layers.append(ConvNorm(width, spec.out, 1))
        self.layers = nn.Sequential(*layers)
        self.residual = spec.stride == 1 and channels == spec.out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def resize_to(x: Tensor, like: Tensor) -> Tensor:
    """Bring `x` to the size of `like`, corners on corners."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)


class FeaturePyramidAttention(nn.Module):
    """Weigh the features by one attention map, made at strides 32 to 128, and add what the whole picture says."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = nn.Conv2d(FEATURES, DECODER, 1)
        self.middle = ConvNorm(FEATURES, DECODER, 1)
        self.down1 = nn.Conv2d(FEATURES, 1, 7, padding=3)
        self.down2 = nn.Conv2d(1, 1, 5, padding=2)
        self.down3 = nn.Conv2d(1, 1, 3, padding=1)
        self.side3 = nn.Conv2d(1, 1, 3, padding=1)
        self.side2 = nn.Conv2d(1, 1, 5, padding=2)
        self.side1 = nn.Conv2d(1, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        whole = F.relu(self.whole(F.adaptive_avg_pool2d(x, 1)))
        level1 = F.relu(self.down1(halved(x)))
        level2 = F.relu(self.down2(halved(level1)))
        level3 = F.relu(self.side3(F.relu(self.down3(halved(level2)))))
        level2 = F.relu(self.side2(level2)) + resize_to(level3, level2)
        level1 = F.relu(self.side1(level1)) + resize_to(level2, level1)
        return F.relu(self.middle(x)) * resize_to(level1, x) + whole


def halved(x: Tensor) -> Tensor:
    """Pool to half the size, but never to nothing."""
    y: Tensor = F.max_pool2d(x, 2, ceil_mode=True)
    return y


class GlobalAttentionUpsample(nn.Module):
    """Raise coarse features to a skip's size and add the skip, each of its channels gated by the coarse features."""

    def __init__(self, skip: int) -> None:
        super().__init__()
        self.skip = ConvNorm(skip, DECODER, 3)
        self.gate = nn.Conv2d(DECODER, DECODER, 1)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        gate: Tensor = self.gate(F.adaptive_avg_pool2d(coarse, 1)).sigmoid()
        return resize_to(coarse, skip) + F.relu(self.skip(skip)) * gate


class TinySkin(nn.Module):
    """RGB in 0..1, float32 [N, 3, H, W], H and W multiples of 32 -> logits [N, 2, H/4, W/4].

    The first is the skin region's, the second that of the region's parts which are not skin: eyes, brows, lips.
    """

    mean: Tensor
    inverse_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("inverse_std", 1 / torch.tensor(IMAGENET_STD).view(3, 1, 1))
        # In the order in which pan_skin's graph runs them: `convolutions` relies on it.
        self.stem = ConvNorm(3, STEM, 3, stride=2)
        widths = (STEM, *(spec.out for spec in BLOCKS))
        self.blocks = nn.ModuleList(InvertedResidual(width, spec) for width, spec in zip(widths, BLOCKS, strict=False))
        self.features = ConvNorm(BLOCKS[-1].out, FEATURES, 1)
        self.pyramid = FeaturePyramidAttention()
        self.raise16 = GlobalAttentionUpsample(BLOCKS[SKIPS[2]].out)
        self.raise8 = GlobalAttentionUpsample(BLOCKS[SKIPS[1]].out)
        self.raise4 = GlobalAttentionUpsample(BLOCKS[SKIPS[0]].out)
        self.head = nn.Conv2d(DECODER, 1, 3, padding=1)
        self.parts = nn.Conv2d(DECODER, 1, 3, padding=1)
        nn.init.zeros_(self.parts.weight)
        nn.init.constant_(self.parts.bias, -3.0)

    def forward(self, image: Tensor) -> Tensor:
        x = F.hardswish(self.stem((image - self.mean) * self.inverse_std))
        skips: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in SKIPS:
                skips.append(x)
        x = self.pyramid(F.hardswish(self.features(x)))
        x = self.raise16(x, skips[2])
        x = self.raise8(x, skips[1])
        x = self.raise4(x, skips[0])
        return torch.cat([self.head(x), self.parts(x)], 1)

    def freeze(self, blocks: int) -> None:
        """Keep the stem and the first blocks as they are."""
        for part in (self.stem, *self.blocks[:blocks]):
            part.requires_grad_(requires_grad=False)

    def convolutions(self) -> Iterator[ConvNorm | nn.Conv2d]:
        """Yield every convolution of pan_skin, with its norm where it has one, in the order of its graph."""
        inner = {id(module.convolution) for module in self.modules() if isinstance(module, ConvNorm)}
        passed = {*inner, id(self.parts)}
        for module in self.modules():
            if isinstance(module, ConvNorm | nn.Conv2d) and id(module) not in passed:
                yield module

    def start_from(self, weights: Path, images: Tensor) -> None:
        """Take the layers of the `pan_skin` ONNX file.

        That file has its batch norms folded away. Each is put back with the statistics that `images` [N, 3, H, W]
        give at its place, so that training starts from the function that was published.
        """
        graph = onnx.load(str(weights)).graph
        tensors = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in graph.initializer}
        folded = [[tensors[name] for name in node.input[1:]] for node in graph.node if node.op_type == "Conv"]
        hooks = []
        for module, (weight, bias) in zip(self.convolutions(), folded, strict=True):
            if isinstance(module, ConvNorm):
                hooks.append(module.register_forward_pre_hook(unfolding(weight, bias)))
            else:
                used = slice(module.out_channels)  # of the head's classes skin is the first
                module.load_state_dict({"weight": weight[used], "bias": bias[used]})
        self.eval()
        with torch.no_grad():
            self(images)
        for hook in hooks:
            hook.remove()


def unfolding(weight: Tensor, bias: Tensor) -> Callable[[ConvNorm, tuple[Tensor]], None]:
    """Return a hook that sets a layer when its first input arrives."""
    return lambda layer, inputs: layer.unfold(weight, bias, inputs[0])
