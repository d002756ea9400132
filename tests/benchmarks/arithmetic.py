"""Operation counts of the two networks, from their graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustering.faces.networks.dlib_graphs import CHIP_PX
from clustering.faces.networks.dlib_weights import DETECTOR_FILE, EMBEDDER_FILE
from clustering.faces.networks.graph_cache import converted
from clustering.faces.networks.pyramid import doubled_hw, tiling
from data.inference.dlib_models import model_file
from data.storage.cache import cache_folder

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Float32 operations; a multiply-add counts as two."""

    per_frame: int  # the detector's
    per_chip: int  # the face network's


def arithmetic(frame_wh: tuple[int, int], *, upsample: int) -> Arithmetic:
    """Count the operations per frame of this size and per chip."""
    height, width = frame_wh[::-1]
    for _ in range(upsample):
        height, width = doubled_hw(height, width)
    columns, rows = tiling(width, height).size_wh
    detector = converted("detector", model_file(DETECTOR_FILE), cache_folder())
    embedder = converted("embedder", model_file(EMBEDDER_FILE), cache_folder())
    return Arithmetic(
        flops(detector, (1, 3, rows, columns)), flops(embedder, (1, CHIP_PX, CHIP_PX, 3))
    )


def flops(graph: bytes, input_shape: tuple[int, ...]) -> int:
    """Count the operations of convolutions and matrix products; others are below one percent."""
    import onnx

    model = onnx.load_from_string(graph)
    for dim, size in zip(model.graph.input[0].type.tensor_type.shape.dim, input_shape, strict=True):
        dim.dim_value = size
    shapes = _shapes(onnx.shape_inference.infer_shapes(model))
    total = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "MatMul"):
            weights = shapes[node.input[1]]
            taps = weights[1:] if node.op_type == "Conv" else weights[:1]
            total += 2 * int(np.prod(shapes[node.output[0]])) * int(np.prod(taps))
    return total


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    shapes = {one.name: tuple(one.dims) for one in model.graph.initializer}
    for value in (*model.graph.value_info, *model.graph.output):
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    return shapes
