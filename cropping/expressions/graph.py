"""Export a trained expression network to ONNX."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cropping.expressions.model import METADATA_KEY, ExpressionMetadata
from cropping.expressions.network import ExpressionNetwork
from cropping.expressions.patch import PATCH_PX

if TYPE_CHECKING:
    import onnx

_OPSET: Final = 17
_IR_VERSION: Final = 8  # of ONNX 1.12, supported by all runtimes allowed by pyproject.toml


def expression_graph(
    network: ExpressionNetwork, metadata: ExpressionMetadata, *, temperature: float
) -> onnx.ModelProto:
    """Return the graph ``patches (n, 64, 64) uint8 -> probabilities (n, classes) float32``.

    Batch normalisation is folded into the preceding convolution, and the temperature into the last
    layer.

    Args:
        network: the trained network.
        metadata: stored in the metadata of the graph.
        temperature: divisor of the logits.

    Raises:
        ValueError: a layer of the network cannot be exported.
    """
    graph = _GraphBuilder()
    last = graph.node("Cast", "patches", to=1)
    last = graph.node("Reshape", last, graph.constant(np.array([-1, 1, PATCH_PX, PATCH_PX])))
    last = graph.node("Mul", last, graph.constant(np.float32(4 / 255)))
    last = graph.node("Sub", last, graph.constant(np.float32(2)))
    last = _body(graph, last, network.body)
    last = graph.node("Flatten", last, axis=1)
    weight, bias = (_array(p) / temperature for p in (network.head.weight, network.head.bias))
    last = graph.node("Gemm", last, graph.constant(weight), graph.constant(bias), transB=1)
    graph.node("Softmax", last, axis=1, output="probabilities")
    return graph.model(metadata)


def _body(graph: _GraphBuilder, last: str, layers: Iterable[nn.Module]) -> str:
    convolution: nn.Conv2d | None = None
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            convolution = layer
        elif isinstance(layer, nn.BatchNorm2d) and convolution is not None:
            last = _convolve(graph, last, convolution, layer)
        elif isinstance(layer, nn.ReLU):
            last = graph.node("Relu", last)
        elif isinstance(layer, nn.MaxPool2d):
            last = graph.node("MaxPool", last, kernel_shape=[2, 2], strides=[2, 2])
        else:
            raise ValueError(f"cannot export a layer of type {type(layer).__name__}")
    return last


def _convolve(graph: _GraphBuilder, last: str, layer: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    deviation = np.sqrt(_array(norm.running_var) + norm.eps)
    scale = _array(norm.weight) / deviation
    filters = _array(layer.weight) * scale[:, None, None, None]
    bias = _array(norm.bias) - _array(norm.running_mean) * scale
    pad = int(layer.padding[0])
    return graph.node(
        "Conv",
        last,
        graph.constant(filters),
        graph.constant(bias),
        strides=list(layer.stride),
        pads=[pad] * 4,
    )


def _array(tensor: Any) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)


class _GraphBuilder:
    """Collects the nodes and weights of an ONNX graph."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def constant(self, values: Any) -> str:
        from onnx import numpy_helper

        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"x{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def model(self, metadata: ExpressionMetadata) -> onnx.ModelProto:
        from onnx import TensorProto, checker, helper

        patches = helper.make_tensor_value_info(
            "patches", TensorProto.UINT8, ["n", PATCH_PX, PATCH_PX]
        )
        out = helper.make_tensor_value_info(
            "probabilities", TensorProto.FLOAT, ["n", len(metadata.classes)]
        )
        graph = helper.make_graph(self._nodes, "expressions", [patches], [out], self._weights)
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION)
        helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
        checker.check_model(model)
        return model
