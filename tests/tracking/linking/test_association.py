from __future__ import annotations

import numpy as np
import pytest

from tests.tracking.detection_rows import Box, detections
from tests.tracking.track_rows import timeline
from tracking.linking.association import tracklet_numbers


def still(left: float, frames: range, score: float = 0.9) -> list[Box]:
    return [(frame, left, score, []) for frame in frames]


@pytest.mark.parametrize(
    ("boxes", "cuts", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param(still(0, range(1)), [], [0], id="one box"),
        pytest.param(still(0, range(4)), [], [0, 0, 0, 0], id="stays"),
        pytest.param([(f, 5.0 * f, 0.9, []) for f in range(4)], [], [0] * 4, id="moves"),
        pytest.param(
            sorted(still(0, range(3)) + still(100, range(3))),
            [],
            [0, 1, 0, 1, 0, 1],
            id="two people",
        ),
        pytest.param(still(0, range(4)), [2], [0, 0, 1, 1], id="cut"),
        pytest.param(
            still(0, range(3)) + still(0, range(8, 11)), [], [0] * 6, id="missed for a while"
        ),
        pytest.param(
            [(0, 0, 0.9, []), (1, 0, 0.9, []), (2, 0, 0.1, []), (3, 0, 0.9, [])],
            [],
            [0, 0, 0, 0],
            id="a low-scoring box continues a track",
        ),
        pytest.param(still(0, range(3), 0.1), [], [-1] * 3, id="low-scoring boxes start none"),
        pytest.param(
            [(0, 0, 0.9, []), (1, 0, 0.9, []), (2, 0, 0.1, []), (3, 0, 0.1, [])],
            [],
            [0, 0, -1, -1],
            id="low-scoring boxes end none",
        ),
        pytest.param(
            [*still(0, range(2)), (2, 0, 0.9, []), (2, 100, 0.9, []), (3, 0, 0.9, [])],
            [],
            [0, 0, 0, 1, 0],
            id="in one frame only",
        ),
    ],
)
def test_tracklets(boxes: list[Box], cuts: list[int], expected: list[int]) -> None:
    number = tracklet_numbers(detections(boxes), timeline(20, cuts=cuts))
    assert number.tolist() == expected
    assert number.dtype == np.int32


def test_identity_of_boxes_does_not_matter() -> None:
    boxes: list[Box] = [(f, 0, 0.9, [f % 2, 1 - f % 2]) for f in range(6)]
    assert tracklet_numbers(detections(boxes), timeline(6)).tolist() == [0] * 6


def test_an_absence_that_is_too_long() -> None:
    boxes = still(0, range(3)) + still(0, range(60, 63))
    assert tracklet_numbers(detections(boxes), timeline(70)).tolist() == [0, 0, 0, 1, 1, 1]
