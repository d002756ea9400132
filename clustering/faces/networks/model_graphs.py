"""Prepare the ONNX files of CenterFace and SFace for the runtimes: free axes, constant weights.

Both files list their weights among the inputs, which keeps a runtime from folding them, and fix the
size of the batch. Nothing is approximated; the values are those of the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

_IR_VERSION: Final = 10  # the first that fits SFace's operator set, 21


def centerface_graph(model: bytes) -> bytes:
    """Build the detector: images (n, 3, h, w) float32 RGB -> maps (n, 15, h / 4, w / 4) float32.

    h and w are multiples of 32. The channels are one score, two sizes, two offsets and ten
    coordinates of landmarks, as the file's four outputs have them.
    """
    parsed = _parsed(model)
    _remove_weights_from_inputs(parsed)
    _free_axes(parsed.graph.input[0], ["n", 3, "h", "w"])
    _join_outputs(parsed, [output.name for output in parsed.graph.output])
    return bytes(parsed.SerializeToString())


def sface_graph(model: bytes) -> bytes:
    """Build the embedder: chips (n, 3, 112, 112) float32 RGB -> embedding (n, 128) float32.

    The quantised weights are converted to float32 once, in the file's own arithmetic.
    """
    parsed = _parsed(model)
    _fold_weights(parsed.graph)
    _remove_weights_from_inputs(parsed)
    _free_axes(parsed.graph.input[0], ["n", 3, 112, 112])
    _free_axes(parsed.graph.output[0], ["n", 128])
    return bytes(parsed.SerializeToString())


def _parsed(model: bytes) -> onnx.ModelProto:
    import onnx

    # The checksum was compared: it is one of the two files.
    parsed = onnx.load_model_from_string(model)
    parsed.ir_version = max(parsed.ir_version, _IR_VERSION)
    del parsed.graph.value_info[:]
    return parsed


def _remove_weights_from_inputs(model: onnx.ModelProto) -> None:
    weights = {tensor.name for tensor in model.graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    inputs = [i for i in model.graph.input if i.name in used - weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)


def _free_axes(value: Any, shape: list[int | str]) -> None:
    dimensions = value.type.tensor_type.shape.dim
    for dimension, size in zip(dimensions, shape, strict=True):
        dimension.Clear()
        if isinstance(size, int):
            dimension.dim_value = size
        else:
            dimension.dim_param = size


def _join_outputs(model: onnx.ModelProto, names: list[str]) -> None:
    import onnx

    model.graph.node.append(onnx.helper.make_node("Concat", names, ["maps"], axis=1))
    del model.graph.output[:]
    shape: list[str | int | None] = ["n", 15, "rows", "columns"]
    kind = onnx.TensorProto.FLOAT
    model.graph.output.append(onnx.helper.make_tensor_value_info("maps", kind, shape))


def _fold_weights(graph: onnx.GraphProto) -> None:
    """Replace the conversion of quantised weights (block-wise) by constant float32 weights."""
    import onnx

    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept, folded = [], {}
    for node in graph.node:
        constant = all(name in values for name in node.input)
        if node.op_type == "DequantizeLinear" and constant:
            folded[node.output[0]] = _dequantised(node, [values[name] for name in node.input])
        elif node.op_type == "Reshape" and constant:
            weights, shape = (values[name] for name in node.input)
            folded[node.output[0]] = weights.reshape(shape)
        else:
            kept.append(node)
        values.update(folded)
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    initializers = [t for t in graph.initializer if t.name in used]
    for name in sorted(folded.keys() & used):
        initializers.append(onnx.numpy_helper.from_array(folded[name], name))
    del graph.initializer[:]
    graph.initializer.extend(initializers)


def _dequantised(node: onnx.NodeProto, inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    quantised, scale = inputs[0], inputs[1]
    zero = inputs[2] if len(inputs) > 2 else np.zeros_like(scale, quantised.dtype)
    if block:
        size = quantised.shape[axis]
        scale, zero = (np.repeat(v, block, axis).take(range(size), axis) for v in (scale, zero))
    elif scale.ndim == 1 and scale.size > 1:
        shape = [-1 if dimension == axis else 1 for dimension in range(quantised.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    centred = quantised.astype(np.int32) - zero.astype(np.int32)
    return np.asarray(centred.astype(np.float32) * scale.astype(np.float32))
