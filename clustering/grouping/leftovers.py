"""Assign leftover faces to people where the nearest person is unambiguous."""

from __future__ import annotations

import numpy as np

from clustering.grouping.arrays import Floats, Labels
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.linkage import Distance, Groups
from data.core.arrays import UNKNOWN

_MARGIN = 0.04  # minimum difference between the distances of the nearest and the second person
BLOCK_DISTANCES = 1 << 22
"""Distances computed per block: 32 MB."""


def match_leftovers(
    leftovers: Groups,
    people: Groups,
    cannot_leftovers: CannotLink,
    cannot_people: CannotLink,
    *,
    distance: Distance,
    limit: float,
    block_distances: int = BLOCK_DISTANCES,
) -> tuple[Labels, Floats]:
    """Find the person that each leftover group clearly belongs to.

    Args:
        leftovers: n leftover groups.
        people: groups that the leftovers may join.
        cannot_leftovers: constraints of the leftover groups.
        cannot_people: constraints of the people.
        distance: distance function of two groups.
        limit: maximum distance, exclusive.
        block_distances: distances computed per block; does not change the result.

    Returns:
        ``(n,)`` row of the person, -1 if none is clear; ``(n,)`` distance to the nearest person.
    """
    joins, nearest = np.full(len(leftovers), UNKNOWN, np.int64), np.full(len(leftovers), np.inf)
    step = max(block_distances // max(len(people), 1), 1)
    for start in range(0, len(leftovers), step):
        rows = np.arange(start, min(start + step, len(leftovers)))
        distances = distance(leftovers.take(rows), people)
        distances[cannot_leftovers.take(rows).conflicts_with(cannot_people)] = np.inf
        joins[rows] = clear_nearest(distances, limit=limit)
        nearest[rows] = distances.min(axis=1, initial=np.inf)
    return joins, nearest


def clear_nearest(distances: Floats, *, limit: float) -> Labels:
    """Return the column of each row's smallest distance, if it is unambiguous.

    Args:
        distances: ``(n, m)`` distances.
        limit: maximum of the smallest distance, exclusive.

    Returns:
        ``(n,)`` column; -1 beyond ``limit`` or if the second smallest is hardly larger.
    """
    order = np.partition(distances, range(min(2, distances.shape[1])), axis=1)
    second = order[:, 1] if order.shape[1] > 1 else np.full(len(order), np.inf)
    clear = (order[:, 0] < limit) & (second > order[:, 0] + _MARGIN)
    return np.where(clear, distances.argmin(axis=1), UNKNOWN)


def one_per_frame(joins: Labels, distance: Floats, *, node: Labels, frame: Labels) -> Labels:
    """Let only the nearest node join a person if several nodes share a frame.

    Args:
        joins: ``(n,)`` person of each node; -1 none.
        distance: ``(n,)`` distance of each node to that person.
        node: ``(f,)`` node of each face; -1 none.
        frame: ``(f,)`` frame of each face.

    Returns:
        ``(n,)`` person of each node; -1 if it does not join.
    """
    order = np.argsort(node, kind="stable")
    starts = np.searchsorted(node[order], np.arange(len(joins) + 1))
    joining = np.flatnonzero(joins != UNKNOWN)
    kept = np.full_like(joins, UNKNOWN)
    taken: set[tuple[int, int]] = set()
    for i in joining[np.argsort(distance[joining], kind="stable")].tolist():
        frames = frame[order[starts[i] : starts[i + 1]]].tolist()
        slots = {(int(joins[i]), number) for number in frames}
        if taken.isdisjoint(slots):
            taken |= slots
            kept[i] = joins[i]
    return kept
