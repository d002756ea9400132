from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces import backends
from clustering.faces.backends import MIN_FACE_SHARE, BackendSettings, load_detector, load_embedder
from clustering.faces.networks.detector import CnnDetector, FaceDetections, HogDetector
from clustering.faces.networks.embedder import Embedder
from data.core.errors import InputError


class FakeDetector:
    """Detector whose score is the smallest face size it was made for."""

    def __init__(self, _: object = None, **options: Any) -> None:
        self.options = options

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> list[FaceDetections]:
        score = np.array([self.options["min_face_px"]], np.float32)
        return [FaceDetections(np.zeros((1, 4), np.float32), score)] * len(images)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Record the load requests instead of loading networks."""
    loaded: list[tuple[str, dict[str, Any]]] = []

    def load(name: str, **options: Any) -> object:
        loaded.append((name, options))
        return object()

    monkeypatch.setattr(backends, "load_network", load)
    monkeypatch.setattr(backends, "CnnDetector", FakeDetector)
    monkeypatch.setattr(backends, "HogDetector", FakeDetector)
    return loaded


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        pytest.param(
            BackendSettings(upsample=1), {"upsample": 1, "min_face_px": None}, id="upsample"
        ),
        pytest.param(
            BackendSettings(upsample=0), {"upsample": 0, "min_face_px": None}, id="not at all"
        ),
        pytest.param(
            BackendSettings(min_face_px=33), {"upsample": None, "min_face_px": 33}, id="pixels"
        ),
    ],
)
@pytest.mark.parametrize("detector", ["cnn", "hog"])
def test_the_requested_scale(
    detector: Any,
    settings: BackendSettings,
    options: dict[str, Any],
    loads: list[tuple[str, dict[str, Any]]],
) -> None:
    chosen = BackendSettings(
        detector=detector,
        upsample=settings.upsample,
        min_face_px=settings.min_face_px,
        runtime="onnxruntime",
        threads=1,
    )
    made = load_detector(chosen)
    assert isinstance(made, FakeDetector)
    assert made.options == options
    network = ("detector", {"runtime": "onnxruntime", "threads": 1})
    assert loads == ([network] if detector == "cnn" else [])


@pytest.mark.usefixtures("loads")
def test_the_smallest_face_follows_each_images_height() -> None:
    detector = load_detector(BackendSettings())
    images = [np.zeros((height, 64, 3), np.uint8) for height in (120, 120, 720, 120)]
    found = [float(detections.score[0]) for detections in detector(images)]
    assert found == pytest.approx([height * MIN_FACE_SHARE for height in (120, 120, 720, 120)])
    assert detector([]) == []


@pytest.mark.parametrize(("threads", "shares"), [(1, [1]), (2, [1, 1]), (3, [2, 1]), (8, [4, 4])])
def test_two_networks_share_the_cores_at_any_height(
    threads: int, shares: list[int], loads: list[tuple[str, dict[str, Any]]]
) -> None:
    detector = load_detector(BackendSettings(threads=threads))
    for height in (50, 60, 70):
        detector([np.zeros((height, 50, 3), np.uint8)])
    assert [options["threads"] for _, options in loads] == shares


@pytest.mark.usefixtures("loads")
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_images_in_parallel_keep_their_order(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counts(FakeDetector):
        def __call__(self, images: Sequence[NDArray[np.uint8]]) -> list[FaceDetections]:
            score = [np.array([image[0, 0, 0]], np.float32) for image in images]
            return [FaceDetections(np.zeros((1, 4), np.float32), one) for one in score]

    monkeypatch.setattr(backends, "CnnDetector", Counts)
    detector = load_detector(BackendSettings(upsample=0, threads=2))
    found = detector([np.full((9, 9, 3), number, np.uint8) for number in range(count)])
    assert [float(detections.score[0]) for detections in found] == list(range(count))


def test_fast_embedder(loads: list[tuple[str, dict[str, Any]]]) -> None:
    made = load_embedder(BackendSettings(threads=2))
    assert isinstance(made, Embedder)
    assert loads == [("embedder", {"runtime": "auto", "threads": 2})]


def test_hog_needs_no_network() -> None:
    assert isinstance(load_detector(BackendSettings(detector="hog", upsample=0)), HogDetector)


def test_cnn() -> None:
    settings = BackendSettings(upsample=0, runtime="onnxruntime", threads=1)
    assert isinstance(load_detector(settings), CnnDetector)


@pytest.mark.parametrize("load", [load_detector, load_embedder])
def test_a_runtime_that_is_not_installed(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise InputError("OpenVINO is not installed: pip install openvino")

    monkeypatch.setattr(backends, "load_network", refuse)
    with pytest.raises(InputError, match="not installed"):
        load(BackendSettings(runtime="openvino", upsample=0))


def test_reference_backend() -> None:
    pytest.importorskip("face_recognition", reason="the face_recognition extra is not installed")
    from clustering.faces.networks.dlib_backend import ReferenceDetector, ReferenceEmbedder

    settings = BackendSettings(backend="face_recognition", upsample=1)
    assert isinstance(load_detector(settings), ReferenceDetector)
    assert isinstance(load_embedder(settings), ReferenceEmbedder)
