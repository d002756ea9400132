from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clustering.faces.networks.detector import (
    CnnDetector,
    FaceDetections,
    HogDetector,
    decode,
    no_faces,
    resized,
    suppress_overlaps,
)
from clustering.faces.networks.pyramid import tiling
from data.core.arrays import Image
from data.core.errors import InputError
from data.inference.runtime import RuntimeName
from tests.clustering.parity import (
    RUNTIMES,
    assert_same_detections,
    assert_same_faces,
    drawn_face,
    gradient,
    network,
    noise,
    read_frame,
    read_image,
    reference_detector,
)


def cnn(
    *,
    upsample: int | None = None,
    min_face_px: float | None = None,
    threshold: float = 0.0,
    runtime: RuntimeName = "auto",
) -> CnnDetector:
    return CnnDetector(
        network("detector", runtime),
        upsample=upsample,
        min_face_px=min_face_px,
        threshold=threshold,
    )


# Tests without footage


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("upsample", [0, 1])
def test_drawn_face_as_by_dlib(runtime: RuntimeName, upsample: int) -> None:
    assert assert_same_faces(drawn_face(), upsample=upsample, runtime=runtime) == 1


@pytest.mark.parametrize(
    "size_wh", [(151, 163), (110, 240), (301, 222), (97, 113)], ids=lambda wh: f"{wh[0]}x{wh[1]}"
)
def test_odd_sizes_as_by_dlib(size_wh: tuple[int, int]) -> None:
    assert_same_faces(drawn_face(size_wh), upsample=0)


def test_upsampling_twice_as_by_dlib() -> None:
    assert assert_same_faces(drawn_face((64, 60)), upsample=2) == 1


@pytest.mark.parametrize("upsample", [0, 1])
def test_grey_image_as_by_dlib(upsample: int) -> None:
    grey = np.ascontiguousarray(drawn_face().mean(axis=2).astype(np.uint8))
    assert assert_same_faces(grey, upsample=upsample) == 1


def test_face_at_the_edge_is_not_clamped() -> None:
    cut = np.ascontiguousarray(drawn_face()[:, 60:])
    assert assert_same_faces(cut, upsample=0) >= 0
    (found,) = cnn(threshold=-1.2)([cut])
    assert found.xyxy[:, 0].min() < 0


@pytest.mark.parametrize(
    "image",
    [noise(90, 121), gradient(75, 200), np.zeros((60, 60, 3), np.uint8)],
    ids=["noise", "gradient", "black"],
)
@pytest.mark.parametrize("upsample", [0, 1])
def test_no_face_where_dlib_finds_none(image: Image, upsample: int) -> None:
    assert assert_same_faces(image, upsample=upsample) == 0


@pytest.mark.parametrize(
    "size_hw",
    [
        (0, 0),
        (0, 5),
        (1, 1),
        (1, 100),
        (3, 200),
        (200, 3),
        (6, 6),
        (7, 7),
        (8, 40),
        (41, 37),
        (10, 10),
    ],
    ids=lambda hw: f"{hw[1]}x{hw[0]}",
)
@pytest.mark.parametrize("upsample", [0, 1, 2])
def test_tiny_images_have_no_face(size_hw: tuple[int, int], upsample: int) -> None:
    """The smallest sizes are not compared with dlib, which fails on them."""
    image = noise(*size_hw)
    (found,) = cnn(upsample=upsample)([image])
    assert found.xyxy.shape == (0, 4)
    assert_same_detections(found, reference_detector(upsample)([image])[0])


def test_empty_batch() -> None:
    assert cnn()([]) == []


def test_several_sizes_in_a_row_do_not_mix() -> None:
    detector = cnn()
    images = [drawn_face(), noise(50, 80), drawn_face((150, 220)), drawn_face()]
    together = detector(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = cnn()([image])
        assert np.array_equal(alone.xyxy, found.xyxy)
        assert np.array_equal(alone.score, found.score)
    assert [len(found) for found in together] == [1, 0, 1, 1]


def test_image_is_not_changed() -> None:
    image = drawn_face()
    before = image.copy()
    cnn(upsample=1)([image])
    assert np.array_equal(image, before)


def test_image_that_is_a_view() -> None:
    image = drawn_face()
    mirrored = image[:, ::-1]
    (found,) = cnn()([mirrored])
    (copied,) = cnn()([np.ascontiguousarray(mirrored)])
    assert len(found) == 1
    assert np.array_equal(found.xyxy, copied.xyxy)


def test_a_lower_threshold_only_adds_faces() -> None:
    (strict,) = cnn()([drawn_face()])
    (loose,) = cnn(threshold=-1.1)([drawn_face()])
    assert len(loose) > len(strict) == 1
    assert loose.score[0] == strict.score[0]
    assert np.all(np.diff(loose.score) <= 0)
    assert loose.score.min() > -1.1


@pytest.mark.parametrize("min_face_px", [20.0, 40.0, 80.0, 120.0])
def test_min_face_finds_the_face_where_it_is(min_face_px: float) -> None:
    (found,) = cnn(min_face_px=min_face_px)([drawn_face((200, 240))])
    assert len(found) == 1
    left, top, right, bottom = found.xyxy[0]
    assert left < 78 < 122 < right
    assert top < 110 < 168 < bottom


def test_min_face_of_the_window_is_the_image_itself() -> None:
    (found,) = cnn(min_face_px=80)([drawn_face()])
    (plain,) = cnn()([drawn_face()])
    assert np.array_equal(found.xyxy, plain.xyxy)


@pytest.mark.parametrize(
    ("min_face_px", "expected_hw"),
    [(None, (60, 90)), (80, (60, 90)), (40, (120, 180)), (160, (30, 45)), (1e9, (1, 1))],
)
def test_resized(min_face_px: float | None, expected_hw: tuple[int, int]) -> None:
    assert resized(noise(60, 90), min_face_px).shape == (*expected_hw, 3)


@pytest.mark.parametrize(
    ("upsample", "min_face_px"), [(-1, None), (1, 40.0), (None, 0.0), (None, float("nan"))]
)
def test_contradictory_scales(upsample: int | None, min_face_px: float | None) -> None:
    with pytest.raises(ValueError, match=r"upsample|min_face_px"):
        cnn(upsample=upsample, min_face_px=min_face_px)


@pytest.mark.parametrize(
    "image",
    [np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32), np.zeros(9, np.uint8)],
    ids=["alpha", "float", "flat"],
)
def test_invalid_images_are_refused(image: Image) -> None:
    with pytest.raises(ValueError, match="an image must be"):
        cnn()([image])


def test_too_large_an_image_is_refused_with_advice() -> None:
    with pytest.raises(InputError, match="--min-face"):
        cnn(upsample=8)([np.zeros((200, 200, 3), np.uint8)])


@pytest.mark.parametrize(("boxes", "scores"), [(1, 2), (2, 1)])
def test_detections_check_their_shapes(boxes: int, scores: int) -> None:
    with pytest.raises(ValueError, match="xyxy must be"):
        FaceDetections(np.zeros((boxes, 4), np.float32), np.zeros(scores, np.float32))


def test_no_faces_is_empty() -> None:
    assert len(no_faces()) == 0


# Decoding, with values computed by hand


def test_decode_nothing() -> None:
    xyxy, score = decode(np.full((5, 5), -1, np.float32), tiling(100, 100), 0.0)
    assert xyxy.shape == (0, 4)
    assert score.shape == (0,)


def test_decode_one_cell_of_the_image_itself() -> None:
    """Cell (column 3, row 2): centre (38, 30) tiled, (27, 19) in the image, box +-39.5."""
    scores = np.zeros((20, 20), np.float32)
    scores[2, 3] = 0.5
    xyxy, score = decode(scores, tiling(200, 200), 0.0)
    assert xyxy.tolist() == [[-13, -21, 67, 59]]  # halves away from 0: -12.5, -20.5, 66.5, 58.5
    assert score.tolist() == [0.5]


def test_decode_one_cell_of_the_second_level() -> None:
    """Level 1 of 200x200 is at (11, 221); one level up is 1.2 p + 0.3."""
    scores = np.zeros((60, 20), np.float32)
    scores[31, 9] = 1.0  # centre (86, 262) tiled, (75, 41) in the level
    xyxy, _ = decode(scores, tiling(200, 200), 0.0)
    expected = np.array([75 - 39.5, 41 - 39.5, 75 + 39.5, 41 + 39.5]) * 1.2 + 0.3
    assert np.abs(xyxy[0] - expected).max() <= 0.5


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        ([], []),
        ([[0, 0, 9, 9]], [0]),
        ([[0, 0, 9, 9], [0, 0, 9, 9]], [0]),
        ([[0, 0, 9, 9], [10, 0, 19, 9]], [0, 1]),
        # 10x10 moved by 4: inner 60, hull 140, 0.43; moved by 5: 50 / 150 = 0.33
        ([[0, 0, 9, 9], [4, 0, 13, 9]], [0]),
        ([[0, 0, 9, 9], [5, 0, 14, 9]], [0, 1]),
        # moved by 3 both ways: inner 49, hull 169 = 0.29, where intersection / union is 0.32
        ([[0, 0, 9, 9], [3, 3, 12, 12]], [0, 1]),
        # a suppressed box suppresses no other
        ([[0, 0, 9, 9], [4, 0, 13, 9], [8, 0, 17, 9]], [0, 2]),
    ],
    ids=["none", "one", "twice", "beside", "near", "far enough", "hull", "chain"],
)
def test_suppress_overlaps(boxes: list[list[float]], kept: list[int]) -> None:
    xyxy = np.array(boxes, np.float64).reshape(-1, 4)
    assert suppress_overlaps(xyxy, 0.33828) == kept


# HOG


def test_hog_finds_nothing_in_a_blank_image() -> None:
    images = [np.zeros((0, 0, 3), np.uint8), noise(1, 1), np.zeros((90, 90, 3), np.uint8)]
    assert [len(found) for found in HogDetector()(images)] == [0, 0, 0]


def test_hog_refuses_an_absurd_scale() -> None:
    with pytest.raises(ValueError, match="upsample"):
        HogDetector(upsample=-1)


@pytest.mark.parametrize("upsample", [0, 1])
def test_hog_equals_dlib(shared: Path, upsample: int) -> None:
    import dlib

    image = read_image(shared / "images" / "2008_002506.jpg", longest_px=400)
    rects, scores, _ = dlib.get_frontal_face_detector().run(image, upsample, 0.0)
    (found,) = HogDetector(upsample=upsample)([image])
    assert found.score.tolist() == pytest.approx(scores)
    inclusive = found.xyxy - np.array([0, 0, 1, 1])
    assert [(r.left(), r.top(), r.right(), r.bottom()) for r in rects] == [
        tuple(box) for box in inclusive.astype(int).tolist()
    ]
    assert len(found) > 0


# Photographs and footage


def photographs(shared: Path) -> list[Path]:
    return sorted((shared / "images").glob("*.jpg"))


def test_photographs_as_by_dlib(shared: Path) -> None:
    faces = [
        assert_same_faces(read_image(path, longest_px=180), upsample=1)
        for path in photographs(shared)
    ]
    assert sum(faces) >= 5


def test_footage_as_by_dlib(shared: Path) -> None:
    frame = read_frame(shared / "footage" / "talkshow_a.mp4", 1.0, longest_px=320)
    assert assert_same_faces(frame, upsample=1) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("upsample", [0, 1])
def test_large_photographs_as_by_dlib(shared: Path, upsample: int) -> None:
    longest_px = 800 if upsample == 0 else 400
    faces = [
        assert_same_faces(read_image(path, longest_px=longest_px), upsample=upsample)
        for path in photographs(shared)
    ]
    assert sum(faces) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("upsample", [0, 1])
def test_grey_photographs_as_by_dlib(shared: Path, upsample: int) -> None:
    faces = []
    for path in photographs(shared):
        image = read_image(path, longest_px=500 if upsample == 0 else 300).mean(axis=2)
        grey = np.ascontiguousarray(image.astype(np.uint8))
        faces.append(assert_same_faces(grey, upsample=upsample))
    assert sum(faces) >= 5


@pytest.mark.slow
def test_each_footage_as_by_dlib(shared: Path) -> None:
    faces = [
        assert_same_faces(read_frame(path, 2.0, longest_px=480), upsample=1)
        for path in sorted((shared / "footage").glob("*.m*"))
    ]
    assert sum(faces) >= 10
