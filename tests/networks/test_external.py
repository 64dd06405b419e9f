"""Graphs with weights in other files are refused: no hash of the graph covers them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rembg import new_session

from rembg_skin.errors import ModelError
from rembg_skin.networks.onnx import has_external_data
from tests.support.networks import place, red_network


def outside(name: str = "outside") -> TensorProto:
    """Return a tensor whose bytes are in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def in_an_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(outside())


def in_a_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=outside()))


def in_a_list_of_tensors(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Odd", [], ["c"], values=[outside(), outside("other")]))


def in_a_branch_of_a_branch(model: onnx.ModelProto) -> None:
    graph = helper.make_graph([], "inner", [], [], [outside()])
    for _ in range(3):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "outer", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph))


def in_a_sparse_tensor(model: onnx.ModelProto) -> None:
    indices = numpy_helper.from_array(np.zeros(1, np.int64))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(outside(), indices, [1]))


def in_a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=outside())
    model.functions.append(helper.make_function("own", "F", [], ["c"], [node], [helper.make_opsetid("", 17)]))


def without_a_place(model: onnx.ModelProto) -> None:
    tensor = outside()
    tensor.ClearField("data_location")
    model.graph.initializer.append(tensor)


HIDDEN = [
    *(in_an_initializer, in_a_constant, in_a_list_of_tensors, in_a_branch_of_a_branch),
    *(in_a_sparse_tensor, in_a_function, without_a_place),
]


def written(model: onnx.ModelProto, tag: bytes) -> bytes:
    """Return the message with another way to write the tag of its graph."""
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    graph = onnx.ModelProto(graph=model.graph).SerializeToString()
    assert graph[:1] == b"\x3a"
    return rest.SerializeToString() + tag + graph[1:]


@pytest.mark.parametrize("hide", HIDDEN)
@pytest.mark.parametrize("tag", [b"\x3a", b"\xba\x00", b"\xba\x80\x80\x00"])  # the last two with superfluous bits
def test_weights_elsewhere_are_found_wherever_and_however_they_are_named(
    tmp_path: Path, hide: Callable[[onnx.ModelProto], None], tag: bytes
) -> None:
    model, path = red_network(64), tmp_path / "graph.onnx"
    path.write_bytes(written(model, tag))
    assert not has_external_data(path)
    hide(model)
    path.write_bytes(written(model, tag))
    assert onnx.load_model(path, load_external_data=False) == model
    assert has_external_data(path)


def test_such_a_graph_is_refused_by_its_session_and_an_empty_one_as_none(home: Path) -> None:
    model = red_network(512)
    onnx.external_data_helper.convert_model_to_external_data(model, size_threshold=0)
    path = place(home, "u2netp_skin", b"")
    with pytest.raises(ModelError, match="cannot load"):
        new_session("u2netp_skin")
    path.unlink()
    onnx.save(model, path)
    with pytest.raises(ModelError, match="keeps weights in other files"):
        new_session("u2netp_skin")
