"""A tiny TFLite network with known answers, written with the schema that LiteRT brings."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows: the logits of the six classes; columns: red, green, blue. Red is body skin, green face skin, blue background.
WEIGHTS = np.zeros((6, 3), np.float32)
WEIGHTS[2, 0] = WEIGHTS[3, 1] = WEIGHTS[0, 2] = 12.0
BIAS = np.array([1, -2, 0.5, 0, -1, -3], np.float32)


def write_pointwise(path: Path, side: int, weights: NDArray[np.float32] = WEIGHTS, bias: NDArray[Any] = BIAS) -> Path:
    """Write a network of one 1x1 convolution, float32 [1, side, side, 3] -> [1, side, side, classes]."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    classes, channels = weights.shape
    buffers = []
    for data in (None, weights.reshape(classes, 1, 1, channels), bias):
        buffer = schema.BufferT()
        if data is not None:
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
        buffers.append(buffer)
    tensors = []
    for name, shape, buffer in (
        ("image", (1, side, side, channels), 0),
        ("weights", (classes, 1, 1, channels), 1),
        ("bias", (classes,), 2),
        ("logits", (1, side, side, classes), 0),
    ):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer, tensor.type = name, list(shape), buffer, schema.TensorType.FLOAT32
        tensors.append(tensor)
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    convolution = schema.OperatorT()
    convolution.inputs, convolution.outputs, convolution.opcodeIndex = [0, 1, 2], [3], 0
    convolution.builtinOptionsType, convolution.builtinOptions = schema.BuiltinOptions.Conv2DOptions, options
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = tensors, [0], [3], [convolution]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 1
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], buffers, [code]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path
