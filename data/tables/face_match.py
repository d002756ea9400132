"""A face told by its time and box: rows change when a footage is read again, places do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import Boxes, areas

SAME_TIME_S = 0.05
SAME_FACE_IOU = 0.5


def same_faces(
    time_s: NDArray[np.float64],
    xyxy: Boxes,
    other_time_s: NDArray[np.float64],
    other_xyxy: Boxes,
) -> NDArray[np.int64]:
    """Row among the others of the same place at the same time, ``(n,)``; -1 where none is.

    Args:
        time_s: ``(n,)``.
        xyxy: ``(n, 4)`` px.
        other_time_s: ``(m,)``, in any order.
        other_xyxy: ``(m, 4)`` px.
    """
    order = None
    if (np.diff(other_time_s) < 0).any():  # tables mostly are in order, and sorting takes longest
        order = np.argsort(other_time_s, kind="stable")
        other_time_s, other_xyxy = other_time_s[order], other_xyxy[order]
    low = np.searchsorted(other_time_s, time_s - SAME_TIME_S)
    high = np.searchsorted(other_time_s, time_s + SAME_TIME_S, side="right")
    rows = np.repeat(np.arange(len(time_s)), high - low)
    first = np.repeat(low - np.concatenate([[0], np.cumsum(high - low)])[:-1], high - low)
    others = first + np.arange(len(rows))
    overlap = _iou(xyxy[rows], other_xyxy[others])
    found = np.full(len(time_s), -1, np.int64)
    # Of a face that does not move there may be several: the nearest in time. The best of each row
    # comes last and stays.
    late = np.abs(time_s[rows] - other_time_s[others]) / SAME_TIME_S
    best = np.argsort(overlap - late / 2, kind="stable")
    best = best[overlap[best] >= SAME_FACE_IOU]
    found[rows[best]] = others[best] if order is None else order[others[best]]
    return found


def _iou(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union of each box of ``a`` with the same row of ``b``, ``(n,)``."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    union = areas(a) + areas(b) - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-9), 0).astype(np.float32)
