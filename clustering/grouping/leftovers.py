"""Left-over faces that join a person, where it is clear whose they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.dbscan import NOISE
from clustering.grouping.linkage import Distance, Floats, Groups

_MARGIN = 0.04  # the next person is at least this much further away than the nearest
_DISTANCES_AT_ONCE = 1 << 22


def clear_owners(
    left: Groups,
    people: Groups,
    cannot_left: CannotLink,
    cannot_people: CannotLink,
    *,
    distance: Distance,
    limit: float,
) -> tuple[NDArray[np.int64], Floats]:
    """Whose each left-over group clearly is, and how far away they are, both ``(n,)``.

    Args:
        left: the groups.
        people: whom they may join.
        cannot_left: what the groups are and are not.
        cannot_people: what the people are and are not.
        distance: how far apart two groups are.
        limit: of that distance.

    Returns:
        -1 for those who are nobody's clearly.
    """
    joins, apart = np.full(len(left), NOISE, np.int64), np.full(len(left), np.inf)
    step = max(_DISTANCES_AT_ONCE // max(len(people), 1), 1)
    for start in range(0, len(left), step):
        rows = np.arange(start, min(start + step, len(left)))
        some = distance(left.take(rows), people)
        some[cannot_left.take(rows).against(cannot_people)] = np.inf
        joins[rows] = clear_nearest(some, limit=limit)
        apart[rows] = some.min(axis=1, initial=np.inf)
    return joins, apart


def clear_nearest(apart: Floats, *, limit: float) -> NDArray[np.int64]:
    """Column of each row's smallest distance, ``(n,)``; -1 beyond ``limit`` or hardly smallest."""
    order = np.partition(apart, range(min(2, apart.shape[1])), axis=1)
    second = order[:, 1] if order.shape[1] > 1 else np.full(len(order), np.inf)
    clear = (order[:, 0] < limit) & (second > order[:, 0] + _MARGIN)
    return np.where(clear, apart.argmin(axis=1), NOISE)


def once_a_frame(
    joins: NDArray[np.int64],
    apart: Floats,
    *,
    node: NDArray[np.int64],
    frame: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Of nodes that are seen together and would join one person, let only the nearest join.

    Args:
        joins: ``(n,)`` person of each node, -1 for none.
        apart: ``(n,)`` distance of each node to that person.
        node: ``(f,)`` node of each face, -1 for none.
        frame: ``(f,)`` frame of each face.

    Returns:
        ``joins`` with -1 for the others.
    """
    order = np.argsort(node, kind="stable")
    starts = np.searchsorted(node[order], np.arange(len(joins) + 1))
    joining = np.flatnonzero(joins != NOISE)
    kept = np.full_like(joins, NOISE)
    taken: set[tuple[int, int]] = set()
    for i in joining[np.argsort(apart[joining], kind="stable")].tolist():
        frames = frame[order[starts[i] : starts[i + 1]]].tolist()
        places = {(int(joins[i]), number) for number in frames}
        if taken.isdisjoint(places):
            taken |= places
            kept[i] = joins[i]
    return kept
