from __future__ import annotations

import numpy as np
import pytest

from data.core.boxes import as_boxes
from tracking.training.confusion import LabelledDetections, confusion_matrix

A, B, FAR = [0, 0, 20, 20], [40, 0, 60, 20], [200, 0, 220, 20]


def image_of(
    labels: list[tuple[int, list[int]]], detections: list[tuple[int, list[int], float]]
) -> LabelledDetections:
    return LabelledDetections(
        label_xyxy=as_boxes([box for _, box in labels]),
        label_class=np.array([index for index, _ in labels], np.int64),
        xyxy=as_boxes([box for _, box, _ in detections]),
        class_index=np.array([index for index, _, _ in detections], np.int64),
        score=np.array([score for _, _, score in detections], np.float32),
    )


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(image_of([], []), [[0, 0, 0], [0, 0, 0], [0, 0, 0]], id="empty"),
        pytest.param(
            image_of([(0, A), (1, B)], [(0, A, 0.9), (1, B, 0.9)]),
            [[1, 0, 0], [0, 1, 0], [0, 0, 0]],
            id="right",
        ),
        pytest.param(
            image_of([(0, A)], [(1, A, 0.9)]), [[0, 1, 0], [0, 0, 0], [0, 0, 0]], id="wrong person"
        ),
        pytest.param(image_of([(0, A)], []), [[0, 0, 1], [0, 0, 0], [0, 0, 0]], id="missed"),
        pytest.param(
            image_of([], [(1, A, 0.9)]), [[0, 0, 0], [0, 0, 0], [0, 1, 0]], id="false detection"
        ),
        pytest.param(
            image_of([(0, A)], [(0, FAR, 0.9)]),
            [[0, 0, 1], [0, 0, 0], [1, 0, 0]],
            id="elsewhere: missed and false",
        ),
        pytest.param(
            image_of([(0, A)], [(0, A, 0.2)]), [[0, 0, 1], [0, 0, 0], [0, 0, 0]], id="low score"
        ),
        pytest.param(
            image_of([(0, A)], [(0, A, 0.5), (1, A, 0.8)]),
            [[0, 1, 0], [0, 0, 0], [0, 0, 0]],
            id="two people on one face: the highest score",
        ),
    ],
)
def test_counts_the_person_each_face_was_detected_as(
    image: LabelledDetections, expected: list[list[int]]
) -> None:
    assert confusion_matrix([image], 2).tolist() == expected


def test_images_add_up() -> None:
    image = image_of([(0, A)], [(0, A, 0.9)])
    assert confusion_matrix([image, image], 1).tolist() == [[2, 0], [0, 0]]
    assert confusion_matrix([], 1).tolist() == [[0, 0], [0, 0]]
