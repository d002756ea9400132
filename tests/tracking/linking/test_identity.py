from __future__ import annotations

import numpy as np
import pytest

from tests.tracking.detection_rows import Box, detections
from tracking.linking.identity import assign_people

ANNA, BEN, CLEO = 0, 1, 2
Tracklet = tuple[range, list[float]]  # frames, and evidence of each box


def people_of(
    tracklets: list[Tracklet], faces: dict[tuple[int, int], int] | None = None
) -> list[int]:
    """Return the person of each tracklet; ``faces`` by tracklet and frame."""
    rows: list[tuple[int, int, list[float]]] = sorted(
        (frame, number, evidence)
        for number, (frames, evidence) in enumerate(tracklets)
        for frame in frames
    )
    boxes: list[Box] = [(frame, 50.0 * n, max(evidence), evidence) for frame, n, evidence in rows]
    votes = [(faces or {}).get((number, frame), -1) for frame, number, _ in rows]
    person = assign_people(
        detections(boxes, people=3),
        np.array([number for _, number, _ in rows], np.int32),
        np.array(votes, np.int64),
    )
    return [int(one) for one in person]


@pytest.mark.parametrize(
    ("tracklets", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(range(9), [0.9, 0, 0])], [ANNA], id="clear"),
        pytest.param([(range(9), [0.5, 0.45, 0])], [-1], id="between two"),
        pytest.param([(range(9), [0.12, 0, 0])], [-1], id="low evidence"),
        pytest.param([(range(1), [0.7, 0, 0])], [-1], id="one frame"),
        pytest.param(
            [(range(9), [0.9, 0, 0]), (range(20, 29), [0.9, 0, 0])], [ANNA, ANNA], id="twice"
        ),
        pytest.param(
            [(range(9), [0.9, 0, 0]), (range(8, 17), [0.4, 0, 0])],
            [ANNA, -1],
            id="two of one: the one with less evidence stays unnamed",
        ),
        pytest.param(
            [(range(25), [0.9, 0.1, 0]), (range(25), [0.5, 0.4, 0])],
            [ANNA, BEN],
            id="a person already in the frame is no other box",
        ),
        pytest.param(
            [(range(25), [0.9, 0.1, 0]), (range(30, 55), [0.5, 0.4, 0])],
            [ANNA, -1],
            id="... but only in those frames",
        ),
        pytest.param(
            [(range(25), [0.9, 0.1, 0]), (range(25), [0.5, 0.4, 0.38])],
            [ANNA, -1],
            id="... and the other person must be clear",
        ),
        pytest.param(
            [(range(9), [0.6, 0.5, 0]), (range(9), [0.5, 0.6, 0])],
            [-1, -1],
            id="neither is clear without the other",
        ),
    ],
)
def test_people(tracklets: list[Tracklet], expected: list[int]) -> None:
    assert people_of(tracklets) == expected


@pytest.mark.parametrize(
    ("evidence", "faces", "expected"),
    [
        ([0.0, 0.0, 0.0], {(0, 4): CLEO}, CLEO),
        ([0.5, 0.45, 0.0], {(0, 4): BEN}, BEN),
        ([0.6, 0.3, 0.0], {(0, 2): BEN, (0, 4): BEN, (0, 6): BEN}, BEN),
        ([0.0, 0.0, 0.0], {(0, 2): BEN, (0, 4): CLEO}, -1),
    ],
    ids=["face alone", "face decides", "faces outvote", "faces differ"],
)
def test_faces(evidence: list[float], faces: dict[tuple[int, int], int], expected: int) -> None:
    assert people_of([(range(9), evidence)], faces) == [expected]


def test_boxes_in_no_tracklet_do_not_count() -> None:
    boxes = detections([(0, 0, 0.9, [0.9, 0]), (1, 0, 0.9, [0.9, 0])])
    person = assign_people(boxes, np.array([-1, -1], np.int32), np.array([-1, -1]))
    assert person.tolist() == []


def test_many_tracklets_of_many_people() -> None:
    """Every frame shows every person in their own tracklet, half of them ambiguous."""
    people, shots = 12, 30
    eye = np.eye(people) * 0.8
    boxes: list[Box] = []
    number = []
    for shot in range(shots):
        for frame in range(shot * 10, shot * 10 + 8):
            for who in range(people):
                evidence = eye[who] + (eye[(who + 1) % people] * 0.6 if who % 2 else 0)
                boxes.append((frame, 30.0 * who, 0.8, evidence.tolist()))
                number.append(shot * people + who)
    person = assign_people(
        detections(boxes, people=people), np.array(number, np.int32), np.full(len(boxes), -1)
    )
    assert person.tolist() == list(range(people)) * shots
