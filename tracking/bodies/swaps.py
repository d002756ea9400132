"""Cut body tracklets where they change from one person to another."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.core.boxes import iou
from tracking.detection.bodies import Bodies

_SWAP_COST: Final = 1.5
"""Recognised faces that a change of the person costs: one face of another person is an error."""


def cut_swaps(
    tracklet: NDArray[np.int32],
    bodies: Bodies,
    recognised: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Return the tracklets, ``(n,)``, each divided where its recognised faces change.

    The cut is between two recognised faces, in the frame in which the body overlaps another most.

    Args:
        tracklet: ``(n,)`` tracklet of each body; -1 for none.
        bodies: the bodies.
        recognised: ``(n,)`` person of the recognised face in each body; -1 for none.
    """
    result = tracklet.copy()
    following = int(tracklet.max(initial=-1)) + 1
    for one in range(following):
        rows = np.flatnonzero(tracklet == one)
        named = rows[recognised[rows] >= 0]
        person = _smoothed(recognised[named])
        for change in np.flatnonzero(np.diff(person)).tolist():
            before, after = named[change], named[change + 1]
            between = rows[(rows > before) & (rows <= after)]
            cut = between[int(np.argmax([_overlap(bodies, int(row)) for row in between]))]
            result[rows[rows >= cut]] = following
            following += 1
    return result


def _smoothed(people: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the likeliest person of each recognised face, ``(k,)``, with few changes (Viterbi)."""
    values = np.unique(people)
    if len(values) < 2:
        return people
    wrong = (people[:, None] != values[None]).astype(np.float64)
    cost, back = wrong[0], np.zeros(wrong.shape, np.int64)
    for step in range(1, len(people)):
        best = int(cost.argmin())
        changed = cost[best] + _SWAP_COST < cost
        back[step] = np.where(changed, best, np.arange(len(values)))
        cost = np.minimum(cost, cost[best] + _SWAP_COST) + wrong[step]
    path = [int(cost.argmin())]
    for step in range(len(people) - 1, 0, -1):
        path.append(int(back[step, path[-1]]))
    return np.asarray(values[path[::-1]], np.int64)


def _overlap(bodies: Bodies, row: int) -> float:
    """Return the largest IoU of a body with another one in its frame."""
    others = bodies.rows_of(int(bodies.frame_index[row]))
    others = others[others != row]
    return float(iou(bodies.xyxy[row : row + 1], bodies.xyxy[others]).max(initial=0))
