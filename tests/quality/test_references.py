"""Tracks that the references make from boxes, without running their networks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.quality.references import Seen, as_tracks, by_majority, interpolated_everywhere

TIMES_S = np.arange(10) / 10


def seen(frame: int, person: int, *, left: float = 0, score: float = 0.5, track: int = -1) -> Seen:
    return Seen(frame, (left, 0.0, left + 13, 13.0), person, score, track)


def test_no_boxes() -> None:
    assert by_majority([]) == []
    tracks = as_tracks([], TIMES_S, label_margin=0)
    assert len(tracks) == len(interpolated_everywhere(tracks, TIMES_S)) == 0


def test_the_highest_scoring_box_of_a_person_in_a_frame_counts() -> None:
    boxes = [seen(3, 1, left=50, score=0.9), seen(3, 1), seen(3, 2, left=80), seen(1, 1, left=20)]
    tracks = as_tracks(boxes, TIMES_S, label_margin=0)
    assert tracks.frame_index.tolist() == [1, 3, 3]
    assert tracks.person_id.tolist() == [1, 1, 2]
    assert tracks.xyxy[:, 0].tolist() == [20, 50, 80]
    assert tracks.time_s == pytest.approx([0.1, 0.3, 0.3])


def test_boxes_lose_the_margin_of_the_labels() -> None:
    """Faces of 10 px have labels of 13 px."""
    tracks = as_tracks([seen(0, 1)], TIMES_S, label_margin=0.15)
    assert tracks.xyxy[0] == pytest.approx([1.5, 1.5, 11.5, 11.5], abs=1e-5)


def test_a_track_is_the_person_of_most_of_its_boxes() -> None:
    boxes = [seen(0, 1, track=7), seen(1, 2, track=7), seen(2, 2, track=7), seen(2, 1), seen(3, 3)]
    assert [box.person for box in by_majority(boxes)] == [2, 2, 2, 1, 3]


def test_interpolation_spans_the_first_to_the_last_detection() -> None:
    boxes = [seen(1, 1), seen(7, 1, left=60), seen(4, 2)]
    tracks = interpolated_everywhere(as_tracks(boxes, TIMES_S, label_margin=0), TIMES_S)
    one = tracks.take(tracks.person_id == 1)
    assert one.frame_index.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert one.filled.tolist() == [False, True, True, True, True, True, False]
    # The moving average is over five frames, fewer at the ends.
    assert one.xyxy[:, 0] == pytest.approx([10, 15, 20, 30, 40, 45, 50], abs=1e-4)
    assert int((tracks.person_id == 2).sum()) == 1
