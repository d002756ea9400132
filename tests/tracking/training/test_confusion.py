from __future__ import annotations

import numpy as np
import pytest

from data.core.boxes import as_boxes
from tracking.training.confusion import Judged, confusion_matrix

A, B, FAR = [0, 0, 20, 20], [40, 0, 60, 20], [200, 0, 220, 20]


def judged(truth: list[tuple[int, list[int]]], found: list[tuple[int, list[int], float]]) -> Judged:
    return Judged(
        truth_xyxy=as_boxes([box for _, box in truth]),
        truth=np.array([who for who, _ in truth], np.int64),
        found_xyxy=as_boxes([box for _, box, _ in found]),
        found=np.array([who for who, _, _ in found], np.int64),
        score=np.array([score for _, _, score in found], np.float32),
    )


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(judged([], []), [[0, 0, 0], [0, 0, 0], [0, 0, 0]], id="empty"),
        pytest.param(
            judged([(0, A), (1, B)], [(0, A, 0.9), (1, B, 0.9)]),
            [[1, 0, 0], [0, 1, 0], [0, 0, 0]],
            id="right",
        ),
        pytest.param(
            judged([(0, A)], [(1, A, 0.9)]), [[0, 1, 0], [0, 0, 0], [0, 0, 0]], id="wrong person"
        ),
        pytest.param(judged([(0, A)], []), [[0, 0, 1], [0, 0, 0], [0, 0, 0]], id="missed"),
        pytest.param(
            judged([], [(1, A, 0.9)]), [[0, 0, 0], [0, 0, 0], [0, 1, 0]], id="nobody there"
        ),
        pytest.param(
            judged([(0, A)], [(0, FAR, 0.9)]),
            [[0, 0, 1], [0, 0, 0], [1, 0, 0]],
            id="elsewhere: missed and false",
        ),
        pytest.param(
            judged([(0, A)], [(0, A, 0.2)]), [[0, 0, 1], [0, 0, 0], [0, 0, 0]], id="not sure"
        ),
        pytest.param(
            judged([(0, A)], [(0, A, 0.5), (1, A, 0.8)]),
            [[0, 1, 0], [0, 0, 0], [0, 0, 0]],
            id="two names for one face: the surest",
        ),
    ],
)
def test_counts_whom_each_face_was_taken_for(image: Judged, expected: list[list[int]]) -> None:
    assert confusion_matrix([image], 2).tolist() == expected


def test_images_add_up() -> None:
    image = judged([(0, A)], [(0, A, 0.9)])
    assert confusion_matrix([image, image], 1).tolist() == [[2, 0], [0, 0]]
    assert confusion_matrix([], 1).tolist() == [[0, 0], [0, 0]]
