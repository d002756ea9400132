"""Pure functions on stretches of time: ``spans`` float64 seconds, rising, apart, end exclusive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Intervals = NDArray[np.float64]


def as_intervals(values: object) -> Intervals:
    """Return ``values`` as fresh ``(n, 2)`` spans, in order; what overlaps or touches is joined.

    What ends before it begins, or as it begins, is none.
    """
    given = np.array(values, dtype=np.float64).reshape(-1, 2)
    given = given[given[:, 1] > given[:, 0]]
    given = given[np.argsort(given[:, 0], kind="stable")]
    latest = np.maximum.accumulate(given[:, 1])
    begins = np.ones(len(given), np.bool_)
    begins[1:] = given[1:, 0] > latest[:-1]
    ends = np.append(begins[1:], True)[: len(given)]
    return np.stack([given[begins, 0], latest[ends]], axis=1)


def shared(a: Intervals, b: Intervals) -> Intervals:
    """Return the stretches that lie in spans of both."""
    starts = np.maximum(a[:, None, 0], b[None, :, 0])
    ends = np.minimum(a[:, None, 1], b[None, :, 1])
    return as_intervals(np.stack([starts, ends], axis=2))


def between(spans: Intervals) -> Intervals:
    """Return the stretches from each span's end to the next one's start, ``(n - 1, 2)``."""
    return as_intervals(np.stack([spans[:-1, 1], spans[1:, 0]], axis=1))


def without(spans: Intervals, taken: Intervals) -> Intervals:
    """Return what is left of ``spans`` where ``taken`` is cut out."""
    edges = np.concatenate([[-np.inf], taken.ravel(), [np.inf]])
    return shared(spans, edges.reshape(-1, 2))


def lengths_s(spans: Intervals) -> NDArray[np.float64]:
    """Length of each span, ``(n,)``."""
    return np.asarray(spans[:, 1] - spans[:, 0], np.float64)


def start_before(spans: Intervals, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start of the span that each time lies in, ``(n,)``; infinite where it lies in none."""
    number = np.searchsorted(spans[:, 0], times_s, side="right") - 1
    starts = np.append(spans[:, 0], np.inf)
    ends = np.append(spans[:, 1], -np.inf)  # number -1 is the last of these
    return np.asarray(np.where(times_s < ends[number], starts[number], np.inf), np.float64)


def clock(time_s: float) -> str:
    """Return a time as players show it: 12:03, or 1:02:03; -0:05 before the beginning."""
    minutes, seconds = divmod(round(abs(time_s)), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if time_s <= -0.5 else ""
    return (
        f"{sign}{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{sign}{minutes}:{seconds:02d}"
    )
