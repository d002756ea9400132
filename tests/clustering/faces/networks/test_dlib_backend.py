from __future__ import annotations

import sys

import numpy as np
import pytest

from clustering.faces.networks.dlib_backend import (
    ReferenceDetector,
    ReferenceEmbedder,
    load_face_recognition,
)
from data.core.errors import InputError
from tests.clustering.parity import drawn_face, noise, reference_detector, reference_embedder


def test_no_faces() -> None:
    assert reference_detector(0)([]) == []
    images = [np.zeros((0, 0, 3), np.uint8), noise(1, 1), noise(40, 40)]
    assert [len(found) for found in reference_detector(0)(images)] == [0, 0, 0]
    none = np.zeros((0, 4), np.float32)
    embedder = reference_embedder()
    assert embedder.chips(drawn_face(), none).shape == (0, 150, 150, 3)
    assert embedder.embed(np.zeros((0, 150, 150, 3), np.uint8)).shape == (0, 128)
    assert embedder.encodings(drawn_face(), none).shape == (0, 128)


def test_faces_equal_those_of_face_recognition() -> None:
    image = drawn_face()
    (found,) = reference_detector(0)([image])
    api = load_face_recognition()
    ((top, right, bottom, left),) = api.face_locations(image, 0, model="cnn")
    assert found.xyxy.tolist() == [[left, top, right + 1, bottom + 1]]
    assert found.score[0] > 0


def test_chips_give_the_embeddings_of_the_full_path() -> None:
    image = drawn_face()
    embedder = reference_embedder()
    xyxy = reference_detector(0)([image])[0].xyxy
    landmarks = embedder.landmarks(image, xyxy)
    found = embedder.embed(embedder.chips(image, landmarks))
    assert np.abs(found - embedder.encodings(image, xyxy)).max() < 1e-6


def test_scale_and_threshold() -> None:
    reference_detector(0)  # skips where the package is missing
    (found,) = ReferenceDetector(min_face_px=60)([drawn_face()])
    assert len(found) == 1
    (none,) = ReferenceDetector(threshold=5.0)([drawn_face()])
    assert len(none) == 0
    with pytest.raises(ValueError, match="upsample"):
        ReferenceDetector(upsample=1, min_face_px=40)


@pytest.mark.parametrize("missing", ["face_recognition_models", "face_recognition.api"])
@pytest.mark.parametrize("backend", [ReferenceDetector, ReferenceEmbedder])
def test_package_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    backend: type[ReferenceDetector] | type[ReferenceEmbedder],
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=r"pip install face_recognition .*setuptools<81") as caught:
        backend()
    assert "\n" not in str(caught.value)
