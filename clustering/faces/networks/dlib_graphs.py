"""Convert dlib's detector and face network to ONNX graphs.

Batch normalisation and affine layers are folded into the preceding convolution, and the face
network's pixel normalisation into its first convolution. Nothing is approximated: the graphs
give dlib's values up to the rounding of float32 sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.networks.dlib_weights import (
    AddSkip,
    Affine,
    Convolution,
    Dense,
    DlibNetwork,
    FormatError,
    Layer,
    Pool,
    Relu,
)

if TYPE_CHECKING:
    import onnx

CHIP_PX: Final = 150  # side of an aligned face, the face network's input
EMBEDDING_SIZE: Final = 128
PIXEL_SCALE: Final = 256.0  # dlib divides by 256, not 255

_OPSET: Final = 17
_IR_VERSION: Final = 8  # ONNX 1.12, supported by every runtime that pyproject.toml allows


def detector_graph(network: DlibNetwork) -> onnx.ModelProto:
    """Build the detector: tiles (n, 3, h, w) float32, normalised -> scores (n, 1, rows, columns).

    Raises:
        FormatError: the network is not a detector.
    """
    graph = _Graph()
    last = "tiles"
    for layer in folded(network.layers):
        if isinstance(layer, Convolution):
            last = graph.convolve(last, layer)
        elif isinstance(layer, Relu):
            last = graph.node("Relu", last)
        else:
            raise FormatError(f"a {type(layer).__name__} in a detector")
    graph.node("Identity", last, output="scores")
    return graph.model("tiles", ["n", 3, "h", "w"], np.float32, ["n", 1, "rows", "columns"])


def embedder_graph(network: DlibNetwork) -> onnx.ModelProto:
    """Build the face network: chips (n, 150, 150, 3) uint8 RGB -> embedding (n, 128) float32.

    Raises:
        FormatError: the network is not a face network.
    """
    first, *rest = folded(network.layers)
    if not isinstance(first, Convolution):
        raise FormatError(f"a {type(first).__name__} on the input")
    face = _FaceGraph(_Graph())
    face.add_input(with_normalisation(first, network.mean_rgb))
    for layer in rest:
        face.add(layer)
    face.graph.node("Identity", face.main.name, output="embedding")
    shape: list[int | str] = ["n", CHIP_PX, CHIP_PX, 3]
    return face.graph.model("chips", shape, np.uint8, ["n", EMBEDDING_SIZE])


def folded(layers: Iterable[Layer]) -> list[Layer]:
    """Merge every `Affine` into the preceding convolution."""
    merged: list[Layer] = []
    for layer in layers:
        if not isinstance(layer, Affine):
            merged.append(layer)
            continue
        previous = merged[-1] if merged else None
        if not isinstance(previous, Convolution):
            raise FormatError(f"an affine layer after {type(previous).__name__}")
        scale = layer.scale.astype(np.float64)
        merged[-1] = replace(
            previous,
            filters=(previous.filters * scale[:, None, None, None]).astype(np.float32),
            bias=(previous.bias * scale + layer.shift).astype(np.float32),
        )
    return merged


def with_normalisation(layer: Convolution, mean_rgb: tuple[float, float, float]) -> Convolution:
    """Fold the normalisation of pixels 0..255 into a convolution.

    The convolution must have no padding: padding would have to be the mean colour instead of 0.
    """
    if layer.padding != (0, 0):
        raise FormatError(f"padding {layer.padding} on the input")
    filters = layer.filters.astype(np.float64) / PIXEL_SCALE
    shift = (filters.sum(axis=(2, 3)) * np.array(mean_rgb)).sum(axis=1)
    return replace(
        layer, filters=filters.astype(np.float32), bias=(layer.bias - shift).astype(np.float32)
    )


@dataclass(frozen=True, slots=True)
class _Tensor:
    """An (n, channels, side, side) tensor of a graph."""

    name: str
    channels: int
    side: int


class _FaceGraph:
    """Residual network under construction: main branch and skip connection of the block."""

    def __init__(self, graph: _Graph) -> None:
        self.graph = graph
        self.main = _Tensor("chips", 3, CHIP_PX)
        self._skip = self.main
        self._added = False  # whether the previous layer was an addition, which ends a block

    def add_input(self, first: Convolution) -> None:
        """Add the input: (n, h, w, 3) bytes as (n, 3, h, w) floats, and the first convolution."""
        pixels = self.graph.node("Cast", "chips", to=_float_type())
        planes = self.graph.node("Transpose", pixels, perm=[0, 3, 1, 2])
        self.main = self._convolved(replace(self.main, name=planes), first)

    def add(self, layer: Layer) -> None:
        ends_block = self._added and isinstance(layer, Relu)
        self._added = isinstance(layer, AddSkip)
        match layer:
            case Convolution():
                self.main = self._convolved(self.main, layer)
            case Relu():
                self.main = replace(self.main, name=self.graph.node("Relu", self.main.name))
            case Pool(kind="max"):
                self.main = self._skip = self._pooled(self.main, layer)
            case Pool(window=(0, 0)):
                pooled = self.graph.node("GlobalAveragePool", self.main.name)
                self.main = _Tensor(pooled, self.main.channels, 1)
            case Pool():  # a block that halves the resolution average-pools its skip connection
                self._skip = self._pooled(self._skip, layer)
            case AddSkip():
                self.main = self._sum(self.main, self._skip)
            case Dense(weights):
                self._multiply(weights)
            case Affine():
                raise FormatError("an affine layer that was not folded")
        if ends_block:
            self._skip = self.main

    def _convolved(self, tensor: _Tensor, layer: Convolution) -> _Tensor:
        side = _side(tensor.side, layer.filters.shape[2], layer.stride[0], layer.padding[0])
        return _Tensor(self.graph.convolve(tensor.name, layer), len(layer.bias), side)

    def _pooled(self, tensor: _Tensor, layer: Pool) -> _Tensor:
        kind = "MaxPool" if layer.kind == "max" else "AveragePool"
        name = self.graph.node(
            kind,
            tensor.name,
            kernel_shape=list(layer.window),
            strides=list(layer.stride),
            pads=[*layer.padding, *layer.padding],
        )
        side = _side(tensor.side, layer.window[0], layer.stride[0], layer.padding[0])
        return replace(tensor, name=name, side=side)

    def _sum(self, a: _Tensor, b: _Tensor) -> _Tensor:
        """Add two tensors; dlib zero-pads the smaller one in channels, rows and columns."""
        channels, side = max(a.channels, b.channels), max(a.side, b.side)
        names = (self._padded(tensor, channels, side) for tensor in (a, b))
        return _Tensor(self.graph.node("Add", *names), channels, side)

    def _padded(self, tensor: _Tensor, channels: int, side: int) -> str:
        padding = [0, channels - tensor.channels, side - tensor.side, side - tensor.side]
        if not any(padding):
            return tensor.name
        pads = self.graph.constant(np.array([0, 0, 0, 0, *padding], np.int64))
        return self.graph.node("Pad", tensor.name, pads)

    def _multiply(self, weights: NDArray[np.float32]) -> None:
        if weights.shape != (self.main.channels, EMBEDDING_SIZE):
            raise FormatError(f"a matrix of {weights.shape} on {self.main.channels} channels")
        flat = self.graph.node("Flatten", self.main.name)
        name = self.graph.node("MatMul", flat, self.graph.constant(weights))
        self.main = _Tensor(name, EMBEDDING_SIZE, 1)


def _side(side: int, window: int, stride: int, padding: int) -> int:
    return (side + 2 * padding - window) // stride + 1


def _float_type() -> int:
    import onnx

    return int(onnx.TensorProto.FLOAT)


class _Graph:
    """ONNX graph under construction; node outputs are numbered in order."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, output: str | None = None, **options: Any) -> str:
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **options))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def convolve(self, name: str, layer: Convolution) -> str:
        weights, bias = self.constant(layer.filters), self.constant(layer.bias)
        pads = [*layer.padding, *layer.padding]
        return self.node("Conv", name, weights, bias, strides=list(layer.stride), pads=pads)

    def model(
        self,
        input_name: str,
        input_shape: list[int | str],
        input_type: type[np.generic],
        output_shape: list[int | str],
    ) -> onnx.ModelProto:
        """Return the graph as a model; its output is the output of the last node."""
        import onnx
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(input_type))
        graph = helper.make_graph(
            self._nodes,
            "dlib",
            [helper.make_tensor_value_info(input_name, kind, input_shape)],
            [
                helper.make_tensor_value_info(
                    self._nodes[-1].output[0], onnx.TensorProto.FLOAT, output_shape
                )
            ],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        onnx.checker.check_model(model)
        return model
