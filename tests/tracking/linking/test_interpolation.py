from __future__ import annotations

import numpy as np
import pytest

from tests.tracking.track_rows import Row, rows_of, timeline, tracks
from tracking.linking.interpolation import CONFIDENCE_SHARE, MAX_STEP, interpolate_gaps, steps

Interpolated = list[tuple[int, int, float]]


@pytest.mark.parametrize(
    ("frames", "cuts", "rows", "max_gap_s", "expected"),
    [
        pytest.param(0, [], [], 1.0, [], id="no frame at all"),
        pytest.param(5, [], [], 1.0, [], id="no row"),
        pytest.param(5, [], [(2, 1, 40)], 1.0, [], id="one frame only"),
        pytest.param(3, [], [(0, 1, 0), (1, 1, 3), (2, 1, 6)], 1.0, [], id="no gap"),
        pytest.param(5, [], [(3, 1, 30), (4, 1, 33)], 1.0, [], id="gap at the start"),
        pytest.param(5, [], [(0, 1, 30), (1, 1, 33)], 1.0, [], id="gap at the end"),
        pytest.param(
            5,
            [],
            [(0, 1, 0), (4, 1, 8)],
            1.0,
            [(1, 1, 2), (2, 1, 4), (3, 1, 6)],
            id="in the middle",
        ),
        pytest.param(
            7,
            [],
            [(0, 1, 0), (2, 1, 4), (3, 1, 5), (6, 1, 11)],
            1.0,
            [(1, 1, 2), (4, 1, 7), (5, 1, 9)],
            id="two gaps",
        ),
        pytest.param(5, [], [(0, 1, 0), (4, 1, 8)], 0.39, [], id="longer than the limit"),
        pytest.param(
            5,
            [],
            [(0, 1, 0), (4, 1, 8)],
            0.4,
            [(1, 1, 2), (2, 1, 4), (3, 1, 6)],
            id="just the limit",
        ),
        pytest.param(5, [], [(0, 1, 0), (4, 1, 8)], 0.0, [], id="limit of 0"),
        pytest.param(5, [2], [(0, 1, 0), (4, 1, 8)], 1.0, [], id="over a cut"),
        pytest.param(5, [4], [(0, 1, 0), (4, 1, 8)], 1.0, [], id="cut at the later sighting"),
        pytest.param(5, [1], [(0, 1, 0), (4, 1, 8)], 1.0, [], id="cut after the earlier sighting"),
        pytest.param(
            7,
            [2],
            [(0, 1, 0), (2, 1, 20), (4, 1, 24), (6, 1, 25)],
            1.0,
            [(3, 1, 22), (5, 1, 24.5)],
            id="cut at a sighting, gaps after it",
        ),
        pytest.param(
            5,
            [],
            [(0, 1, 0), (0, 2, 20), (1, 1, 5), (1, 2, 15), (3, 1, 15), (3, 2, 5), (4, 1, 20)],
            1.0,
            [(2, 1, 10), (2, 2, 10)],
            id="two people crossing",
        ),
        pytest.param(
            5,
            [],
            [(0, 1, 0), (1, 2, 3), (2, 2, 3), (3, 2, 3), (4, 1, 8)],
            1.0,
            [(1, 1, 2), (2, 1, 4), (3, 1, 6)],
            id="another person in between",
        ),
        pytest.param(
            5,
            [],
            [(0, 1, 0), (2, 1, 90), (4, 1, 8)],
            1.0,
            [],
            id="seen elsewhere in between",
        ),
        pytest.param(3, [], [(0, 1, 0), (2, 1, 30)], 1.0, [(1, 1, 15)], id="longest step"),
        pytest.param(3, [], [(0, 1, 0), (2, 1, 31)], 1.0, [], id="too far"),
        pytest.param(5, [], [(0, -1, 0), (4, -1, 8)], 1.0, [], id="no known person"),
        pytest.param(5, [], [(0, 1, 0), (4, 2, 8)], 1.0, [], id="two people, one after the other"),
    ],
)
def test_gaps(
    frames: int, cuts: list[int], rows: list[Row], max_gap_s: float, expected: Interpolated
) -> None:
    line = timeline(frames, cuts=cuts)
    before = tracks(rows, line)
    found = rows_of(interpolate_gaps(before, line, max_gap_s=max_gap_s))
    assert [row for row in found if not row[3]] == rows_of(before)
    assert [row[:3] for row in found if row[3]] == expected


def test_time_decides_where_frames_come_unevenly() -> None:
    """The third frame lasts 0.7 s: the face has moved most of the way after it."""
    line = timeline(5, times_s=[0.0, 0.1, 0.2, 0.9, 1.0])
    found = interpolate_gaps(tracks([(0, 1, 0), (4, 1, 20)], line), line, max_gap_s=1.0)
    assert rows_of(found)[1:4] == [(1, 1, 2, True), (2, 1, 4, True), (3, 1, 18, True)]
    assert np.array_equal(found.time_s, line.time_s)


def test_the_limit_is_time_not_frames() -> None:
    line = timeline(3, times_s=[0.0, 0.1, 5.0])
    assert len(interpolate_gaps(tracks([(0, 1, 0), (2, 1, 20)], line), line, max_gap_s=1.0)) == 2


def test_only_frames_that_were_read_are_interpolated() -> None:
    """One frame in three was read, and one of them is damaged."""
    every = timeline(13)
    line = type(every)(np.array([0, 3, 9, 12]), every.time_s[[0, 3, 9, 12]], every.cuts)
    found = interpolate_gaps(tracks([(0, 1, 0), (12, 1, 24)], line), line, max_gap_s=2.0)
    assert rows_of(found)[1:3] == [(3, 1, 6, True), (9, 1, 18, True)]


def test_sizes_and_confidence_are_interpolated() -> None:
    line = timeline(5)
    seen = tracks([(0, 1, 0), (4, 1, 0)], line)
    seen = seen.replace(
        xyxy=np.array([[0, 0, 10, 20], [4, 8, 22, 32]], np.float32),
        confidence=np.array([1.0, 0.6], np.float32),
    )
    found = interpolate_gaps(seen, line, max_gap_s=1.0)
    assert found.xyxy[1].tolist() == [1, 2, 13, 23]
    assert found.confidence == pytest.approx(
        [1, 0.9 * CONFIDENCE_SHARE, 0.8 * CONFIDENCE_SHARE, 0.35, 0.6]
    )


def test_interpolating_again_changes_nothing_and_the_input_stays() -> None:
    line = timeline(9, cuts=[6])
    seen = tracks([(0, 1, 0), (4, 1, 8), (8, 1, 9), (1, 2, 5), (3, 2, 6)], line)
    columns = {name: getattr(seen, name).copy() for name in seen.COLUMNS}
    once = interpolate_gaps(seen, line, max_gap_s=1.0)
    assert rows_of(interpolate_gaps(once, line, max_gap_s=1.0)) == rows_of(once)
    for name, column in columns.items():
        np.testing.assert_array_equal(getattr(seen, name), column)


def test_a_row_outside_the_frames_is_an_error() -> None:
    seen = tracks([(4, 1, 0)], timeline(5))
    with pytest.raises(ValueError, match="frame 4 must be"):
        interpolate_gaps(seen, timeline(4), max_gap_s=1.0)


def test_steps_are_in_face_sizes() -> None:
    before = np.array([[0, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    after = np.array([[30, 0, 40, 10], [0, 0, 30, 30]], np.float32)
    assert steps(before, after) == pytest.approx([3.0, np.hypot(10, 10) / 20])
    assert MAX_STEP == 3.0
