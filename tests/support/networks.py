"""Tiny networks with known answers, placed where rembg keeps its models."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Side = int | str


def red_network(
    side: Side,
    *,
    width: Side | None = None,
    inputs: int = 3,
    channels: int = 1,
    outputs: int = 1,
    batch: int | str = 1,
    kind: int = TensorProto.FLOAT,
    gain: float = 1.0,
    offset: float = 0.0,
    source: int = 0,
) -> onnx.ModelProto:
    """Return a network whose every output channel is `gain` times input channel `source` (red) plus `offset`."""
    weight = np.zeros((channels, inputs, 1, 1), np.float32)
    weight[:, source] = gain
    bias = np.full(channels, offset, np.float32)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    names = [f"mask_{number}" for number in range(outputs)]
    shape = (side, side if width is None else width)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight", "bias"], [name]) for name in names],
        "red",
        [helper.make_tensor_value_info("image", kind, [batch, inputs, *shape])],
        [helper.make_tensor_value_info(name, kind, [batch, channels, *shape]) for name in names],
        [numpy_helper.from_array(weight.astype(dtype), "weight"), numpy_helper.from_array(bias.astype(dtype), "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def parts_network(side: Side) -> onnx.ModelProto:
    """Return a network whose output "mask" is the image's red and whose output "skin" is its green."""
    model = red_network(side, outputs=2)
    green = numpy_helper.from_array(np.eye(3, dtype=np.float32)[1].reshape(1, 3, 1, 1), "green")
    model.graph.initializer.append(green)
    for name, node, output in zip(("mask", "skin"), model.graph.node, model.graph.output, strict=True):
        node.output[0] = output.name = name
    model.graph.node[1].input[1] = "green"
    return model


def place(home: Path, name: str, model: onnx.ModelProto | bytes, suffix: str = ".onnx") -> Path:
    """Write a network to where rembg looks for the files of the session `name`; return the file."""
    path = home / "models" / name / f"{name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path
