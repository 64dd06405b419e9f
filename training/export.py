"""Write the network as one ONNX file: normalization, sigmoid and full size inside, weights stored in 8 bits."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from .network import IMAGE_AXES, TinySkin, resize_to, strided_padding
from .portable import make_portable
from .views import LUMA

Floats = NDArray[np.float32]

OPSET = 17
CONTRAST = 2  # teacher and average leave the answers pale; at 127 this changes next to nothing
RADIUS = 1  # of the guided filter, in pixels of the network's answer, which is half the picture's size
FLATNESS = 1e-3  # variance below which the filter takes a patch for flat; of gray values 0..1
SMALLEST_SHORTENED = 1024  # values; below that the nodes cost what int8 saves
LARGEST = 127  # of the whole numbers that stand for a weight
CLIPS = np.linspace(0.6, 1, 9)  # shares of a channel's largest weight that are tried as its range


def box_mean(x: Tensor) -> Tensor:
    """Return the mean of the pixels up to RADIUS away that there are."""
    return F.avg_pool2d(x, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)


def guided_upsampling(mask: Tensor, guide: Tensor) -> Tensor:
    """Bring masks [N, C, h, w] to the size of a gray picture [N, 1, 2h, 2w], their edges where the picture's are.

    The fast guided filter (He and Sun, arXiv 1505.00996): around each pixel the mask is taken for a linear function of
    the picture, which is found at the mask's size and used at the picture's.
    """
    small = F.avg_pool2d(guide, guide.shape[-1] // mask.shape[-1])
    mean_guide, mean_mask = box_mean(small), box_mean(mask)
    covariance = box_mean(small * mask) - mean_guide * mean_mask
    slope = covariance / (box_mean(small * small) - mean_guide * mean_guide + FLATNESS)
    offset = mean_mask - slope * mean_guide
    slope, offset = resize_to(box_mean(slope), guide), resize_to(box_mean(offset), guide)
    return (slope * guide + offset).clamp(0, 1)


class Exported(nn.Module):
    """image: RGB 0..1 [N, 3, H, W] -> mask and skin 0..1 [N, 1, H, W] each."""

    luma: Tensor

    def __init__(self, network: TinySkin) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("luma", LUMA.view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        guide = (image * self.luma).sum(1, keepdim=True)
        region, parts = (CONTRAST * self.network(image)[0]).sigmoid().split(1, 1)
        return guided_upsampling(torch.cat([region, region * (1 - parts)], 1), guide).split(1, 1)


def fuse_padding(model: onnx.ModelProto) -> None:
    """Let each strided convolution pad right and below by itself: ONNX's can, PyTorch's cannot."""
    graph = model.graph
    paddings = {node.output[0]: node for node in graph.node if node.op_type == "Pad"}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[0] in paddings:
            node.input[0] = paddings[node.input[0]].input[0]
            attributes = {attribute.name: attribute for attribute in node.attribute}
            before, after = strided_padding(attributes["kernel_shape"].ints[0])
            attributes["pads"].ints[:] = [before, before, after, after]
    drop_unused(model)


def drop_unused(model: onnx.ModelProto) -> None:
    """Remove the nodes whose outputs nothing asks for."""
    graph = model.graph
    asked = {output.name for output in graph.output}
    for node in reversed(graph.node):
        if asked.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            asked.update(node.input)


def rounded(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return whole numbers from -LARGEST to LARGEST, and each output channel's scale: the clip with least error."""
    axes = tuple(range(1, weight.ndim))
    peak = np.maximum(np.abs(weight).max(axes, keepdims=True), np.finfo(np.float32).tiny)
    scales = [(clip * peak / LARGEST).astype(np.float32) for clip in CLIPS]
    tries = [np.rint(weight / scale).clip(-LARGEST, LARGEST) for scale in scales]
    errors = [((whole * scale - weight) ** 2).sum(axes) for whole, scale in zip(tries, scales, strict=True)]
    best = np.argmin(errors, axis=0), np.arange(len(weight))
    return np.stack(tries)[best].astype(np.int8), np.stack(scales)[best]


def shorten_weights(model: onnx.ModelProto) -> None:
    """Store large float32 weights as int8, with a float32 scale for each output channel.

    Nodes that ONNX Runtime folds when it loads the file bring them back: it computes in float32.
    """
    graph = model.graph
    large = [t for t in graph.initializer if len(t.dims) == IMAGE_AXES and np.prod(t.dims) >= SMALLEST_SHORTENED]
    nodes: list[onnx.NodeProto] = []
    for tensor in large:
        name = tensor.name
        whole, scale = rounded(numpy_helper.to_array(tensor))
        nodes.append(helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]))
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(whole, f"{name}.int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
    for index, node in enumerate(nodes):
        graph.node.insert(index, node)


def export(network: TinySkin, file: Path, *, short: bool = True) -> None:
    """Write `file`: input `image`, output `mask`, batch and size free, sides multiples of 32."""
    axes = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracing exporter, which is deprecated but writes the plainest graph
        torch.onnx.export(
            Exported(network).eval(),
            (torch.rand(1, 3, 64, 96),),
            str(file),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["mask", "skin"],
            dynamic_axes={"image": axes, "mask": axes, "skin": axes},
        )
    model = onnx.load(str(file))
    fuse_padding(model)
    make_portable(model)
    if short:
        shorten_weights(model)
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_value = 1
    model.producer_name, model.producer_version, model.doc_string = "rembg-skin training", "", ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(file))
