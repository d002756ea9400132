"""Set operations on time intervals.

``Intervals`` are ``(n, 2)`` float64 seconds, sorted and disjoint; the start is inclusive, the end
exclusive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
"""Start and end, in seconds."""
Intervals = NDArray[np.float64]
"""``(n, 2)`` seconds: start and end of each interval."""


def as_intervals(values: object) -> Intervals:
    """Return the union of ``values``, pairs of start and end, as a new ``(n, 2)`` array.

    Intervals that overlap or touch are merged; empty and reversed ones are dropped.
    """
    pairs = np.array(values, dtype=np.float64).reshape(-1, 2)
    pairs = pairs[pairs[:, 1] > pairs[:, 0]]
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    latest = np.maximum.accumulate(pairs[:, 1])
    is_start = np.ones(len(pairs), np.bool_)
    is_start[1:] = pairs[1:, 0] > latest[:-1]
    is_end = np.append(is_start[1:], True)[: len(pairs)]
    return np.stack([pairs[is_start, 0], latest[is_end]], axis=1)


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """Return the intersection of ``a`` ``(n, 2)`` and ``b`` ``(m, 2)``, as ``(k, 2)``."""
    starts = np.maximum(a[:, None, 0], b[None, :, 0])
    ends = np.minimum(a[:, None, 1], b[None, :, 1])
    return as_intervals(np.stack([starts, ends], axis=2))


def gaps(intervals: Intervals) -> Intervals:
    """Return the gaps between successive intervals ``(n, 2)``, as ``(n - 1, 2)``."""
    return as_intervals(np.stack([intervals[:-1, 1], intervals[1:, 0]], axis=1))


def difference(a: Intervals, b: Intervals) -> Intervals:
    """Return the parts of ``a`` ``(n, 2)`` outside ``b`` ``(m, 2)``, as ``(k, 2)``."""
    edges = np.concatenate([[-np.inf], b.ravel(), [np.inf]])
    return intersection(a, edges.reshape(-1, 2))


def lengths_s(intervals: Intervals) -> NDArray[np.float64]:
    """Return the length of each of ``(n, 2)`` intervals in seconds, ``(n,)``."""
    return np.asarray(intervals[:, 1] - intervals[:, 0], np.float64)


def containing_start(intervals: Intervals, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the start of the interval that contains each time, or infinity; ``(m,)`` seconds."""
    number = np.searchsorted(intervals[:, 0], times_s, side="right") - 1
    # Number -1, before the first interval, selects the appended values.
    starts = np.append(intervals[:, 0], np.inf)
    ends = np.append(intervals[:, 1], -np.inf)
    return np.asarray(np.where(times_s < ends[number], starts[number], np.inf), np.float64)


def clock(time_s: float) -> str:
    """Format a time as video players do: 12:03, 1:02:03, or -0:05 before the start."""
    minutes, seconds = divmod(round(abs(time_s)), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if time_s <= -0.5 else ""
    return (
        f"{sign}{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{sign}{minutes}:{seconds:02d}"
    )
