"""Match faces between tables by time and box.

Rows may change when a footage is processed again; the time and box of a face do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, areas
from data.core.intervals import Interval

SAME_TIME_S = 0.05
SAME_FACE_IOU = 0.5


def same_faces(
    time_s: NDArray[np.float64],
    xyxy: Boxes,
    other_time_s: NDArray[np.float64],
    other_xyxy: Boxes,
) -> NDArray[np.int64]:
    """Find the row of each face in another table of the same footage.

    Args:
        time_s: ``(n,)`` seconds.
        xyxy: ``(n, 4)`` px.
        other_time_s: ``(m,)`` seconds, in any order.
        other_xyxy: ``(m, 4)`` px.

    Returns:
        ``(n,)`` rows of the other table, -1 for a face without a match.
    """
    order = None
    if (np.diff(other_time_s) < 0).any():  # sorting is the slowest step, most tables are in order
        order = np.argsort(other_time_s, kind="stable")
        other_time_s, other_xyxy = other_time_s[order], other_xyxy[order]
    low = np.searchsorted(other_time_s, time_s - SAME_TIME_S)
    high = np.searchsorted(other_time_s, time_s + SAME_TIME_S, side="right")
    rows = np.repeat(np.arange(len(time_s)), high - low)
    first = np.repeat(low - np.concatenate([[0], np.cumsum(high - low)])[:-1], high - low)
    candidates = first + np.arange(len(rows))
    overlap = _iou(xyxy[rows], other_xyxy[candidates])
    matches = np.full(len(time_s), UNKNOWN, np.int64)
    # A face that does not move may match several rows: prefer the nearest in time. The best match
    # of each row is assigned last, so it overwrites the others.
    time_error = np.abs(time_s[rows] - other_time_s[candidates]) / SAME_TIME_S
    best = np.argsort(overlap - time_error / 2, kind="stable")
    best = best[overlap[best] >= SAME_FACE_IOU]
    matches[rows[best]] = candidates[best] if order is None else order[candidates[best]]
    return matches


def intervals_around(time_s: NDArray[np.float64]) -> list[Interval]:
    """Return the intervals with every face that can affect the match of faces at ``time_s``.

    Args:
        time_s: ``(n,)`` seconds, in any order.

    Returns:
        Intervals in seconds, in order, disjoint, both ends inclusive.
    """
    # A match is up to SAME_TIME_S away, another decision's face with the same match up to twice as
    # far, and that face's own match up to three times. A fourth SAME_TIME_S covers rounding.
    reach_s = 4 * SAME_TIME_S
    times = np.unique(time_s)
    if not len(times):
        return []
    gaps = np.flatnonzero(np.diff(times) > 2 * reach_s)
    starts, ends = times[np.r_[0, gaps + 1]] - reach_s, times[np.r_[gaps, len(times) - 1]] + reach_s
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _iou(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Return the intersection over union of ``a`` and ``b``, row by row, ``(n,)``."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    union = areas(a) + areas(b) - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-9), 0).astype(np.float32)
