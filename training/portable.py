"""Write the exported graph so that OpenCV's dnn runs it, too; every value stays the same, bit for bit.

OpenCV 5 has no sum over channels, and multiplies no map of several channels by a map of one. Both become 1 x 1
convolutions. `python -m training.portable FILE` rewrites a file that was exported without this step.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

CHANNELS = 1  # their place among the axes of a map
ELEMENTWISE = ("Add", "Div", "Mul", "Sub")


def make_portable(model: onnx.ModelProto) -> None:
    """Replace both kinds of nodes; a second time changes nothing."""
    weighted_sums_as_convolutions(model)
    broadcasts_as_convolutions(model)


def weighted_sums_as_convolutions(model: onnx.ModelProto) -> None:
    """Replace `ReduceSum(weights * x)`, over the channels, by the convolution that it is."""
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    for total in [node for node in graph.node if node.op_type == "ReduceSum"]:
        product = makers[total.input[0]]
        (weight,) = (name for name in product.input if name in weights)
        (source,) = (name for name in product.input if name not in weights)
        convolution = helper.make_node(
            "Conv", [source, f"{weight}.kernel"], list(total.output), name=total.name, kernel_shape=[1, 1]
        )
        values = numpy_helper.to_array(weights[weight])
        graph.initializer.append(numpy_helper.from_array(values.reshape(1, -1, 1, 1), f"{weight}.kernel"))
        graph.node.insert(list(graph.node).index(total), convolution)
        for node in (total, product, *(makers[name] for name in total.input[1:])):
            graph.node.remove(node)
        graph.initializer.remove(weights[weight])


def broadcasts_as_convolutions(model: onnx.ModelProto) -> None:
    """Repeat a map of one channel, by a convolution with ones, before it meets a map of several."""
    graph = model.graph
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    values = (*inferred.value_info, *inferred.input, *inferred.output)
    channels = {
        value.name: value.type.tensor_type.shape.dim[CHANNELS].dim_value
        for value in values
        if len(value.type.tensor_type.shape.dim) > CHANNELS
    }
    made: set[str] = set()
    for node in [node for node in graph.node if node.op_type in ELEMENTWISE]:
        counts = [channels.get(name, 0) for name in node.input]
        if min(counts) != 1 or max(counts) == 1:
            continue
        single, several = counts.index(1), max(counts)
        ones, wide = f"ones.{several}", f"{node.input[single]}.{several}"
        if ones not in made:
            graph.initializer.append(numpy_helper.from_array(np.ones((several, 1, 1, 1), np.float32), ones))
        if wide not in made:
            convolution = helper.make_node("Conv", [node.input[single], ones], [wide], name=wide, kernel_shape=[1, 1])
            graph.node.insert(list(graph.node).index(node), convolution)
        made |= {ones, wide}
        node.input[single] = wide


def main(file: Path) -> None:
    model = onnx.load(str(file))
    make_portable(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
