"""The extractor with SFace beside dlib: one row holds a face's box, points and embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces import extraction
from clustering.faces.extraction import Extracted, Extractor
from clustering.faces.networks.detector import FaceDetections
from clustering.faces.networks.sface import (
    SFaceEmbedder,
    chips_by_landmarks,
    chips_by_points,
)
from data.core.arrays import Image
from data.tables.faces import Faces
from data.video.frames import Frame
from tests.clustering.faces.test_extraction import FakeEmbedder, same

BOX_PX = 40
POINTS = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])
COLOURS = (40, 90, 140, 190, 240)
"""Of the faces, from left to right; the picture is black."""


@dataclass
class ColourDetector:
    """Detector of coloured squares, in an order that is not from left to right."""

    order: tuple[int, ...]
    points: bool = True

    def __call__(self, images: Sequence[Image]) -> list[FaceDetections]:
        return [self._find(image) for image in images]

    def _find(self, image: Image) -> FaceDetections:
        lit = image[0].reshape(image.shape[1], -1).any(axis=1)
        count = int(lit.sum()) // BOX_PX
        order = np.array([n for n in self.order if n < count], np.int64)
        left = order.astype(np.float32) * 2 * BOX_PX
        xyxy = np.stack([left, left * 0, left + BOX_PX, left * 0 + BOX_PX], axis=1)
        points = (xyxy[:, None, :2] + POINTS * BOX_PX).astype(np.float32)
        score = np.array([COLOURS[n] for n in order], np.float32)
        return FaceDetections(xyxy, score, points if self.points else None)


def picture(faces: int, *, grey: bool = False) -> Image:
    """Return squares of the colours on black, with gaps of their width."""
    image = np.zeros((BOX_PX, 10 * BOX_PX, 3), np.uint8)
    for number in range(faces):
        image[:, 2 * number * BOX_PX : (2 * number + 1) * BOX_PX] = COLOURS[number]
    return image[:, :, 0].copy() if grey else image


def frames(*counts: int, grey: bool = False) -> list[Frame]:
    return [
        Frame(index=2 * number, time_s=number / 5, image=picture(count, grey=grey))
        for number, count in enumerate(counts)
    ]


def mean_colour(batch: NDArray[Any]) -> NDArray[np.float32]:
    """Stand-in for SFace's network: the colour of the chip's middle, and of its left part."""
    embedding = np.zeros((len(batch), 128), np.float32)
    embedding[:, 0] = batch[:, :, 50:70, 50:62].mean(axis=(1, 2, 3))
    embedding[:, 1] = batch[:, :, 50:70, :10].mean(axis=(1, 2, 3))
    embedding[:, 2] = batch[:, :, 50:70, -10:].mean(axis=(1, 2, 3))
    return embedding


def extract(
    source: list[Frame],
    *,
    order: tuple[int, ...] = (3, 0, 4, 2, 1),
    points: bool = True,
    sface: bool = True,
) -> Extracted:
    detector = ColourDetector(order, points)
    extractor = Extractor(detector, FakeEmbedder(), SFaceEmbedder(mean_colour) if sface else None)
    return Extracted.concatenate(list(extractor.extract(source)))


def colours(found: Faces) -> list[int]:
    return [round(float(colour)) for colour in found.sface[:, 0]]


@pytest.mark.parametrize("points", [True, False], ids=["points", "landmarks"])
@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (3, 0, 4, 2, 1)], ids=str)
def test_box_points_and_embeddings_stay_together(order: tuple[int, ...], points: bool) -> None:
    """Faces are sorted from left to right, whatever the detector's order."""
    found = extract(frames(5, 0, 2, 3), order=order, points=points).faces
    numbers = [0, 1, 2, 3, 4, 0, 1, 0, 1, 2]
    assert found.xyxy[:, 0].tolist() == [2 * BOX_PX * n for n in numbers]
    assert found.score.tolist() == [COLOURS[n] for n in numbers]
    assert colours(found) == [COLOURS[n] for n in numbers]
    assert found.frame_index.tolist() == [0] * 5 + [4] * 2 + [6] * 3
    assert np.array_equal(found.sface_mirrored[:, 0], found.sface[:, 0])
    assert np.array_equal(found.sface_mirrored[:, 1], found.sface[:, 2])


@pytest.mark.parametrize("points", [True, False], ids=["points", "landmarks"])
def test_chips_are_cut_by_the_detectors_points_where_there_are_any(
    monkeypatch: pytest.MonkeyPatch, points: bool
) -> None:
    cuts: list[tuple[str, NDArray[np.float32]]] = []

    def by_points(image: Image, found: NDArray[np.float32]) -> Image:
        cuts.append(("points", found))
        return chips_by_points(image, found)

    def by_landmarks(image: Image, found: NDArray[np.float32]) -> Image:
        cuts.append(("landmarks", found))
        return chips_by_landmarks(image, found)

    monkeypatch.setattr(extraction, "chips_by_points", by_points)
    monkeypatch.setattr(extraction, "chips_by_landmarks", by_landmarks)
    found = extract(frames(3, 1), points=points).faces
    assert [name for name, _ in cuts] == ["points" if points else "landmarks"] * 2
    used = np.concatenate([where for _, where in cuts])
    corner = np.array([0, 80, 160, 0])
    expected = POINTS * BOX_PX + np.stack([corner, corner * 0], axis=1)[:, None]
    assert np.allclose(used, expected if points else found.landmarks, atol=1e-4)


def test_the_landmarks_table_is_dlibs() -> None:
    """The detector's points are used for SFace alone."""
    by_points, without = (extract(frames(4, 2), points=points).faces for points in (True, False))
    assert np.array_equal(by_points.landmarks, without.landmarks)
    assert np.array_equal(by_points.turn, without.turn)


@pytest.mark.parametrize("counts", [(), (0,), (0, 0, 0)], ids=str)
@pytest.mark.parametrize("points", [True, False], ids=["points", "landmarks"])
def test_no_faces(counts: tuple[int, ...], points: bool) -> None:
    found = extract(frames(*counts), points=points)
    assert (len(found.frames), len(found.faces)) == (len(counts), 0)
    assert found.faces.sface.shape == (0, 128)


@pytest.mark.parametrize("points", [True, False], ids=["points", "landmarks"])
def test_grey_pictures(points: bool) -> None:
    """Each frame is a batch of its own, as pictures of a folder may be."""
    grey = frames(2, grey=True)
    detector = ColourDetector((1, 0), points)
    chips = extraction._sface_chips(
        extraction._Batch(
            grey, [extraction._from_left_to_right(f) for f in _found(detector, grey)]
        ),
        extract(frames(2), points=points).faces,
    )
    embedded = SFaceEmbedder(mean_colour).embed(chips)
    assert [round(float(colour)) for colour in embedded[:, 0]] == list(COLOURS[:2])


def _found(detector: ColourDetector, source: list[Frame]) -> list[FaceDetections]:
    return detector([frame.image for frame in source])


def test_without_sface_its_columns_are_zeros_and_the_others_the_same() -> None:
    source = frames(5, 0, 2)
    alone, both = extract(source, sface=False).faces, extract(source).faces
    assert not alone.sface.any()
    assert not alone.sface_mirrored.any()
    assert both.sface.any(axis=1).all()
    none = np.zeros_like(both.sface)
    assert same(both.replace(sface=none, sface_mirrored=none), alone)
