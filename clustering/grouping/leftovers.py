"""Assign leftover faces to people, where the nearest person is clear."""

from __future__ import annotations

import numpy as np

from clustering.grouping.arrays import Floats, Labels
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.linkage import Distance, Groups
from data.core.arrays import UNKNOWN

_MARGIN = 0.04  # least distance between the nearest person and the next
BLOCK_DISTANCES = 1 << 22
"""Distances computed together: 32 MB."""


def match_leftovers(
    left: Groups,
    people: Groups,
    cannot_left: CannotLink,
    cannot_people: CannotLink,
    *,
    distance: Distance,
    limit: float,
    block_distances: int = BLOCK_DISTANCES,
) -> tuple[Labels, Floats]:
    """Find the person that each leftover group clearly belongs to.

    Args:
        left: n leftover groups.
        people: groups that they may join.
        cannot_left: constraints of the leftover groups.
        cannot_people: constraints of the people.
        distance: between two groups.
        limit: of that distance, exclusive.
        block_distances: distances computed together; does not change the result.

    Returns:
        ``(n,)`` row of the person, -1 where none is clear; ``(n,)`` distance to the nearest person.
    """
    joins, apart = np.full(len(left), UNKNOWN, np.int64), np.full(len(left), np.inf)
    step = max(block_distances // max(len(people), 1), 1)
    for start in range(0, len(left), step):
        rows = np.arange(start, min(start + step, len(left)))
        some = distance(left.take(rows), people)
        some[cannot_left.take(rows).against(cannot_people)] = np.inf
        joins[rows] = clear_nearest(some, limit=limit)
        apart[rows] = some.min(axis=1, initial=np.inf)
    return joins, apart


def clear_nearest(apart: Floats, *, limit: float) -> Labels:
    """Return the column of each row's smallest distance, where it is clear.

    Args:
        apart: ``(n, m)`` distances.
        limit: of the smallest distance, exclusive.

    Returns:
        ``(n,)`` column; -1 beyond ``limit`` or where the second smallest is hardly larger.
    """
    order = np.partition(apart, range(min(2, apart.shape[1])), axis=1)
    second = order[:, 1] if order.shape[1] > 1 else np.full(len(order), np.inf)
    clear = (order[:, 0] < limit) & (second > order[:, 0] + _MARGIN)
    return np.where(clear, apart.argmin(axis=1), UNKNOWN)


def one_per_frame(joins: Labels, apart: Floats, *, node: Labels, frame: Labels) -> Labels:
    """Of nodes in one frame that would join one person, let only the nearest join.

    Args:
        joins: ``(n,)`` person of each node; -1 none.
        apart: ``(n,)`` distance of each node to that person.
        node: ``(f,)`` node of each face; -1 none.
        frame: ``(f,)`` frame of each face.

    Returns:
        ``(n,)``: ``joins`` with -1 for the other nodes.
    """
    order = np.argsort(node, kind="stable")
    starts = np.searchsorted(node[order], np.arange(len(joins) + 1))
    joining = np.flatnonzero(joins != UNKNOWN)
    kept = np.full_like(joins, UNKNOWN)
    taken: set[tuple[int, int]] = set()
    for i in joining[np.argsort(apart[joining], kind="stable")].tolist():
        frames = frame[order[starts[i] : starts[i + 1]]].tolist()
        places = {(int(joins[i]), number) for number in frames}
        if taken.isdisjoint(places):
            taken |= places
            kept[i] = joins[i]
    return kept
