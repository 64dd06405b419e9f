"""What a network costs: the count against the published figures, and the catalog against the count."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rembg_skin.catalog import COSTS
from tests.support.cost import NORMALIZATION, PUBLISHED, Sized, as_fvcore_counts, multiply_adds, networks, parameters
from tests.support.graphs import build


@pytest.mark.parametrize(("name", "side"), PUBLISHED)
def test_the_published_figures_come_out_to_every_digit(name: str, side: int) -> None:
    gflops, weights = PUBLISHED[name, side]
    sized = Sized(build(name, size=side), side)
    assert parameters(sized) == weights
    assert round(as_fvcore_counts(sized, NORMALIZATION[name]) / 1e9, 3) == gflops
    assert 0.98 < multiply_adds(sized) / 1e9 / gflops < 1


def network(weights: dict[str, tuple[int, ...]], shape: list[int] | None, *nodes: onnx.NodeProto) -> Sized:
    """Return a network of these nodes from an image of 4 x 16 x 16 to a mask of this shape."""
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 4, 16, 16])],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.zeros(sides, np.float32), name) for name, sides in weights.items()],
    )
    return Sized(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), 16)


def test_a_graph_counted_by_hand() -> None:
    sized = network(
        {"w": (8, 2, 3, 3), "b": (8,), "up": (8, 4, 2, 2), "m": (16, 5)},
        [1, 4, 16, 5],
        helper.make_node("Conv", ["image", "w", "b"], ["a"], group=2, strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("ConvTranspose", ["a", "up"], ["c"], strides=[2, 2]),
        helper.make_node("MatMul", ["c", "m"], ["mask"]),
    )
    assert multiply_adds(sized) == 8 * 8 * 8 * (2 * 9) + 8 * 8 * 8 * (4 * 4) + 4 * 16 * 5 * 16
    assert parameters(sized) == 8 * 2 * 9 + 8 + 8 * 4 * 4 + 16 * 5


def test_the_catalog_holds_what_is_counted() -> None:
    # `python -m benchmarks.cost` prints what belongs there.
    for name, model, side in networks():
        cost = COSTS[name]
        sized = Sized(model, side)
        counted = round(multiply_adds(sized) / 1e9, 3)
        assert (name, cost.side, cost.gflops, cost.parameters) == (name, side, counted, parameters(sized))


def test_a_model_on_which_shapes_depend_on_values_is_refused() -> None:
    sized = network(
        {"m": (3, 4)},
        None,
        helper.make_node("NonZero", ["image"], ["where"]),
        helper.make_node("Cast", ["where"], ["places"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["m", "places"], ["mask"]),
    )
    with pytest.raises(ValueError, match="the shape of mask is not known"):
        multiply_adds(sized)
