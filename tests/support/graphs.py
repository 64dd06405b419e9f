"""Architecture-exact ONNX graphs with seeded random weights, for speed, memory and parity. They segment nothing.

U2-Net and U2-NetP follow arXiv 2005.09007; DeepLabV3 follows arXiv 1706.05587 on MobileNetV3-large (arXiv 1905.02244,
last stage dilated), one class and no auxiliary head. Batch normalization stays a node of its own, so that a graph's
parameters can be counted; ONNX Runtime folds it into the convolution on load.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from rembg_skin.catalog import FILES


class Graph:
    """An ONNX graph under construction; every method adds nodes and returns the name of their output."""

    def __init__(self, size: int | str, channels: int = 3) -> None:
        self.size = size
        self.channels = channels
        self._random = np.random.default_rng(0)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add one node with one output."""
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add an initializer."""
        self._weights.append(numpy_helper.from_array(value, name))
        return name

    def conv(
        self, x: str, cin: int, cout: int, kernel: int = 3, *, bias: bool = True, gain: float = 1.0, **steps: int
    ) -> str:
        """Add a "same" convolution with He-initialized weights times `gain`; `steps` are stride, dilation, groups."""
        dilation, groups = steps.get("dilation", 1), steps.get("groups", 1)
        shape = (cout, cin // groups, kernel, kernel)
        deviation = gain * np.sqrt(2 / np.prod(shape[1:]))
        name = f"conv_{len(self._nodes)}"
        inputs = [x, self.constant(f"{name}.weight", self._normal(shape, deviation))]
        if bias:
            inputs.append(self.constant(f"{name}.bias", self._normal((cout,), 0.05)))
        pad = dilation * (kernel - 1) // 2
        pairs = {"strides": [steps.get("stride", 1)] * 2, "dilations": [dilation] * 2, "kernel_shape": [kernel] * 2}
        return self.node("Conv", inputs, pads=[pad] * 4, group=groups, **pairs)

    def norm(self, x: str, channels: int) -> str:
        """Add a batch normalization with the statistics of a fresh one, its scale and shift slightly random."""
        name = f"norm_{len(self._nodes)}"
        values = {".scale": 1 + self._normal((channels,), 0.1), ".shift": self._normal((channels,), 0.1)}
        values |= {".mean": np.zeros(channels, np.float32), ".variance": np.ones(channels, np.float32)}
        return self.node("BatchNormalization", [x, *(self.constant(name + end, v) for end, v in values.items())])

    def unit(self, x: str, cin: int, cout: int, *, dilation: int = 1) -> str:
        """Add the convolution, batch normalization and ReLU of which U2-Net is made."""
        return self.node("Relu", [self.norm(self.conv(x, cin, cout, dilation=dilation), cout)])

    def pool(self, x: str) -> str:
        """Halve height and width, rounding up, by the maximum."""
        return self.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)

    def like(self, x: str, other: str) -> str:
        """Resize `x` to the height and width of `other`, bilinear."""
        shapes = [self.node("Shape", [x]), self.node("Shape", [other])]
        bounds = [(shapes[0], "zero", "two"), (shapes[1], "two", "four")]
        size = self.node("Concat", [self.node("Slice", list(bound)) for bound in bounds], axis=0)
        return self.node("Resize", [x, "", "", size], mode="linear", coordinate_transformation_mode="half_pixel")

    def concat(self, *xs: str) -> str:
        """Join along the channels."""
        return self.node("Concat", xs, axis=1)

    def model(self, output: str, channels: int = 1) -> onnx.ModelProto:
        """Return the checked model whose one output is `output`, its batch fixed at 1."""
        for name, value in (("zero", 0), ("two", 2), ("four", 4)):
            self.constant(name, np.array([value], np.int64))
        float32 = TensorProto.FLOAT
        graph = helper.make_graph(
            [*self._nodes, helper.make_node("Identity", [output], ["mask"])],
            "graph",
            [helper.make_tensor_value_info("image", float32, [1, self.channels, self.size, self.size])],
            [helper.make_tensor_value_info("mask", float32, [1, channels, self.size, self.size])],
            self._weights,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made)
        return made

    def _normal(self, shape: tuple[int, ...], deviation: float) -> NDArray[np.float32]:
        return self._random.normal(0, deviation, shape).astype(np.float32)


def _rsu(graph: Graph, x: str, depth: int, cin: int, mid: int, out: int) -> str:
    """Add a residual U-block with `depth` levels."""
    entry = graph.unit(x, cin, out)
    levels = [graph.unit(entry, out, mid)]
    for _ in range(depth - 2):
        levels.append(graph.unit(graph.pool(levels[-1]), mid, mid))
    y = graph.unit(levels[-1], mid, mid, dilation=2)
    for number, level in reversed(list(enumerate(levels))):
        y = y if level == levels[-1] else graph.like(y, level)
        y = graph.unit(graph.concat(y, level), 2 * mid, mid if number else out)
    return graph.node("Add", [y, entry])


def _rsu_dilated(graph: Graph, x: str, cin: int, mid: int, out: int) -> str:
    """Add a residual U-block that dilates where the others pool (RSU-4F)."""
    entry = graph.unit(x, cin, out)
    first = graph.unit(entry, out, mid)
    second = graph.unit(first, mid, mid, dilation=2)
    third = graph.unit(second, mid, mid, dilation=4)
    y = graph.unit(third, mid, mid, dilation=8)
    y = graph.unit(graph.concat(y, third), 2 * mid, mid, dilation=4)
    y = graph.unit(graph.concat(y, second), 2 * mid, mid, dilation=2)
    y = graph.unit(graph.concat(y, first), 2 * mid, out)
    return graph.node("Add", [y, entry])


Stages = tuple[tuple[int, int], ...]
# Output and inner channels of the six encoder stages, then of the five decoder stages, deepest first.
_U2NET: tuple[Stages, Stages] = (
    ((64, 32), (128, 32), (256, 64), (512, 128), (512, 256), (512, 256)),
    ((512, 256), (256, 128), (128, 64), (64, 32), (64, 16)),
)
_U2NETP: tuple[Stages, Stages] = (((64, 16),) * 6, ((64, 16),) * 5)
_DEPTHS = (7, 6, 5, 4)


def _u2net(graph: Graph, encoder: Stages, decoder: Stages) -> str:
    def block(x: str, level: int, cin: int, mid: int, out: int) -> str:
        if level < len(_DEPTHS):
            return _rsu(graph, x, _DEPTHS[level], cin, mid, out)
        return _rsu_dilated(graph, x, cin, mid, out)

    x, channels, levels = "image", graph.channels, []
    for level, (out, mid) in enumerate(encoder):
        x = block(graph.pool(x) if level else x, level, channels, mid, out)
        levels.append((x, out))
        channels = out
    sides = [levels.pop()]
    for out, mid in decoder:
        x, channels = sides[-1]
        skipped, more = levels.pop()
        x = graph.concat(graph.like(x, skipped), skipped)
        sides.append((block(x, len(levels), channels + more, mid, out), out))
    # Small gains keep the random outputs out of the sigmoid's flat ends.
    maps = [graph.conv(x, out, 1, gain=0.1) for x, out in reversed(sides)]
    fused = graph.concat(maps[0], *(graph.like(m, maps[0]) for m in maps[1:]))
    return graph.node("Sigmoid", [graph.conv(fused, len(maps), 1, kernel=1)])


# Kernel, expanded and output channels, squeeze-and-excitation, hard swish, stride, dilation of each block.
_MOBILENET_V3_LARGE = (
    (3, 16, 16, False, False, 1, 1),
    (3, 64, 24, False, False, 2, 1),
    (3, 72, 24, False, False, 1, 1),
    (5, 72, 40, True, False, 2, 1),
    (5, 120, 40, True, False, 1, 1),
    (5, 120, 40, True, False, 1, 1),
    (3, 240, 80, False, True, 2, 1),
    (3, 200, 80, False, True, 1, 1),
    (3, 184, 80, False, True, 1, 1),
    (3, 184, 80, False, True, 1, 1),
    (3, 480, 112, True, True, 1, 1),
    (3, 672, 112, True, True, 1, 1),
    (5, 672, 160, True, True, 1, 2),
    (5, 960, 160, True, True, 1, 2),
    (5, 960, 160, True, True, 1, 2),
)


def _squeeze(graph: Graph, x: str, channels: int) -> str:
    """Add squeeze-and-excitation through a quarter of the channels, to the nearest multiple of eight."""
    inner = (channels // 4 + 4) // 8 * 8
    inner += 8 * (inner < 0.9 * (channels // 4))
    y = graph.node("GlobalAveragePool", [x])
    y = graph.node("Relu", [graph.conv(y, channels, inner, kernel=1)])
    y = graph.node("HardSigmoid", [graph.conv(y, inner, channels, kernel=1)], alpha=1 / 6, beta=0.5)
    return graph.node("Mul", [x, y])


def _deeplab(graph: Graph) -> str:
    def layer(x: str, cin: int, cout: int, kernel: int = 1, activation: str | None = "Relu", **conv: int) -> str:
        y = graph.norm(graph.conv(x, cin, cout, kernel, bias=False, **conv), cout)
        return graph.node(activation, [y]) if activation else y

    x, cin = layer("image", 3, 16, 3, "HardSwish", stride=2), 16
    for kernel, wide, out, squeezed, swish, stride, dilation in _MOBILENET_V3_LARGE:
        activation = "HardSwish" if swish else "Relu"
        y = layer(x, cin, wide, activation=activation) if wide != cin else x
        y = layer(y, wide, wide, kernel, activation, stride=stride, dilation=dilation, groups=wide)
        y = _squeeze(graph, y, wide) if squeezed else y
        y = layer(y, wide, out, activation=None)
        x, cin = (graph.node("Add", [x, y]) if cin == out and stride == 1 else y), out
    x = layer(x, cin, 960, activation="HardSwish")
    branches = [layer(x, 960, 256), *(layer(x, 960, 256, 3, dilation=rate) for rate in (12, 24, 36))]
    pooled = layer(graph.node("GlobalAveragePool", [x]), 960, 256)
    y = layer(graph.concat(*branches, graph.like(pooled, x)), 5 * 256, 256)
    y = graph.conv(layer(y, 256, 256, 3), 256, 1, kernel=1, gain=0.1)
    return graph.node("Sigmoid", [graph.like(y, "image")])


BUILDERS: dict[str, Callable[[Graph], str]] = {
    "u2net_skin": lambda graph: _u2net(graph, *_U2NET),
    "u2netp_skin": lambda graph: _u2net(graph, *_U2NETP),
    "dlmv_skin": _deeplab,
    "refiner": lambda graph: _u2net(graph, *_U2NETP),
}


def build(name: str, *, size: int | str | None = None) -> onnx.ModelProto:
    """Return the graph of `name`, at its own size unless another one (a string: dynamic) is given."""
    network = FILES[name].network
    assert network
    graph = Graph(size or network.size, network.inputs)
    return graph.model(BUILDERS[name](graph))
