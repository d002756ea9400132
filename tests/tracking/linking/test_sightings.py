from __future__ import annotations

import numpy as np
import pytest

from data.tables.people import Assignments
from tests.tracking.detection_rows import SIDE, Box, detections
from tests.tracking.track_rows import timeline
from tracking.linking.sightings import SIGHTING_SCORE, Sightings, merge_sightings, sightings_of

PEOPLE = (7, 3)
Face = tuple[float, float, int]  # time or frame, left side, person


def columns(faces: list[Face]) -> tuple[list[float], np.ndarray, list[int]]:
    left = np.array([face[1] for face in faces], np.float32)
    xyxy = np.stack([left, 0 * left, left + SIDE, 0 * left + SIDE], axis=1).astype(np.float32)
    return [face[0] for face in faces], xyxy, [face[2] for face in faces]


def sightings(faces: list[Face]) -> Sightings:
    frame, xyxy, person = columns(faces)
    return Sightings(np.array(frame, np.int64), xyxy, np.array(person, np.int64))


def assignments(faces: list[Face]) -> Assignments:
    time_s, xyxy, person = columns(faces)
    return Assignments(np.array(time_s, np.float64), xyxy, np.array(person, np.int64))


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(0.2, 0, 7)], [(2, 7)], id="one"),
        pytest.param([(0.2, 0, -1)], [], id="no known person"),
        pytest.param([(0.25, 0, 7), (9.0, 0, 3)], [], id="frames that were not sampled"),
        pytest.param([(0.2, 0, 7), (0.2, 50, 3), (0.9, 0, 7)], [(2, 7), (2, 3), (9, 7)], id="some"),
    ],
)
def test_sightings(faces: list[Face], expected: list[tuple[int, int]]) -> None:
    found = sightings_of(assignments(faces), timeline(10), label_margin=0.1)
    assert list(zip(found.frame_index.tolist(), found.person_id.tolist(), strict=True)) == expected
    assert np.allclose(found.xyxy[:, 2] - found.xyxy[:, 0], SIDE * 1.2)


def test_no_frames() -> None:
    assert len(sightings_of(assignments([(0.2, 0, 7)]), timeline(0), label_margin=0.1)) == 0


@pytest.mark.parametrize(
    ("boxes", "faces", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([(0, 5, 0.5, [])], [], [(0, 5, 0.5, -1)], id="no face"),
        pytest.param([(0, 5, 0.5, [])], [(0, 7, 3)], [(0, 5, SIGHTING_SCORE, 1)], id="on a box"),
        pytest.param(
            [(0, 5, 0.1, [])], [(0, 7, 3)], [(0, 7, SIGHTING_SCORE, 1)], id="on a low-scoring box"
        ),
        pytest.param(
            [(0, 5, 0.95, [])], [(0, 5, 7)], [(0, 5, 0.95, 0)], id="on a higher-scoring box"
        ),
        pytest.param(
            [(0, 5, 0.5, []), (2, 5, 0.5, [])],
            [(1, 5, 7), (2, 60, 3)],
            [
                (0, 5, 0.5, -1),
                (1, 5, SIGHTING_SCORE, 0),
                (2, 5, 0.5, -1),
                (2, 60, SIGHTING_SCORE, 1),
            ],
            id="without a box",
        ),
        pytest.param(
            [(0, 0, 0.5, []), (0, 10, 0.5, [])],
            [(0, 9, 3), (0, 1, 7)],
            [(0, 0, SIGHTING_SCORE, 0), (0, 10, SIGHTING_SCORE, 1)],
            id="two near each other",
        ),
    ],
)
def test_merge(
    boxes: list[Box], faces: list[Face], expected: list[tuple[int, float, float, int]]
) -> None:
    before = detections(boxes)
    joined, votes = merge_sightings(before, sightings(faces), PEOPLE)
    rows = zip(joined.frame_index, joined.xyxy[:, 0], joined.score, votes, strict=True)
    found = [(int(f), float(x), round(float(s), 4), int(v)) for f, x, s, v in rows]
    assert found == expected
    assert np.array_equal(before.score, detections(boxes).score)
