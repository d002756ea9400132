from __future__ import annotations

import numpy as np
import pytest

from data.core.intervals import (
    as_intervals,
    clock,
    containing_start,
    difference,
    gaps,
    intersection,
    lengths_s,
)

Pairs = list[tuple[float, float]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([(1, 2)], [(1, 2)], id="one"),
        pytest.param([(3, 4), (1, 2)], [(1, 2), (3, 4)], id="out of order"),
        pytest.param([(1, 2), (2, 3)], [(1, 3)], id="touching"),
        pytest.param([(1, 3), (2, 4)], [(1, 4)], id="overlapping"),
        pytest.param([(1, 9), (2, 3), (5, 10)], [(1, 10)], id="nested"),
        pytest.param([(1, 9), (2, 3), (10, 11)], [(1, 9), (10, 11)], id="nested, then apart"),
        pytest.param([(2, 2), (4, 3)], [], id="none at all"),
    ],
)
def test_as_intervals(values: Pairs, expected: Pairs) -> None:
    spans = as_intervals(values)
    assert spans.shape == (len(expected), 2)
    assert [tuple(span) for span in spans.tolist()] == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([], [], [], id="empty"),
        pytest.param([], [(0, 9)], [], id="one empty"),
        pytest.param([(0, 1)], [(2, 3)], [], id="apart"),
        pytest.param([(0, 1)], [(1, 2)], [], id="touching"),
        pytest.param([(0, 5)], [(3, 9)], [(3, 5)], id="overlapping"),
        pytest.param([(0, 9)], [(1, 2), (4, 5)], [(1, 2), (4, 5)], id="nested"),
        pytest.param(
            [(0, 3), (5, 8)], [(2, 6), (7, 9)], [(2, 3), (5, 6), (7, 8)], id="interleaved"
        ),
    ],
)
def test_intersection(a: Pairs, b: Pairs, expected: Pairs) -> None:
    for one, other in ((a, b), (b, a)):
        found = intersection(as_intervals(one), as_intervals(other))
        assert [tuple(span) for span in found.tolist()] == expected


@pytest.mark.parametrize(
    ("spans", "taken", "expected"),
    [
        pytest.param([], [], [], id="empty"),
        pytest.param([], [(1, 2)], [], id="of nothing"),
        pytest.param([(1, 2)], [], [(1, 2)], id="nothing"),
        pytest.param([(0, 9)], [(0, 9)], [], id="all"),
        pytest.param([(0, 9)], [(2, 3), (8, 12)], [(0, 2), (3, 8)], id="middle and end"),
        pytest.param([(0, 2), (4, 6)], [(1, 5)], [(0, 1), (5, 6)], id="across"),
        pytest.param([(0, 2)], [(2, 3)], [(0, 2)], id="touching"),
    ],
)
def test_difference(spans: Pairs, taken: Pairs, expected: Pairs) -> None:
    left = difference(as_intervals(spans), as_intervals(taken))
    assert [tuple(span) for span in left.tolist()] == expected


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([(1, 2)], [], id="one"),
        pytest.param([(1, 2), (3, 5), (6, 7)], [(2, 3), (5, 6)], id="three"),
    ],
)
def test_gaps(spans: Pairs, expected: Pairs) -> None:
    assert [tuple(span) for span in gaps(as_intervals(spans)).tolist()] == expected


def test_start_of_the_interval_that_contains_a_time() -> None:
    times_s = np.array([0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0])
    starts_s = containing_start(as_intervals([(1, 2), (3, 4)]), times_s)
    assert starts_s.tolist() == [np.inf, 1, 1, np.inf, np.inf, 3, np.inf]
    assert containing_start(as_intervals([]), times_s).tolist() == [np.inf] * 7
    assert containing_start(as_intervals([(1, 2)]), times_s[:0]).tolist() == []


def test_lengths() -> None:
    assert lengths_s(as_intervals([])).tolist() == []
    assert lengths_s(as_intervals([(1, 2), (4, 7.5)])).tolist() == [1, 3.5]


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [
        (0, "0:00"),
        (59.6, "1:00"),
        (723.4, "12:03"),
        (3723, "1:02:03"),
        (-0.4, "0:00"),
        (-65, "-1:05"),
    ],
)
def test_clock(time_s: float, shown: str) -> None:
    assert clock(time_s) == shown
