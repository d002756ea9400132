from __future__ import annotations

import numpy as np
import pytest

from cropping.camera.shots import FrameTimes, person_shots
from data.tables.timeline import Timeline
from tests.cropping.tracked_project import at_rate, box, timeline_of, tracks_of


@pytest.mark.parametrize(
    ("index", "time_s", "expected"),
    [
        ([], [], []),
        ([0], [0.0], [0.0]),
        ([0, 1, 2], [0.0, 0.1, 0.3], [0.0, 0.1, 0.3]),
        ([0, 3, 6], [0.0, 0.3, 0.6], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
    ],
    ids=["empty", "one", "every frame", "every third"],
)
def test_frame_times_have_every_frame(
    index: list[int], time_s: list[float], expected: list[float]
) -> None:
    none = np.zeros(0, np.int64)
    frame_times = FrameTimes.of(Timeline(np.array(index, np.int64), np.array(time_s), none))
    assert frame_times.time_s.tolist() == pytest.approx(expected)


def test_a_single_late_frame_has_a_duration() -> None:
    """If all frames before it are damaged, it is sampled alone."""
    timeline = Timeline(np.array([3]), np.array([0.12]), np.zeros(0, np.int64))
    frame_times = FrameTimes.of(timeline)
    ((begin, end),) = frame_times.intervals(np.array([False, False, False, True]))
    assert begin == 0.12
    assert end > begin


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("....", []),
        ("####", [(0, 0.4)]),
        ("#..#", [(0, 0.1), (0.3, 0.4)]),
        (".##.", [(0.1, 0.3)]),
    ],
)
def test_intervals(marked: str, expected: list[tuple[float, float]]) -> None:
    frame_times = FrameTimes(np.arange(4) / 10)
    spans = frame_times.intervals(np.array([one == "#" for one in marked]))
    assert [value for span in spans for value in span] == pytest.approx(
        [value for span in expected for value in span]
    )


HERE, FAR = box(50, 50), box(130, 50)


@pytest.mark.parametrize(
    ("frames", "cuts", "expected"),
    [
        ({}, (), []),
        ({5: HERE}, (), [(5, 6)]),
        (dict.fromkeys(range(10), HERE), (), [(0, 10)]),
        (dict.fromkeys(range(10), HERE), (4, 8), [(0, 4), (4, 8), (8, 10)]),
        (dict.fromkeys([0, 1, 20, 21], HERE), (), [(0, 22)]),
        (dict.fromkeys([0, 1, 40, 41], HERE), (), [(0, 2), (40, 42)]),
        (dict.fromkeys([0, 1, 20, 21], HERE), (10,), [(0, 2), (20, 22)]),
        ({0: HERE, 1: HERE, 2: FAR, 3: FAR}, (), [(0, 2), (2, 4)]),
        ({0: HERE, 1: HERE, 9: FAR}, (), [(0, 10)]),
    ],
    ids=[
        "never",
        "one frame",
        "always",
        "cuts",
        "a short absence",
        "a long absence",
        "a cut meanwhile",
        "an unseen cut",
        "moved meanwhile",
    ],
)
def test_person_shots(
    frames: dict[int, tuple[float, ...]], cuts: tuple[int, ...], expected: list[tuple[int, int]]
) -> None:
    timeline = at_rate(50, *cuts)
    found = person_shots(tracks_of(timeline, {1: frames}), timeline, FrameTimes.of(timeline))
    assert [(run.first, run.end) for run in found] == expected


def test_sparse_detections_are_no_gap() -> None:
    """One frame in thirty was analysed, and the person is in all of them."""
    timeline = timeline_of([0.0, 1.2, 2.4, 3.6])
    timeline = Timeline(np.arange(4) * 30, timeline.time_s, timeline.cuts)
    tracks = tracks_of(timeline, {1: dict.fromkeys([0, 30, 60, 90], HERE)})
    found = person_shots(tracks, timeline, FrameTimes.of(timeline))
    assert [(run.first, run.end) for run in found] == [(0, 91)]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ({}, [(0, 2), (2, 4)]),
        (dict.fromkeys(range(4), (30, 30, 150, 300)), [(0, 4)]),
        ({0: box(50, 90, 60), 1: box(50, 90, 60), 2: box(130, 90, 60)}, [(0, 2), (2, 4)]),
    ],
    ids=["faces alone", "one body", "two bodies"],
)
def test_a_head_that_jumps_within_a_body_is_no_cut(
    bodies: dict[int, tuple[float, ...]], expected: list[tuple[int, int]]
) -> None:
    timeline = at_rate(4)
    tracks = tracks_of(
        timeline, {1: {0: HERE, 1: HERE, 2: FAR, 3: FAR}}, bodies=bodies, turned=[2, 3]
    )
    found = person_shots(tracks, timeline, FrameTimes.of(timeline))
    assert [(run.first, run.end) for run in found] == expected
