"""Constrained average linkage of any number of groups of faces.

Up to `LinkageLimits.one_by_one` groups, the nearest pair is merged repeatedly (see
`clustering.grouping.linkage`). More are merged in rounds: each group finds its nearest neighbour,
and the nearest of these pairs are merged at once, so that the threshold rises from round to round,
as it does where pairs are merged one by one (N. Monath et al., "Scalable hierarchical agglomerative
clustering", KDD 2021). Memory is that of the groups; time is nearly linear in their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import norm

from clustering.grouping.arrays import Labels, Rows
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.linkage import Distance, Groups, average_linkage, merged_groups
from clustering.grouping.neighbours import DEFAULT_SEARCH, SearchLimits, near_groups
from clustering.grouping.relabel import by_first_row
from data.core.arrays import UNKNOWN

_SHARE = 0.3
"""Of the pairs below the threshold: share that is merged in a round, the nearest first."""
_FEW = 0.02
"""Of the groups: if a smaller share is near to another, one round merges all of them."""
_CANDIDATES = 16
"""Neighbours that are compared exactly, where clothes or constraints count as well."""
_PAIRS_AT_ONCE = 1 << 16

# Among many people, two strangers may be as near as two groups of one person's faces.
_SURE = 0.9
"""Of the threshold: groups nearer than this are one person, however many people there are."""
_STRANGERS = 0.05
"""Mean number of strangers that are allowed nearer to a person than the threshold."""
_SEEN = 5  # fewest faces of a group that counts as a person
_MANY = 100  # fewest people for which the threshold is lowered
_SOME = 3000  # people sampled for the distribution of distances


@dataclass(frozen=True, slots=True)
class LinkageLimits:
    """Sizes at which linkage goes over to rounds and to approximate neighbours.

    Args:
        one_by_one: most groups whose pairs are merged one by one: 2000 * 2000 * 8 bytes = 32 MB of
            distances.
        search: of the neighbour search.
    """

    one_by_one: int = 2000
    search: SearchLimits = DEFAULT_SEARCH


DEFAULT_LIMITS = LinkageLimits()


def link(
    groups: Groups,
    cannot: CannotLink,
    *,
    distance: Distance,
    threshold: float,
    limits: LinkageLimits = DEFAULT_LIMITS,
) -> Labels:
    """Merge groups that are nearer than ``threshold``, the nearest first.

    Args:
        groups: initial groups; not changed.
        cannot: pairs that must not merge.
        distance: between two groups.
        threshold: of that distance; lowered for many people, since look-alikes become likely.
        limits: sizes at which pairs are merged in rounds.

    Returns:
        ``(n,)`` cluster of each group, from 0 in order of first member.
    """
    if len(groups) <= limits.one_by_one:
        return _one_by_one(groups, cannot, distance, threshold)
    rounds = _Rounds(groups, cannot, distance, limits)
    del groups, cannot
    rounds.merge(_SURE * threshold)
    rounds.merge(min(threshold, rounds.stranger_distance()))
    return rounds.cluster


def _one_by_one(groups: Groups, cannot: CannotLink, distance: Distance, threshold: float) -> Labels:
    matrix = cannot.against(cannot)
    np.fill_diagonal(matrix, False)
    return average_linkage(groups, matrix, distance=distance, threshold=threshold)


class _Rounds:
    """Merge groups in rounds."""

    def __init__(
        self, groups: Groups, cannot: CannotLink, distance: Distance, limits: LinkageLimits
    ) -> None:
        self._groups = groups
        self._cannot = cannot
        self._distance = distance
        self._limits = limits
        self.cluster = np.arange(len(groups))  # of each initial group
        self._reset_neighbours()

    def _reset_neighbours(self) -> None:
        self._nearest = np.full(len(self._groups), UNKNOWN)
        self._apart = np.full(len(self._groups), np.inf)

    def merge(self, threshold: float) -> None:
        """Merge pairs nearer than ``threshold`` until none is left."""
        while len(self._groups) > self._limits.one_by_one:
            self._find_nearest()
            near = np.flatnonzero(self._apart < threshold)
            if not len(near):
                return
            if len(near) > _FEW * len(self._groups):
                near = near[self._apart[near] <= np.quantile(self._apart[near], _SHARE)]
            near = near[np.argsort(self._apart[near], kind="stable")]
            self._apply(joined(near, self._nearest[near], self._cannot))
        self._apply(_one_by_one(self._groups, self._cannot, self._distance, threshold))

    def stranger_distance(self) -> float:
        """Estimate the distance below which hardly any person has a stranger.

        The nearest per mille of all pairs are mostly strangers; the tail of still nearer pairs is
        extrapolated from the nearest per mille and per cent as that of a normal distribution.
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

    def _apply(self, merged: Labels) -> None:
        """Merge the groups of equal label."""
        alone = np.bincount(merged)[merged] == 1
        # If neither a group nor its nearest was merged, the nearest stays: no average of two
        # distances is smaller than both.
        still = alone & (self._nearest != UNKNOWN)
        still[still] = alone[self._nearest[still]]
        all_pairs = self._limits.search.all_pairs
        approximate = len(self._groups) > all_pairs
        self._groups = merged_groups(self._groups, merged)
        self._cannot = self._cannot.merged(merged)
        self.cluster = merged[self.cluster]
        nearest, apart = self._nearest, self._apart
        self._reset_neighbours()
        if approximate and len(self._groups) <= all_pairs:
            return  # from now on the search is exact: find the neighbours missed so far
        self._nearest[merged[still]] = merged[nearest[still]]
        self._apart[merged[still]] = apart[still]

    def _find_nearest(self) -> None:
        """Find the nearest group that each may merge with, where it is not known."""
        distance, cannot = self._distance, self._cannot
        nearest_only = not (cannot.any() or distance.clothes_share or distance.poor_share)
        candidates = near_groups(
            self._groups,
            self._nearest == UNKNOWN,
            spread_share=distance.spread_share,
            count=1 if nearest_only else _CANDIDATES,
            limits=self._limits.search,
        )
        for column in candidates.T:
            for rows in _batches(np.flatnonzero(column != UNKNOWN)):
                apart = distance.of_pairs(self._groups, rows, column[rows])
                closer = apart < self._apart[rows]
                closer[closer] = ~cannot.of_pairs(rows[closer], column[rows[closer]])
                self._nearest[rows[closer]] = column[rows[closer]]
                self._apart[rows[closer]] = apart[closer]


def _batches(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        yield rows[start : start + _PAIRS_AT_ONCE]


def joined(i: Rows, j: Rows, cannot: CannotLink) -> Labels:
    """Join pairs of groups in order, except where constraints forbid it.

    Args:
        i: ``(p,)`` first group of each pair, the nearest pair first.
        j: ``(p,)`` second group.
        cannot: constraints of all n groups.

    Returns:
        ``(n,)`` cluster of each group, from 0 in order of first member.
    """
    cluster = _components(i, j, len(cannot))
    if not cannot.any():
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


def _components(i: Rows, j: Rows, size: int) -> Labels:
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    return by_first_row(component)


def _kept_pairs(i: Rows, j: Rows, cannot: CannotLink) -> NDArray[np.bool_]:
    """Return which pairs can be joined in order without a clash, ``(p,)``."""
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
