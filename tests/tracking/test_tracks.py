from __future__ import annotations

import numpy as np
import pytest

from data.tables.people import Assignments
from data.tables.tracks import FACE, FILLED
from tests.tracking.detection_rows import SIDE, Box, detections
from tests.tracking.track_rows import timeline, tracks
from tracking.detection.detections import FootageDetections
from tracking.tracks import LinkSettings, find_tracks, without_hidden

ANNA, BEN, CLEO = 11, 12, 13
FRAMES = 12
NO_FACES = Assignments.empty()
PLAIN = LinkSettings(smooth_s=0)


def found(boxes: list[Box], cuts: list[int] | None = None) -> FootageDetections:
    return FootageDetections(timeline(FRAMES, cuts=cuts or []), detections(sorted(boxes)))


def rows(
    boxes: list[Box],
    faces: Assignments = NO_FACES,
    *,
    cuts: list[int] | None = None,
    video: bool = True,
) -> dict[int, list[int]]:
    """Return the frames of each person."""
    named = find_tracks(
        found(boxes, cuts), (ANNA, BEN), faces, label_margin=0.0, video=video, settings=PLAIN
    )
    people = np.unique(named.person_id).tolist()
    return {p: named.frame_index[named.person_id == p].tolist() for p in people}


def seen(left: float, frames: range, evidence: list[float]) -> list[Box]:
    return [(frame, left, max(evidence), evidence) for frame in frames]


def face(frame: int, left: float, person: int) -> Assignments:
    return Assignments(
        np.array([frame / 10]),
        np.array([[left, 0, left + SIDE, SIDE]], np.float32),
        np.array([person]),
    )


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        pytest.param([], {}, id="no box"),
        pytest.param(seen(0, range(6), [0.9, 0]), {ANNA: [0, 1, 2, 3, 4, 5]}, id="one"),
        pytest.param(
            seen(0, range(3), [0.9, 0])
            + seen(0, range(3, 4), [0, 0.9])
            + seen(0, range(4, 7), [0.9, 0]),
            {ANNA: [0, 1, 2, 3, 4, 5, 6]},
            id="one frame with another person",
        ),
        pytest.param(
            seen(0, range(3), [0.9, 0]) + seen(0, range(5, 8), [0.9, 0]),
            {ANNA: [0, 1, 2, 3, 4, 5, 6, 7]},
            id="gap",
        ),
        pytest.param(
            seen(0, range(8), [0.9, 0]) + seen(90, range(8), [0.3, 0]),
            {ANNA: list(range(8))},
            id="one tracklet of a person in a frame",
        ),
    ],
)
def test_tracks(boxes: list[Box], expected: dict[int, list[int]]) -> None:
    assert rows(boxes) == expected


def test_no_track_spans_a_cut() -> None:
    boxes = seen(0, range(4), [0.9, 0]) + seen(0, range(6, 10), [0, 0.9])
    assert rows(boxes, cuts=[5]) == {ANNA: [0, 1, 2, 3], BEN: [6, 7, 8, 9]}


def test_faces_decide_a_tracklet() -> None:
    boxes = seen(0, range(6), [0.4, 0.4])
    assert rows(boxes) == {}
    assert rows(boxes, face(2, 0, BEN)) == {BEN: [0, 1, 2, 3, 4, 5]}


def test_faces_decide_people_unknown_to_the_detector() -> None:
    boxes = seen(0, range(6), [0.1, 0.1]) + seen(0, range(2, 3), [0.3, 0.1])
    boxes.remove((2, 0, 0.1, [0.1, 0.1]))
    both = [face(2, 0, CLEO), face(4, 0, CLEO)]
    assert rows(boxes, Assignments.concatenate(both)) == {CLEO: [2, 3, 4]}


def test_photographs_are_not_linked() -> None:
    boxes = (
        seen(0, range(1), [0.99, 0])
        + seen(0, range(1, 2), [0, 0.99])
        + seen(0, range(3, 4), [0.99, 0])
    )
    assert rows(boxes, video=False) == {ANNA: [0, 3], BEN: [1]}


def test_boxes_are_faces_without_the_labels_margin() -> None:
    whole = found(seen(14, range(6), [0.9, 0]))
    named = find_tracks(whole, (ANNA, BEN), NO_FACES, label_margin=0.5, video=True, settings=PLAIN)
    assert np.allclose(named.xyxy, [19, 5, 29, 15])
    assert np.allclose(named.confidence, 0.9)
    assert not named.filled.any()


@pytest.mark.parametrize(
    ("left", "expected"),
    [(100.0, [True, True, True]), (4.0, [True, False, True]), (15.0, [True, True, True])],
    ids=["elsewhere", "over the gap", "next to it"],
)
def test_interpolated_rows_on_another_face_are_dropped(left: float, expected: list[bool]) -> None:
    line = timeline(3)
    both = tracks([(0, ANNA, 0), (1, ANNA, 0), (1, BEN, left), (2, ANNA, 0)], line, side=SIDE)
    both = both.replace(source=np.array([FACE, FILLED, FACE, FACE], np.int8))
    kept = without_hidden(both)
    frames = kept.frame_index[kept.person_id == ANNA].tolist()
    assert [frame in frames for frame in range(3)] == expected
    assert (kept.person_id == BEN).sum() == 1


def test_no_interpolated_rows() -> None:
    assert len(without_hidden(tracks([], timeline(0)))) == 0
