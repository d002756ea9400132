"""Constrained average linkage of any number of groups of faces.

Up to MAX_GROUPS groups, the nearest pair is merged repeatedly (see `clustering.grouping.linkage`).
More are merged in rounds: each group finds its nearest neighbour, and the pairs that are nearer
than most are merged at once, so that the threshold rises from round to round, as it does where
pairs are merged one by one (N. Monath et al., "Scalable hierarchical agglomerative
clustering", KDD 2021). Memory is that of the groups, and time nearly follows their number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import norm

from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.linkage import Distance, Groups, average_linkage, merged_groups
from clustering.grouping.neighbours import WHOLE, near_groups
from clustering.grouping.relabel import by_first_sight

MAX_GROUPS = 2000
"""Groups that are linked one by one: 2000 * 2000 * 8 bytes = 32 MB of distances."""
_SHARE = 0.3
"""Of the pairs that are near enough, so many are merged in a round, the nearest."""
_FEW = 0.02
"""Of the groups: if fewer are near to another, they are merged in one round."""
_CANDIDATES = 16
"""Neighbours that are looked at more closely, where clothes and what cannot be count as well."""
_PAIRS_AT_ONCE = 1 << 16

# Where there are many people, two strangers may be as near as two groups of one person's faces.
_SURE = 0.9
"""Of the threshold: so near, two groups are one person however many people there are."""
_STRANGERS = 0.05
"""Strangers who may be nearer to a person than the threshold, on average."""
_SEEN = 5  # faces of a group that counts as somebody
_MANY = 100  # people
_SOME = 3000  # of them tell the distances of all
NONE = -1

Numbers = NDArray[np.int64]


def link(groups: Groups, cannot: CannotLink, *, distance: Distance, threshold: float) -> Numbers:
    """Merge groups that are nearer than ``threshold``, the nearest first.

    Args:
        groups: what to start from; not changed.
        cannot: which of them must not come together.
        distance: how far apart two groups are.
        threshold: of that distance; where there are very many people it is lowered to what look-
            alikes among them allow.

    Returns:
        ``(n,)`` cluster of each group, from 0 in order of first member.
    """
    if len(groups) <= MAX_GROUPS:
        return _one_by_one(groups, cannot, distance, threshold)
    crowd = _Crowd(groups, cannot, distance)
    del groups, cannot
    crowd.merge(_SURE * threshold)
    crowd.merge(min(threshold, crowd.look_alikes()))
    return crowd.cluster


def _one_by_one(
    groups: Groups, cannot: CannotLink, distance: Distance, threshold: float
) -> Numbers:
    matrix = cannot.against(cannot)
    np.fill_diagonal(matrix, False)
    return average_linkage(groups, matrix, distance=distance, threshold=threshold)


class _Crowd:
    """Groups that come together round by round."""

    def __init__(self, groups: Groups, cannot: CannotLink, distance: Distance) -> None:
        self._groups = groups
        self._cannot = cannot
        self._distance = distance
        self.cluster = np.arange(len(groups))
        self._forget_neighbours()

    def _forget_neighbours(self) -> None:
        self._nearest = np.full(len(self._groups), NONE)
        self._apart = np.full(len(self._groups), np.inf)

    def merge(self, threshold: float) -> None:
        """Merge what is nearer than that."""
        while len(self._groups) > MAX_GROUPS:
            self._look()
            near = np.flatnonzero(self._apart < threshold)
            if not len(near):
                return
            if len(near) > _FEW * len(self._groups):
                near = near[self._apart[near] <= np.quantile(self._apart[near], _SHARE)]
            near = near[np.argsort(self._apart[near], kind="stable")]
            self._become(joined(near, self._nearest[near], self._cannot))
        self._become(_one_by_one(self._groups, self._cannot, self._distance, threshold))

    def look_alikes(self) -> float:
        """Distance within which hardly anybody has a stranger, so many as they are.

        That of all pairs' nearest per mille is known, and is mostly that of strangers; how it goes
        on to the few nearest pairs follows from the nearest hundredth.
        """
        people = np.flatnonzero(self._groups.count >= _SEEN)
        if len(people) < _MANY:
            return np.inf
        some = np.random.default_rng(0).choice(people, min(_SOME, len(people)), replace=False)
        groups = self._groups.take(np.sort(some))
        apart = self._distance(groups, groups)[np.triu_indices(len(groups), 1)]
        hundredth, per_mille = np.quantile(apart, [1e-2, 1e-3])
        wanted, *known = -norm.ppf([_STRANGERS / len(people), 1e-2, 1e-3])
        slope = (hundredth - per_mille) / (known[1] - known[0])
        return float(per_mille - (wanted - known[1]) * slope)

    def _become(self, merged: Numbers) -> None:
        """Make one group of those with one number."""
        alone = np.bincount(merged)[merged] == 1
        # Whoever was not merged, and whose nearest was not, has it still: no average of two is
        # nearer than both.
        still = alone & (self._nearest != NONE)
        still[still] = alone[self._nearest[still]]
        whole = len(self._groups) > WHOLE
        self._groups = merged_groups(self._groups, merged)
        self._cannot = self._cannot.merged(merged)
        self.cluster = merged[self.cluster]
        nearest, apart = self._nearest, self._apart
        self._forget_neighbours()
        if whole and len(self._groups) <= WHOLE:
            return  # now that all are compared with all, none need be missed
        self._nearest[merged[still]] = merged[nearest[still]]
        self._apart[merged[still]] = apart[still]

    def _look(self) -> None:
        """Find the nearest group that each may come together with, where it is not known."""
        distance, cannot = self._distance, self._cannot
        alone = not (cannot.anything() or distance.clothes_share or distance.poor_share)
        candidates = near_groups(
            self._groups,
            self._nearest == NONE,
            spread_share=distance.spread_share,
            count=1 if alone else _CANDIDATES,
        )
        for column in candidates.T:
            for rows in _some(np.flatnonzero(column != NONE)):
                apart = distance.of_pairs(self._groups, rows, column[rows])
                closer = apart < self._apart[rows]
                closer[closer] = ~cannot.of_pairs(rows[closer], column[rows[closer]])
                self._nearest[rows[closer]] = column[rows[closer]]
                self._apart[rows[closer]] = apart[closer]


def _some(rows: Numbers) -> Iterator[Numbers]:
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        yield rows[start : start + _PAIRS_AT_ONCE]


def joined(i: Numbers, j: Numbers, cannot: CannotLink) -> Numbers:
    """Cluster of each group when pairs are joined, nearest first, where nothing is against it."""
    cluster = _components(i, j, len(cannot))
    if not cannot.anything():
        return cluster
    bad = cannot.merged(cluster).clashes_inside()
    bad &= np.bincount(cluster) > 1
    if not bad.any():
        return cluster
    doubtful = bad[cluster[i]]
    kept = _kept_pairs(i[doubtful], j[doubtful], cannot)
    i = np.concatenate([i[~doubtful], i[doubtful][kept]])
    j = np.concatenate([j[~doubtful], j[doubtful][kept]])
    return _components(i, j, len(cannot))


def _components(i: Numbers, j: Numbers, size: int) -> Numbers:
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    return by_first_sight(component)


def _kept_pairs(i: Numbers, j: Numbers, cannot: CannotLink) -> NDArray[np.bool_]:
    """Which pairs can be joined in their order without bringing together what cannot be."""
    leader: dict[int, int] = {}
    traits: dict[int, tuple[set[int], set[int]]] = {}

    def find(row: int) -> int:
        while leader.setdefault(row, row) != row:
            row = leader[row]
        return row

    kept = np.zeros(len(i), np.bool_)
    for number, pair in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
        a, b = (find(row) for row in pair)
        for row in (a, b):
            if row not in traits:
                traits[row] = cannot.traits(row)
        if a == b:
            continue
        (a_is, a_not), (b_is, b_not) = traits[a], traits[b]
        if a_is.isdisjoint(b_not) and b_is.isdisjoint(a_not):
            kept[number] = True
            leader[b] = a
            traits[a] = (a_is | b_is, a_not | b_not)
    return kept
