"""Constrained average linkage of any number of groups of faces.

Up to `LinkageLimits.one_by_one` groups, the nearest pair is merged repeatedly (see
`clustering.grouping.linkage`). More groups are merged in rounds: each round finds the nearest
neighbour of each group, and merges the nearest of these pairs together. The distance of merged
pairs thus rises from round to round, as it does when pairs are merged one by one (N. Monath et al.,
"Scalable hierarchical agglomerative clustering", KDD 2021). Memory is linear in the number of
groups, and time nearly so.
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

_ROUND_SHARE = 0.3
"""Share of the pairs below the threshold that one round merges, the nearest first."""
_LAST_ROUND_SHARE = 0.02
"""If fewer than this share of the groups have a near neighbour, one round merges them all."""
_CANDIDATES = 16
"""Neighbours per group that are compared exactly if clothes, quality or constraints count too."""
_PAIRS_PER_BATCH = 1 << 16

# Among many people, two different people may be as near as two groups of one person's faces.
_CERTAIN_SHARE = 0.9
"""Share of the threshold below which groups merge regardless of the number of people."""
_MAX_STRANGERS = 0.05
"""Accepted mean number of other people nearer to a person than the threshold."""
_MIN_PERSON_FACES = 5  # minimum faces of a group that counts as a person
_MIN_PEOPLE = 100  # minimum number of people for which the threshold is lowered
_SAMPLED_PEOPLE = 3000  # people sampled for the distribution of distances


@dataclass(frozen=True, slots=True)
class LinkageLimits:
    """Sizes at which linkage switches to rounds and to approximate neighbours.

    Args:
        one_by_one: maximum number of groups whose pairs are merged one by one. Their distances take
            2000 * 2000 * 8 bytes = 32 MB.
        search: sizes at which the neighbour search becomes approximate.
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
        distance: distance function of two groups.
        threshold: maximum distance, exclusive; lowered if there are many people, since look-alikes
            become likely.
        limits: sizes at which pairs are merged in rounds.

    Returns:
        ``(n,)`` cluster of each group, from 0 in order of first member.
    """
    if len(groups) <= limits.one_by_one:
        return _one_by_one(groups, cannot, distance, threshold)
    rounds = _Rounds(groups, cannot, distance, limits)
    del groups, cannot
    rounds.merge(_CERTAIN_SHARE * threshold)
    rounds.merge(min(threshold, rounds.stranger_distance()))
    return rounds.cluster


def _one_by_one(groups: Groups, cannot: CannotLink, distance: Distance, threshold: float) -> Labels:
    matrix = cannot.conflicts_with(cannot)
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
        self.cluster = np.arange(len(groups))  # cluster of each initial group
        self._reset_neighbours()

    def _reset_neighbours(self) -> None:
        self._nearest = np.full(len(self._groups), UNKNOWN)
        self._distances = np.full(len(self._groups), np.inf)

    def merge(self, threshold: float) -> None:
        """Merge pairs nearer than ``threshold`` until there are none."""
        while len(self._groups) > self._limits.one_by_one:
            self._find_nearest()
            near = np.flatnonzero(self._distances < threshold)
            if not len(near):
                return
            if len(near) > _LAST_ROUND_SHARE * len(self._groups):
                near = near[
                    self._distances[near] <= np.quantile(self._distances[near], _ROUND_SHARE)
                ]
            near = near[np.argsort(self._distances[near], kind="stable")]
            self._apply(joined(near, self._nearest[near], self._cannot))
        self._apply(_one_by_one(self._groups, self._cannot, self._distance, threshold))

    def stranger_distance(self) -> float:
        """Estimate the distance below which a person has `_MAX_STRANGERS` other people on average.

        The nearest 0.1 % of all pairs are mostly different people. The tail of nearer pairs is
        extrapolated from the 0.1 % and 1 % quantiles, assuming a normal distribution.
        """
        people = np.flatnonzero(self._groups.count >= _MIN_PERSON_FACES)
        if len(people) < _MIN_PEOPLE:
            return np.inf
        sample = np.random.default_rng(0).choice(
            people, min(_SAMPLED_PEOPLE, len(people)), replace=False
        )
        groups = self._groups.take(np.sort(sample))
        distances = self._distance(groups, groups)[np.triu_indices(len(groups), 1)]
        per_cent, per_mille = np.quantile(distances, [1e-2, 1e-3])
        target, *fitted = -norm.ppf([_MAX_STRANGERS / len(people), 1e-2, 1e-3])
        slope = (per_cent - per_mille) / (fitted[1] - fitted[0])
        return float(per_mille - (target - fitted[1]) * slope)

    def _apply(self, merged: Labels) -> None:
        """Merge the groups with equal labels."""
        unmerged = np.bincount(merged)[merged] == 1
        # If neither a group nor its nearest neighbour was merged, the neighbour is still nearest:
        # the average of two distances is never smaller than both.
        unchanged = unmerged & (self._nearest != UNKNOWN)
        unchanged[unchanged] = unmerged[self._nearest[unchanged]]
        all_pairs = self._limits.search.all_pairs
        approximate = len(self._groups) > all_pairs
        self._groups = merged_groups(self._groups, merged)
        self._cannot = self._cannot.merged(merged)
        self.cluster = merged[self.cluster]
        nearest, distances = self._nearest, self._distances
        self._reset_neighbours()
        if approximate and len(self._groups) <= all_pairs:
            return  # the search is exact from here on and finds the neighbours missed so far
        self._nearest[merged[unchanged]] = merged[nearest[unchanged]]
        self._distances[merged[unchanged]] = distances[unchanged]

    def _find_nearest(self) -> None:
        """Find the nearest mergeable neighbour of each group, where it is unknown."""
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
                distances = distance.of_pairs(self._groups, rows, column[rows])
                closer = distances < self._distances[rows]
                closer[closer] = ~cannot.of_pairs(rows[closer], column[rows[closer]])
                self._nearest[rows[closer]] = column[rows[closer]]
                self._distances[rows[closer]] = distances[closer]


def _batches(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), _PAIRS_PER_BATCH):
        yield rows[start : start + _PAIRS_PER_BATCH]


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
    clashing = cannot.merged(cluster).clashes_inside()
    clashing &= np.bincount(cluster) > 1
    if not clashing.any():
        return cluster
    in_clash = clashing[cluster[i]]
    kept = _kept_pairs(i[in_clash], j[in_clash], cannot)
    i = np.concatenate([i[~in_clash], i[in_clash][kept]])
    j = np.concatenate([j[~in_clash], j[in_clash][kept]])
    return _components(i, j, len(cannot))


def _components(i: Rows, j: Rows, size: int) -> Labels:
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    return by_first_row(component)


def _kept_pairs(i: Rows, j: Rows, cannot: CannotLink) -> NDArray[np.bool_]:
    """Return which pairs can be joined without a clash, in order, ``(p,)``."""
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
        (a_present, a_excluded), (b_present, b_excluded) = traits[a], traits[b]
        if a_present.isdisjoint(b_excluded) and b_present.isdisjoint(a_excluded):
            kept[number] = True
            leader[b] = a
            traits[a] = (a_present | b_present, a_excluded | b_excluded)
    return kept
