"""Write the network as one ONNX file: normalisation, sigmoid and full size inside, weights stored as int8."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from .network import TinySkin, resize_to

OPSET = 17
SMALLEST_SHORTENED = 1024  # values; below that the nodes cost what int8 saves


class Exported(nn.Module):
    """image: RGB 0..1 [N, 3, H, W] -> mask 0..1 [N, 1, H, W]."""

    def __init__(self, network: TinySkin) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return resize_to(self.network(image), image).sigmoid()


def shorten_weights(model: onnx.ModelProto) -> None:
    """Store large float32 weights as int8 with a float32 scale for each output channel.

    A Cast and a Mul, which ONNX Runtime folds when it loads the file, bring each back: it computes in float32.
    """
    nodes, scales = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 4 or np.prod(tensor.dims) < SMALLEST_SHORTENED:
            continue
        name, weight = tensor.name, numpy_helper.to_array(tensor)
        scale = np.maximum(np.abs(weight).max((1, 2, 3), keepdims=True) / 127, np.finfo(np.float32).tiny)
        tensor.CopyFrom(numpy_helper.from_array(np.rint(weight / scale).astype(np.int8), f"{name}.int8"))
        scales.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
        nodes.append(helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]))
    model.graph.initializer.extend(scales)
    for index, node in enumerate(nodes):
        model.graph.node.insert(index, node)


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
            output_names=["mask"],
            dynamic_axes={"image": axes, "mask": axes},
        )
    model = onnx.load(str(file))
    if short:
        shorten_weights(model)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1
    model.producer_name, model.producer_version, model.doc_string = "rembg-skin training", "", ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(file))
