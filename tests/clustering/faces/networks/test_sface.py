"""SFace: alignment, and embeddings of real networks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.networks.model_graphs import centerface_graph, sface_graph
from clustering.faces.networks.sface import (
    SFACE_SIZE,
    SFaceEmbedder,
    chips_by_landmarks,
    chips_by_points,
)
from data.inference.models.store import read_model
from data.inference.runtime import runtime_named

POINTS = np.array([(38.29, 51.7), (73.53, 51.5), (56.03, 71.74), (41.55, 92.37), (70.73, 92.2)])
LANDMARKS = np.array([(80, 52.89), (65.71, 53.54), (29.65, 53.14), (44.18, 53.78), (55.18, 79.62)])


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    small = np.random.default_rng(seed).integers(0, 256, (*shape[:-1], 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 3), np.uint8)


@pytest.mark.parametrize(
    ("cut", "template"), [(chips_by_points, POINTS), (chips_by_landmarks, LANDMARKS)]
)
@pytest.mark.parametrize(("scale", "degrees"), [(1.0, 0.0), (2.0, 30.0), (0.5, -20.0)])
def test_a_chip_is_upright_and_of_one_size(
    cut: object, template: NDArray[np.float64], scale: float, degrees: float
) -> None:
    chip = np.zeros((112, 112, 3), np.uint8)
    cv2.rectangle(chip, (30, 40), (80, 100), (255, 120, 0), -1)
    forward = cv2.getRotationMatrix2D((56, 56), -degrees, scale)
    forward[:, 2] += 150 - 56
    image = cv2.warpAffine(chip, forward, (300, 300))
    points = cv2.transform(template[None].astype(np.float32), forward)
    result = cut(image, points)  # type: ignore[operator]
    assert result.shape == (1, 112, 112, 3)
    inside = (slice(None), slice(10, 102), slice(10, 102))
    difference = np.abs(result[inside].astype(int) - chip[None][inside].astype(int))
    assert difference.mean() < 6


def test_no_faces_give_no_chips_and_no_embeddings() -> None:
    nothing = np.zeros((0, 5, 2), np.float32)
    chips = chips_by_points(noise(0, 50, 50, 3), nothing)
    assert chips.shape == (0, 112, 112, 3)
    assert SFaceEmbedder(lambda batch: batch).embed(chips).shape == (0, SFACE_SIZE)


def test_points_that_coincide_give_a_chip() -> None:
    same = np.full((1, 5, 2), 20, np.float32)
    assert chips_by_points(noise(0, 50, 50, 3), same).shape == (1, 112, 112, 3)


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_batches_do_not_change_the_embeddings(face_models: Path, batch: int) -> None:
    del face_models
    network = runtime_named("auto")(sface_graph(read_model("sface")), 1)
    chips = np.stack([noise(seed, 112, 112, 3) for seed in range(5)])
    one = SFaceEmbedder(network, batch=5).embed(chips)
    assert one.shape == (5, SFACE_SIZE)
    assert np.allclose(SFaceEmbedder(network, batch=batch).embed(chips), one, atol=1e-3)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_folded_weights_give_the_values_of_the_file(face_models: Path, runtime: str) -> None:
    """ONNX Runtime runs SFace's file itself, once its inputs name no weights."""
    del face_models
    import onnx
    import onnxruntime

    content = read_model("sface")
    model = onnx.load_model_from_string(content)
    model.ir_version = 10
    inputs = [value for value in model.graph.input if value.name == "data"]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    planes = np.stack([noise(seed, 112, 112, 3) for seed in range(3)]).transpose(0, 3, 1, 2)
    expected = [session.run(None, {"data": one[None].astype(np.float32)})[0] for one in planes]
    network = runtime_named(runtime)(sface_graph(content), 1)  # type: ignore[arg-type]
    result = network(np.ascontiguousarray(planes, np.float32))
    assert np.allclose(result, np.concatenate(expected), atol=1e-3)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_centerface_takes_every_size(face_models: Path, runtime: str) -> None:
    del face_models
    network = runtime_named(runtime)(centerface_graph(read_model("centerface")), 1)  # type: ignore[arg-type]
    for height, width in ((32, 32), (96, 160), (64, 32)):
        maps = network(np.zeros((1, 3, height, width), np.float32))
        assert maps.shape == (1, 15, height // 4, width // 4)
        assert maps[0, 0].max() < 0.4
