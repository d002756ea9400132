"""CenterFace: what its maps mean, the scale of the search, tiles, and real faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings, load_detector
from clustering.faces.networks.centerface import CenterFaceDetector
from clustering.faces.networks.detector import Detector, FaceDetections
from data.core.boxes import centres, iou, sizes_wh
from data.sample.film import Film

Maps = NDArray[np.float32]
CELL_PX = 4


class Painted:
    """A network that finds a face wherever a pixel of its input is white: 40 px wide, 50 high."""

    def __init__(self, score: float = 0.9) -> None:
        self.score = score
        self.inputs: list[tuple[int, ...]] = []

    def __call__(self, batch: NDArray[np.float32]) -> Maps:
        self.inputs.append(batch.shape)
        rows, columns = batch.shape[2] // CELL_PX, batch.shape[3] // CELL_PX
        maps = np.zeros((1, 15, rows, columns), np.float32)
        for y, x in np.argwhere(batch[0].min(axis=0) > 200):
            cell = (0, slice(None), y // CELL_PX, x // CELL_PX)
            height, width = np.log(50 / CELL_PX), np.log(40 / CELL_PX)
            points = [(0.4, 0.3), (0.4, 0.7), (0.6, 0.5), (0.8, 0.35), (0.8, 0.65)]  # y, x
            maps[cell] = [self.score, height, width, 0.25, -0.25, *np.ravel(points)]
        return maps


def dots(width: int, height: int, *xy: tuple[int, int]) -> NDArray[np.uint8]:
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in xy:
        image[y, x] = 255
    return image


def found(image: NDArray[np.uint8], **options: float) -> FaceDetections:
    return CenterFaceDetector(Painted(), **options)([image])[0]


def test_a_cell_becomes_a_square_box_and_five_points() -> None:
    faces = found(dots(200, 160, (82, 41)))
    # Row 10, column 20: centre (20 - 0.25 + 0.5, 10 + 0.25 + 0.5) * 4; the square is 8 % lower.
    side = 1.02 * np.sqrt(40 * 50)
    assert np.allclose(centres(faces.xyxy), [(81, 43 + 0.08 * 50)])
    assert np.allclose(sizes_wh(faces.xyxy), side)
    assert faces.score.tolist() == [np.float32(0.9)]
    assert faces.points is not None
    x, y = 81 - 20, 43 - 25  # the box's upper left corner
    shares = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    assert np.allclose(faces.points[0], [(x + 40 * a, y + 50 * b) for a, b in shares], atol=1e-3)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(np.zeros((0, 0, 3), np.uint8), 0, id="empty"),
        pytest.param(dots(64, 64), 0, id="no face"),
        pytest.param(dots(200, 160, (82, 41)), 1, id="one"),
        pytest.param(dots(200, 160, (82, 41), (90, 45)), 1, id="two that overlap"),
        pytest.param(dots(200, 160, (40, 41), (120, 45)), 2, id="two"),
        pytest.param(dots(200, 160, (82, 41))[:, :, 0].copy(), 1, id="grey"),
        pytest.param(dots(33, 1, (20, 0)), 1, id="one row"),
    ],
)
def test_faces_of_an_image(image: NDArray[np.uint8], expected: int) -> None:
    faces = found(image)
    assert len(faces) == expected
    assert faces.points is None or faces.points.shape == (expected, 5, 2)


def test_weak_faces_are_left_out() -> None:
    image = dots(64, 64, (30, 30))
    assert len(CenterFaceDetector(Painted(0.39))([image])[0]) == 0
    assert len(CenterFaceDetector(Painted(0.41))([image])[0]) == 1
    assert len(CenterFaceDetector(Painted(0.39), min_score=0.3)([image])[0]) == 1


def test_inputs_are_multiples_of_32() -> None:
    network = Painted()
    CenterFaceDetector(network)([dots(200, 161)])
    assert network.inputs == [(1, 3, 192, 224)]


@pytest.mark.parametrize(("min_face_px", "scale"), [(14, 1.0), (28, 0.5), (7, 2.0)])
def test_the_smallest_face_sets_the_scale(min_face_px: float, scale: float) -> None:
    network = Painted()
    image = dots(40, 40, (20, 20)).repeat(4, axis=0).repeat(4, axis=1)
    faces = CenterFaceDetector(network, min_face_px=min_face_px)([image])[0]
    assert network.inputs[0][2:] == (32 * np.ceil(5 * scale),) * 2
    assert abs(sizes_wh(faces.xyxy)[0, 0] - 1.02 * np.sqrt(2000) / scale) < 0.1


def test_scale_must_be_positive() -> None:
    with pytest.raises(ValueError, match="min_face_px"):
        CenterFaceDetector(Painted(), min_face_px=0)


def test_a_large_image_is_searched_in_tiles() -> None:
    network = Painted()
    places = [(100, 100), (1900, 50), (1620, 700), (3700, 2000)]  # the third lies in two tiles
    faces = CenterFaceDetector(network)([dots(3840, 2160, *places)])[0]
    assert max(max(shape[2:]) for shape in network.inputs) <= 1920
    assert len(network.inputs) == 6
    assert len(faces) == len(places)
    assert np.allclose(np.sort(centres(faces.xyxy)[:, 0]), [100, 1620, 1900, 3700], atol=3)


def real_detector(**options: Any) -> Detector:
    return load_detector(BackendSettings(detector="centerface", **options))


def test_drawn_faces_are_found(face_models: Path) -> None:
    del face_models
    film = Film()
    truth = film.truth
    frames = np.unique(truth.frame_index[truth.visible > 0.9])[::100]
    images = [film.frame(int(index)) for index in frames]
    hits = total = 0
    for index, faces in zip(frames, real_detector()(images), strict=True):
        boxes = truth.xyxy[(truth.frame_index == index) & (truth.visible > 0.9)]
        hits += int((iou(boxes, faces.xyxy).max(axis=1, initial=0) > 0.25).sum())
        total += len(boxes)
    assert total > 10
    assert hits == total


def test_runtimes_and_streams_agree(face_models: Path) -> None:
    del face_models
    film = Film()
    images = [film.frame(index) for index in (0, 200, 400)]
    one = real_detector(runtime="openvino", threads=1)(images)
    for other in (
        real_detector(runtime="onnxruntime", threads=1)(images),
        real_detector(runtime="openvino", threads=2)(images),
    ):
        for a, b in zip(one, other, strict=True):
            assert np.allclose(a.xyxy, b.xyxy, atol=0.1)
            assert np.allclose(a.score, b.score, atol=1e-3)


@pytest.mark.parametrize("name", ["kpop_vertical", "family_wide"])
def test_small_faces_of_real_footage_are_found(shared: Path, face_models: Path, name: str) -> None:
    """On these two, dlib's detector at its default finds 6 and 13 % of the faces."""
    del face_models
    from data.video.footage import probe
    from data.video.reader import sample_frames
    from tests.quality.labels import read_labels

    labels = read_labels(shared / "footage" / "labels" / f"{name}.csv")
    footage = probe(shared / "footage" / f"{name}.mp4")
    detector = real_detector()
    hits = total = 0
    for frame in sample_frames(footage, every_s=2.0):
        boxes = labels.of_frames(np.array([frame.index])).xyxy
        if len(boxes):
            faces = detector([frame.image])[0]
            hits += int((iou(boxes, faces.xyxy).max(axis=1, initial=0) >= 0.25).sum())
            total += len(boxes)
    assert total >= 10
    assert hits / total > 0.9
