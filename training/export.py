"""Write the network as one ONNX file: normalisation, sigmoid and full size inside, weights stored as float16."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from .network import TinySkin

OPSET = 17
SMALLEST_HALVED = 64  # values; a smaller tensor would gain less than the cast node it needs


class Exported(nn.Module):
    """image: RGB 0..1 [N, 3, H, W] -> mask 0..1 [N, 1, H, W]."""

    def __init__(self, network: TinySkin) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        logits = F.interpolate(self.network(image), scale_factor=2.0, mode="bilinear", align_corners=False)
        return logits.sigmoid()


def halve_weights(model: onnx.ModelProto) -> None:
    """Store large float32 initialisers as float16; a Cast, which ONNX Runtime folds when it loads, brings each back."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALVED:
            continue
        full, half = tensor.name, f"{tensor.name}_f16"
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [full], to=TensorProto.FLOAT))
    for index, node in enumerate(casts):
        model.graph.node.insert(index, node)


def export(network: TinySkin, file: Path, *, half: bool = True) -> None:
    """Write `file`: input `image`, output `mask`, batch and size free, sides multiples of 32."""
    axes = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
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
    if half:
        halve_weights(model)
    model.producer_name, model.producer_version, model.doc_string = "rembg-skin training", "", ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(file))
