"""What a run of a network costs, counted from its ONNX graph.

Counted are the multiply-adds of convolutions and matrix products. fvcore, with which the published figures were
counted, adds to them, for each value, 5 for a batch normalization in training mode (2 in evaluation mode), 4 for
bilinear resizing and 1 for an average over the picture: with these terms the count gives the published figures to
every digit. Parameters are the weights that would be trained: a normalization's scale and shift, not its statistics.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path

import onnx
from onnx import helper, shape_inference

from rembg_skin.catalog import COSTS
from tests.support.graphs import BUILDERS, build

ROOT = Path(__file__).resolve().parents[2]
# Networks whose graph is a file: where it is, and the side of the input at which the catalog says the cost.
FILES = {
    "tiny_skin": (ROOT / "rembg_skin/data/tiny_skin.onnx", 768),
    "pan_skin": (ROOT.parent / "shared/weights/pan_skin.onnx", 512),
    "yunet": (ROOT.parent / "shared/weights/face_detection_yunet_2023mar.onnx", 640),
}

# README of samhaswon/skin_segmentation: GFLOPs and parameters of a network at a side.
PUBLISHED = {
    ("u2net_skin", 1024): (604.007, 44_009_869),
    ("u2netp_skin", 1024): (205.082, 1_131_181),
    ("u2netp_skin", 512): (51.271, 1_131_181),
    ("dlmv_skin", 256): (2.473, 11_020_337),
}
# What fvcore adds for each value of a batch normalization: the published U2-Nets were counted in training mode.
NORMALIZATION = {"u2net_skin": 5, "u2netp_skin": 5, "dlmv_skin": 2}
_RESIZING, _AVERAGE = 4, 1
_FIXED = ("Conv", "ConvTranspose", "BatchNormalization")  # their weights are constants, unpacked or not
_PRODUCTS = ("MatMul", "Gemm")
_LARGE = 1024


class Sized:
    """A graph for one picture of `side` x `side`, with the shape of every tensor that could be inferred."""

    def __init__(self, model: onnx.ModelProto, side: int) -> None:
        fixed = _without_weights(model)
        shape = fixed.graph.input[0].type.tensor_type.shape
        for dimension, length in zip(shape.dim, (1, None, side, side), strict=True):
            if length is not None:
                dimension.dim_value = length
        for output in fixed.graph.output:
            output.type.tensor_type.ClearField("shape")
        self.graph = shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True).graph
        self._shapes = dict(_shapes(self.graph))

    def shape(self, name: str) -> list[int]:
        """Return the shape of a tensor; raise ValueError if it is not known."""
        if name not in self._shapes:
            raise ValueError(f"the shape of {name} is not known")
        return self._shapes[name]

    def values(self, name: str) -> int:
        """Return how many values a tensor has."""
        return prod(self.shape(name))


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    # Large constants become inputs: inference needs their shapes alone, and copies them several times otherwise.
    given, kept = [], []
    for weight in model.graph.initializer:
        if prod(weight.dims) > _LARGE:
            given.append(helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims))
        else:
            kept.append(weight)
    old = model.graph
    graph = helper.make_graph(old.node, old.name, [*old.input, *given], old.output, kept)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _shapes(graph: onnx.GraphProto) -> Iterator[tuple[str, list[int]]]:
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
            yield value.name, [dim.dim_value for dim in tensor.shape.dim]
    for weight in graph.initializer:
        yield weight.name, list(weight.dims)


def multiply_adds(sized: Sized) -> int:
    """Return the multiply-adds of convolutions and matrix products; raise ValueError if a shape is not known."""
    return sum(_of_node(node, sized) for node in sized.graph.node)


def _of_node(node: onnx.NodeProto, sized: Sized) -> int:
    if node.op_type == "Conv":  # every output value: a window of its group's channels
        return sized.values(node.output[0]) * prod(sized.shape(node.input[1])[1:])
    if node.op_type == "ConvTranspose":  # every input value: a window of each output channel
        return sized.values(node.input[0]) * prod(sized.shape(node.input[1])[1:])
    if node.op_type in ("MatMul", "Gemm"):
        turned = next((bool(each.i) for each in node.attribute if each.name == "transA"), False)
        return sized.values(node.output[0]) * sized.shape(node.input[0])[-2 if turned else -1]
    return 0


def as_fvcore_counts(sized: Sized, normalization: int) -> int:
    """Return fvcore's count, with `normalization` for each value of a batch normalization."""
    more = {"BatchNormalization": normalization, "Resize": _RESIZING}
    extra = sum(more.get(node.op_type, 0) * sized.values(node.output[0]) for node in sized.graph.node)
    averages = (node for node in sized.graph.node if node.op_type == "GlobalAveragePool")
    return multiply_adds(sized) + extra + _AVERAGE * sum(sized.values(node.input[0]) for node in averages)


def parameters(sized: Sized) -> int:
    """Return how many weights would be trained: of convolutions, matrix products and normalizations.

    A weight that is stored in a few bits and unpacked by the graph counts as what the convolution gets.
    """
    constant = {weight.name for weight in sized.graph.initializer} | {given.name for given in sized.graph.input[1:]}
    used = {
        name
        for node in sized.graph.node
        for name in node.input[1:3]
        if node.op_type in _FIXED or (node.op_type in _PRODUCTS and name in constant)
    }
    return sum(sized.values(name) for name in used if name)


def networks() -> Iterator[tuple[str, onnx.ModelProto, int]]:
    """Give name, graph and side of every network that can be built or whose file is here."""
    for name in BUILDERS:
        yield name, build(name), COSTS[name].side
    for name, (path, side) in FILES.items():
        if path.is_file():
            yield name, onnx.load(path), side
