"""A tiny TFLite network with known answers, written with the schema that LiteRT brings."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows: the logits of the six classes; columns: red, green, blue. Red is body skin, green face skin, blue background.
WEIGHTS = np.zeros((6, 3), np.float32)
WEIGHTS[2, 0] = WEIGHTS[3, 1] = WEIGHTS[0, 2] = 12.0
BIAS = np.array([1, -2, 0.5, 0, -1, -3], np.float32)


def pointwise(side: int, bias: NDArray[Any] = BIAS) -> bytes:
    """Return a network of one 1x1 convolution, float32 [1, side, side, 3] -> [1, side, side, 6]."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def table(kind: str, **members: object) -> Any:
        made = getattr(schema, f"{kind}T")()
        for name, value in members.items():
            setattr(made, name, value)
        return made

    shapes = {"image": [1, side, side, 3], "weights": [6, 1, 1, 3], "bias": [6], "logits": [1, side, side, 6]}
    data = [b"", WEIGHTS.tobytes(), bias.tobytes(), b""]
    float32, convolution = schema.TensorType.FLOAT32, schema.BuiltinOperator.CONV_2D
    once = dict.fromkeys(("strideW", "strideH", "dilationWFactor", "dilationHFactor"), 1)
    graph = table(
        "SubGraph",
        tensors=[
            table("Tensor", name=name, shape=shape, buffer=number, type=float32)
            for number, (name, shape) in enumerate(shapes.items())
        ],
        inputs=[0],
        outputs=[3],
        operators=[
            table(
                "Operator",
                inputs=[0, 1, 2],
                outputs=[3],
                opcodeIndex=0,
                builtinOptionsType=schema.BuiltinOptions.Conv2DOptions,
                builtinOptions=table("Conv2DOptions", **once),
            )
        ],
    )
    buffers = [table("Buffer", data=np.frombuffer(values, np.uint8) if values else None) for values in data]
    codes = [table("OperatorCode", builtinCode=convolution, deprecatedBuiltinCode=convolution, version=1)]
    model = table("Model", version=3, subgraphs=[graph], buffers=buffers, operatorCodes=codes)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
