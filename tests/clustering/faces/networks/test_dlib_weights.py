from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from clustering.faces.networks.detector import MAX_OVERLAP
from clustering.faces.networks.dlib_weights import (
    DETECTOR_FILE,
    EMBEDDER_FILE,
    LANDMARKS_FILE,
    AddSkip,
    Affine,
    Convolution,
    Dense,
    DetectionWindow,
    DlibNetwork,
    FormatError,
    Pool,
    Relu,
    parse_network,
    read_network,
)
from data.core.errors import InputError
from data.inference.dlib_models import model_file


@pytest.fixture(scope="module")
def detector_bytes() -> bytes:
    return model_file(DETECTOR_FILE).read_bytes()


@pytest.fixture(scope="module")
def face_network() -> DlibNetwork:
    return read_network(model_file(EMBEDDER_FILE))


# A hand-written network: one 1x1 convolution from 3 channels to 1, then relu


def integer(value: int) -> bytes:
    magnitude = abs(value).to_bytes(max((abs(value).bit_length() + 7) // 8, 1), "little")
    return bytes([len(magnitude) | (0x80 if value < 0 else 0)]) + magnitude


def integers(*values: int) -> bytes:
    return b"".join(integer(value) for value in values)


def number(mantissa: int, exponent: int = 0) -> bytes:
    return integers(mantissa, exponent)


def name(text: str) -> bytes:
    return integer(len(text)) + text.encode()


def tensor(values: list[float], shape: tuple[int, int, int, int]) -> bytes:
    return integers(2, *shape) + np.array(values, "<f4").tobytes()


EMPTY = integers(2, 0, 0, 0, 0)
STATE = b"100"


def convolution() -> bytes:
    filters = integers(1, 1, 3, 1, 1)
    biases = integers(1, 1, 1, 1, 1)
    return (
        name("con_4")
        + tensor([1, 2, 3, -4], (4, 1, 1, 1))
        + integers(1, 1, 1, 2, 2, 0, 0)
        + filters
        + biases
        + number(1) * 4
    )


def small_network(
    *,
    loss: bytes = name("loss_metric_2") + number(1, -3) + number(3, -2),
    first: bytes = convolution(),
    second: bytes = name("relu_"),
) -> bytes:
    mean = number(1) + number(5, -1) + number(-3)
    return (
        integer(1)
        + loss
        + integers(2, 1, 3)
        + (name("input_rgb_image_sized") + mean + integers(150, 150))
        + (first + STATE + EMPTY * 3 + integer(1))
        + (second + STATE + EMPTY * 3)
    )


def test_hand_written_network() -> None:
    network = parse_network(small_network())
    assert network.mean_rgb == (1.0, 2.5, -3.0)
    assert network.window is None
    first, second = network.layers
    assert isinstance(first, Convolution)
    assert first.filters.tolist() == [[[[1]], [[2]], [[3]]]]
    assert first.bias.tolist() == [-4]
    assert first.stride == (2, 2)
    assert first.padding == (0, 0)
    assert second == Relu()


def test_batch_normalisation_becomes_affine() -> None:
    """Gamma 6, beta 1, mean 2, variance 8, epsilon 1: x -> 6 (x - 2) / 3 + 1 = 2 x - 3."""
    alias = integers(1, 1, 1, 1, 1)
    statistics = EMPTY * 2 + tensor([2], (1, 1, 1, 1)) + tensor([8], (1, 1, 1, 1))
    layer = (
        name("bn_con2")
        + tensor([6, 1], (2, 1, 1, 1))
        + alias * 2
        + statistics
        + integers(7, 100)
        + number(1) * 5
    )
    second = parse_network(small_network(second=layer)).layers[1]
    assert isinstance(second, Affine)
    assert second.scale.tolist() == [2]
    assert second.shift.tolist() == [-3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected 1 bytes at offset 0"),
        (b"\x01\x02", "version of the loss layer is 2"),
        (b"\x00" * 50, "no integer"),
        (b"\x19" + b"\x01" * 50, "no integer"),
        (b"\x81\x01" + b"\x01" * 50, "is -1"),
        (small_network() + b"x", "1 bytes left over"),
        (small_network(loss=name("loss_mean")), "loss 'loss_mean'"),
        (small_network(loss=integer(1_000_000_000) + b"x"), "name of 1000000000 bytes"),
        (small_network(loss=integer(-1)), "negative count"),
        (small_network(loss=name("loss_metric_2") + number(1, 32000)), "no finite number"),
        (small_network(second=name("softmax_")), "layer 'softmax_'"),
        (
            small_network(first=name("con_4") + integers(2, 2**31, 2**31, 2**31, 2**31)),
            "expected .* bytes at offset",
        ),
        (integer(1) + name("loss_metric_2") + number(1) * 2 + integer(2) * 2000, "1000 layers"),
        (
            integer(1) + name("loss_metric_2") + number(1) * 2 + integer(9),
            "unknown layer version 9",
        ),
    ],
    ids=[
        "empty",
        "other version",
        "zeros",
        "wide integer",
        "negative",
        "trailing",
        "loss",
        "long name",
        "negative length",
        "infinity",
        "layer",
        "huge tensor",
        "endless",
        "layer version",
    ],
)
def test_unknown_bytes_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse_network(content)


def test_every_truncation_is_noticed() -> None:
    content = small_network()
    for length in range(len(content)):
        with pytest.raises(FormatError):
            parse_network(content[:length])


def test_damaged_bytes_never_raise_anything_else() -> None:
    content = small_network()
    for at in range(len(content)):
        for value in (0, 1, 0x7F, 0x88, 0xFF):
            damaged = content[:at] + bytes([value]) + content[at + 1 :]
            with suppress(FormatError):
                assert parse_network(damaged).layers


# dlib's own files


def test_detector(detector_bytes: bytes) -> None:
    network = parse_network(detector_bytes)
    assert network.window == DetectionWindow((80, 80), MAX_OVERLAP)
    assert network.mean_rgb == pytest.approx((122.782, 117.001, 104.298))
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert [layer.filters.shape[:2] for layer in convolutions] == [
        (16, 3),
        (32, 16),
        (32, 32),
        (45, 32),
        (45, 45),
        (45, 45),
        (1, 45),
    ]
    assert [layer.stride[0] for layer in convolutions] == [2, 2, 2, 1, 1, 1, 1]
    assert [layer.padding[0] for layer in convolutions] == [0, 0, 0, 2, 2, 2, 4]
    assert sum(isinstance(layer, Affine) for layer in network.layers) == 6


def test_face_network(face_network: DlibNetwork) -> None:
    assert face_network.window is None
    kinds = [type(layer) for layer in face_network.layers]
    assert kinds.count(Convolution) == 29
    assert kinds.count(AddSkip) == 14
    assert kinds.count(Pool) == 6
    last = face_network.layers[-1]
    assert isinstance(last, Dense)
    assert last.weights.shape == (256, 128)


@pytest.mark.parametrize("length", [0, 1, 93, 5_000, 100_000, 729_939])
def test_truncated_detector(tmp_path: Path, detector_bytes: bytes, length: int) -> None:
    path = tmp_path / "mmod.dat"
    path.write_bytes(detector_bytes[:length])
    with pytest.raises(InputError, match=r"mmod\.dat: not a dlib network.*pip install"):
        read_network(path)


def test_another_dlib_file_is_refused() -> None:
    with pytest.raises(InputError, match="not a dlib network"):
        read_network(model_file(LANDMARKS_FILE))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_network(tmp_path / "none.dat")
