from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from clustering.faces.networks.dlib_graphs import (
    detector_graph,
    embedder_graph,
    folded,
    with_normalisation,
)
from clustering.faces.networks.dlib_weights import (
    DETECTOR_FILE,
    EMBEDDER_FILE,
    AddSkip,
    Affine,
    Convolution,
    Dense,
    DlibNetwork,
    FormatError,
    Layer,
    Pool,
    Relu,
    read_network,
)
from data.inference.dlib_models import model_file

Array = NDArray[np.float32]


def run(graph: Any, batch: NDArray[Any]) -> Array:
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return np.asarray(session.run(None, {session.get_inputs()[0].name: batch})[0])


def random_convolution(
    outputs: int, inputs: int, window: int, *, stride: int = 1, padding: int = 0, seed: int = 0
) -> Convolution:
    rng = np.random.default_rng(seed)
    filters = (rng.normal(size=(outputs, inputs, window, window)) / window).astype(np.float32)
    bias = rng.normal(size=outputs).astype(np.float32)
    return Convolution(filters, bias, (stride, stride), (padding, padding))


def correlate(planes: Array, layer: Convolution) -> Array:
    """Compute a convolution with loops: planes (c, h, w) -> (out, rows, columns)."""
    rows_pad, columns_pad = layer.padding
    padded = np.pad(planes, ((0, 0), (rows_pad,) * 2, (columns_pad,) * 2)).astype(np.float64)
    window = layer.filters.shape[2:]
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(1, 2))
    views = views[:, :: layer.stride[0], :: layer.stride[1]]
    sums = np.einsum("cyxij,ocij->oyx", views, layer.filters) + layer.bias[:, None, None]
    return np.asarray(sums, np.float32)


def test_nothing_to_fold() -> None:
    assert folded([]) == []


def test_folding_changes_no_value() -> None:
    layer = random_convolution(4, 3, 3)
    scale, shift = np.array([1, -2, 0, 0.5], np.float32), np.array([1, 2, 3, 4], np.float32)
    (merged,) = folded([layer, Affine(scale, shift)])
    assert isinstance(merged, Convolution)
    planes = np.random.default_rng(1).normal(size=(3, 8, 9)).astype(np.float32)
    expected = correlate(planes, layer) * scale[:, None, None] + shift[:, None, None]
    assert np.allclose(correlate(planes, merged), expected, atol=1e-5)


@pytest.mark.parametrize("before", [[], [Relu()]], ids=["first", "after relu"])
def test_affine_needs_a_convolution(before: list[Layer]) -> None:
    with pytest.raises(FormatError, match="affine layer after"):
        folded([*before, Affine(np.ones(1, np.float32), np.ones(1, np.float32))])


def test_normalising_convolution_takes_bytes() -> None:
    layer = random_convolution(5, 3, 3)
    mean = (122.8, 117.0, 104.3)
    pixels = np.random.default_rng(2).integers(0, 256, (3, 9, 9)).astype(np.float32)
    normal = ((pixels - np.array(mean)[:, None, None]) / 256).astype(np.float32)
    found = correlate(pixels, with_normalisation(layer, mean))
    assert np.allclose(found, correlate(normal, layer), atol=1e-5)


def test_normalising_needs_no_padding() -> None:
    with pytest.raises(FormatError, match="padding"):
        with_normalisation(random_convolution(1, 3, 3, padding=1), (0.0, 0.0, 0.0))


def test_small_detector_computes_its_layers() -> None:
    layers = (
        random_convolution(4, 3, 5, stride=2),
        Relu(),
        random_convolution(1, 4, 3, padding=1, seed=1),
    )
    tiles = np.random.default_rng(3).normal(size=(2, 3, 21, 16)).astype(np.float32)
    found = run(detector_graph(DlibNetwork((0, 0, 0), layers, None)), tiles)
    first, _, last = layers
    for image, scores in zip(tiles, found, strict=True):
        expected = correlate(np.maximum(correlate(image, first), 0), last)
        assert np.allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("hw", [(29, 29), (64, 31), (45, 90)], ids=lambda hw: f"{hw[1]}x{hw[0]}")
def test_detector_takes_any_size(hw: tuple[int, int]) -> None:
    graph = detector_graph(read_network(model_file(DETECTOR_FILE)))
    scores = run(graph, np.zeros((1, 3, *hw), np.float32))
    rows, columns = ((side - 29) // 8 + 1 for side in hw)
    assert scores.shape == (1, 1, rows, columns)


def test_face_network_equals_dlib_on_noise() -> None:
    import dlib

    path = model_file(EMBEDDER_FILE)
    chips = np.random.default_rng(4).integers(0, 256, (3, 150, 150, 3), np.uint8)
    chips[1] = np.linspace(0, 255, 150).astype(np.uint8)[None, :, None]
    model = dlib.face_recognition_model_v1(str(path))
    expected = [np.array(model.compute_face_descriptor(chip)) for chip in chips]
    found = run(embedder_graph(read_network(path)), chips)
    assert np.abs(found - np.array(expected)).max() < 1e-5


def test_addition_fills_the_smaller_branch_with_zeros() -> None:
    """In a halving block on an odd side, the convolution is one pixel smaller than the skip."""
    stem = random_convolution(2, 3, 7, stride=2)  # 150 -> 72
    down = random_convolution(4, 2, 3, stride=2, seed=1)  # 72 -> 35, the skip 72 -> 36
    same = random_convolution(4, 4, 3, padding=1, seed=2)
    pool = Pool("average", (2, 2), (2, 2), (0, 0))
    weights = np.random.default_rng(5).normal(size=(4, 128)).astype(np.float32)
    mean = Pool("average", (0, 0), (1, 1), (0, 0))
    nothing = Pool("max", (1, 1), (1, 1), (0, 0))
    layers = (stem, Relu(), nothing, down, Relu(), same, pool, AddSkip(), Relu(), mean)
    network = DlibNetwork((0.0, 0.0, 0.0), (*layers, Dense(weights)), None)
    chips = np.random.default_rng(6).integers(0, 256, (1, 150, 150, 3), np.uint8)
    entered = np.maximum(correlate((chips[0] / 256).transpose(2, 0, 1).astype(np.float32), stem), 0)
    main = np.zeros((4, 36, 36), np.float32)
    main[:, :35, :35] = correlate(np.maximum(correlate(entered, down), 0), same)
    main[:2] += entered.reshape(2, 36, 2, 36, 2).mean(axis=(2, 4))
    expected = np.maximum(main, 0).mean(axis=(1, 2)) @ weights
    assert np.allclose(run(embedder_graph(network), chips)[0], expected, atol=1e-4)


def test_a_network_of_the_other_kind_is_refused() -> None:
    detector = read_network(model_file(DETECTOR_FILE))
    face = read_network(model_file(EMBEDDER_FILE))
    with pytest.raises(FormatError, match="Pool in a detector"):
        detector_graph(face)
    with pytest.raises(FormatError, match="Relu on the input"):
        embedder_graph(replace(detector, layers=detector.layers[2:]))
