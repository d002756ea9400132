"""Constrained average linkage of groups of faces, each represented by its moments.

The mean squared distance between the faces of two groups is

    |m_a - m_b|^2 + v_a + v_b

with the groups' means m and variances v. A group of any size is therefore represented by a mean and
a variance, and groups are merged without access to their faces. The same holds for clothes: the
square roots of the histograms are points whose mean squared distance is twice the mean squared
Hellinger distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from clustering.grouping.arrays import AnyFloats, Floats, Labels, Rows

# Prior for the spread of a small group: the typical spread of one person's faces in one tracklet.
_PRIOR_SPREAD = 0.36
_PRIOR_COUNT = 4.0
_TYPICAL_QUALITY = 0.5

_FACES_PER_BATCH = 1 << 16

# Tuned together with the threshold on all labelled clips; see tests/quality.
CLOTHES_SHARE = 0.4
SPREAD_SHARE = 0.4


@dataclass(slots=True, eq=False)
class Groups:
    """Moments of groups of faces, one row per group; embeddings are in dlib's Euclidean space."""

    weight: Floats  # (n,) sum of the faces' quality weights
    count: Floats  # (n,) number of faces
    mean: Floats  # (n, d) weighted mean embedding
    variance: Floats  # (n,) weighted mean squared distance to the mean
    clothes_weight: Floats  # (n,) sum of the weights of faces with visible clothes
    clothes: Floats  # (n, k) weighted mean of the square roots of the histograms

    def __len__(self) -> int:
        return len(self.weight)

    def copy(self) -> Groups:
        """Return a deep copy."""
        return Groups(*(np.array(getattr(self, name)) for name in self.__slots__))

    def take(self, rows: Rows | slice) -> Groups:
        """Return a copy of the groups in ``rows``, ``(m,)``."""
        return Groups(*(np.array(getattr(self, name)[rows]) for name in self.__slots__))

    def merge(self, a: int, b: int) -> None:
        """Add the faces of group ``b`` to group ``a``, in place; ``b`` is unchanged."""
        share = self.weight[b] / (self.weight[a] + self.weight[b])
        difference = self.mean[b] - self.mean[a]
        self.variance[a] += share * (self.variance[b] - self.variance[a])
        self.variance[a] += share * (1 - share) * (difference @ difference)
        self.mean[a] += share * difference
        self.weight[a] += self.weight[b]
        self.count[a] += self.count[b]
        seen = self.clothes_weight[a] + self.clothes_weight[b]
        if seen > 0:
            share = self.clothes_weight[b] / seen
            self.clothes[a] += share * (self.clothes[b] - self.clothes[a])
            self.clothes_weight[a] = seen


def groups_of(label: Labels, weight: Floats, embedding: AnyFloats, clothes: AnyFloats) -> Groups:
    """Compute the moments of the groups 0, 1, ... of ``label``.

    Args:
        label: ``(n,)`` group of each face, numbered without gaps; -1 none.
        weight: ``(n,)`` quality of each face, positive.
        embedding: ``(n, d)`` embedding of each face; summed in double precision.
        clothes: ``(n, k)`` histograms; rows of 0 if the clothes are not visible.
    """
    size = int(label.max(initial=-1)) + 1
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(size + 1))
    moments = _empty(size, embedding.shape[1], clothes.shape[1])
    # In batches of complete groups: a million faces in double precision take 1 GB per copy.
    for first, last in _batches(starts):
        rows = order[starts[first] : starts[last]]
        batch_label = label[rows] - first
        batch = _moments(batch_label, last - first, weight[rows], embedding[rows], clothes[rows])
        for name in Groups.__slots__:
            getattr(moments, name)[first:last] = getattr(batch, name)
    return moments


def _empty(size: int, dimensions: int, bins: int) -> Groups:
    weight, count, variance, clothes_weight = np.zeros((4, size))
    mean, clothes = np.zeros((size, dimensions)), np.zeros((size, bins))
    return Groups(weight, count, mean, variance, clothes_weight, clothes)


def _batches(starts: Rows) -> Iterator[tuple[int, int]]:
    """Yield the first and last (exclusive) group of each batch of about _FACES_PER_BATCH faces."""
    first = 0
    while first < len(starts) - 1:
        last = int(np.searchsorted(starts, starts[first] + _FACES_PER_BATCH, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


def _moments(
    label: NDArray[np.int64],
    size: int,
    weight: Floats,
    embedding: AnyFloats,
    clothes: AnyFloats,
) -> Groups:
    """Compute the moments of faces that are sorted by ``label``."""
    embedding, clothes = embedding.astype(np.float64), clothes.astype(np.float64)
    total = np.bincount(label, weight, size).astype(np.float64)
    mean = _sums(label, embedding * weight[:, None], size) / total[:, None]
    squares = ((embedding - mean[label]) ** 2).sum(axis=1)
    seen = weight * (clothes.sum(axis=1) > 0)
    clothes_weight = np.bincount(label, seen, size).astype(np.float64)
    roots = _sums(label, np.sqrt(clothes) * seen[:, None], size)
    return Groups(
        weight=total,
        count=np.bincount(label, minlength=size).astype(np.float64),
        mean=mean,
        variance=np.bincount(label, weight * squares, size) / total,
        clothes_weight=clothes_weight,
        clothes=roots / np.maximum(clothes_weight, 1e-12)[:, None],
    )


def concatenated(parts: Sequence[Groups]) -> Groups:
    """Concatenate sets of groups; at least one."""
    columns = {n: np.concatenate([getattr(p, n) for p in parts]) for n in Groups.__slots__}
    return Groups(**columns)


def merged_groups(groups: Groups, label: Labels) -> Groups:
    """Merge the groups with equal ``label``, ``(n,)`` from 0."""
    size = int(label.max(initial=-1)) + 1
    total = np.bincount(label, groups.weight, size).astype(np.float64)
    share = groups.weight / total[label]
    mean = _sums(label, groups.mean, size, share)
    squares = np.empty(len(label))
    for start in range(0, len(label), _FACES_PER_BATCH):
        batch = slice(start, start + _FACES_PER_BATCH)
        squares[batch] = ((groups.mean[batch] - mean[label[batch]]) ** 2).sum(axis=1)
    clothes_weight = np.bincount(label, groups.clothes_weight, size).astype(np.float64)
    clothes_share = groups.clothes_weight / np.maximum(clothes_weight, 1e-12)[label]
    return Groups(
        weight=total,
        count=np.bincount(label, groups.count, size).astype(np.float64),
        mean=mean,
        variance=np.bincount(label, share * (groups.variance + squares), size).astype(np.float64),
        clothes_weight=clothes_weight,
        clothes=_sums(label, groups.clothes, size, clothes_share),
    )


def _sums(
    label: NDArray[np.int64], values: Floats, size: int, share: Floats | None = None
) -> Floats:
    # A sparse product adds in the same order as np.add.at, but is several times faster.
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(size + 1))
    shares = np.ones(len(label)) if share is None else share[order]
    member = csr_array((shares, order, starts), shape=(size, len(label)))
    return np.asarray(member @ values)


@dataclass(frozen=True, slots=True)
class Distance:
    """Distance between two groups; smaller is more similar.

    Args:
        clothes_share: weight of the clothes' Hellinger distance relative to the embedding distance.
        spread_share: share of the groups' own spread that is subtracted: a distance that separates
            two people whose faces hardly vary is common within a person whose faces vary a lot.
        poor_share: distance added per unit of missing quality: blurred and turned faces resemble
            each other, regardless of the person.
        like_clothes_only: ignore different clothes: people change between footages.
    """

    clothes_share: float = CLOTHES_SHARE
    spread_share: float = SPREAD_SHARE
    poor_share: float = 0.0
    like_clothes_only: bool = False

    def __call__(self, groups: Groups, others: Groups) -> Floats:
        """Return the distances between two sets of groups, ``(n, m)``."""
        products = groups.mean @ others.mean.T
        squares = [(g.mean**2).sum(axis=1) + g.variance for g in (groups, others)]
        faces = np.sqrt(np.maximum(squares[0][:, None] + squares[1][None] - 2 * products, 0))
        spread = (spreads(groups)[:, None] + spreads(others)[None]) / 2 - _PRIOR_SPREAD
        poor = np.maximum(_poorness(groups)[:, None], _poorness(others)[None])
        hellinger = np.sqrt(np.maximum(1 - groups.clothes @ others.clothes.T, 0))
        seen = np.outer(groups.clothes_weight > 0, others.clothes_weight > 0)
        terms = self._clothes_term(hellinger, seen) - self.spread_share * spread
        return np.asarray(faces + terms + self.poor_share * poor, np.float64)

    def of_pairs(self, groups: Groups, i: Rows, j: Rows) -> Floats:
        """Return the distance of each pair of groups ``i[k]``, ``j[k]``, ``(p,)``.

        Args:
            groups: n groups.
            i: ``(p,)`` row of the first group of each pair.
            j: ``(p,)`` row of the second group.
        """
        a, b = groups.take(i), groups.take(j)
        squares = ((a.mean - b.mean) ** 2).sum(axis=1) + a.variance + b.variance
        spread = (spreads(a) + spreads(b)) / 2 - _PRIOR_SPREAD
        poor = np.maximum(_poorness(a), _poorness(b))
        hellinger = np.sqrt(np.maximum(1 - (a.clothes * b.clothes).sum(axis=1), 0))
        seen = (a.clothes_weight > 0) & (b.clothes_weight > 0)
        terms = self._clothes_term(hellinger, seen) - self.spread_share * spread
        return np.asarray(np.sqrt(squares) + terms + self.poor_share * poor, np.float64)

    def _clothes_term(self, hellinger: Floats, seen: NDArray[np.bool_]) -> Floats:
        # Clothes that are not visible count as midway between equal and disjoint histograms.
        difference = np.where(seen, hellinger - 0.5, 0)
        if self.like_clothes_only:
            difference = np.minimum(difference, 0)
        return np.asarray(self.clothes_share * difference, np.float64)


def _poorness(groups: Groups) -> Floats:
    """Return how far the mean quality of the faces is below the typical one, ``(n,)``."""
    return np.asarray(np.maximum(_TYPICAL_QUALITY - groups.weight / groups.count, 0), np.float64)


def spreads(groups: Groups) -> Floats:
    """Return the root mean square distance of two faces of a group, ``(n,)``.

    The spread of groups of few faces is shrunk towards the prior.
    """
    pairs = groups.count * (groups.count - 1) / 2
    own = np.sqrt(2 * groups.variance)
    return np.asarray((own * pairs + _PRIOR_SPREAD * _PRIOR_COUNT) / (pairs + _PRIOR_COUNT))


def average_linkage(
    groups: Groups, cannot: NDArray[np.bool_], *, distance: Distance, threshold: float
) -> Labels:
    """Merge the nearest two groups repeatedly while they are nearer than ``threshold``.

    Args:
        groups: initial groups; not changed.
        cannot: ``(n, n)`` symmetric; true for pairs that must not merge.
        distance: distance function of two groups.
        threshold: maximum distance, exclusive.

    Returns:
        ``(n,)`` cluster of each group, from 0 in order of first member.
    """
    groups, cannot = groups.copy(), cannot.copy()
    cluster = np.arange(len(groups))
    distances = distance(groups, groups)
    distances[cannot] = np.inf
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1, initial=np.inf)
    while len(groups) and nearest.min() < threshold:
        a = int(nearest.argmin())
        b = int(distances[a].argmin())
        a, b = min(a, b), max(a, b)
        groups.merge(a, b)
        cluster[cluster == b] = a
        cannot[a] |= cannot[b]
        cannot[:, a] = cannot[a]
        _update_row(groups, distances, nearest, cannot, distance, a, b, cluster)
    _, numbered = np.unique(cluster, return_inverse=True)
    return np.asarray(numbered, np.int64)


def _update_row(
    groups: Groups,
    distances: Floats,
    nearest: Floats,
    cannot: NDArray[np.bool_],
    distance: Distance,
    a: int,
    b: int,
    cluster: NDArray[np.int64],
) -> None:
    """Update the distances in place after ``b`` was merged into ``a``."""
    # Merged groups have an infinite nearest distance; eventually this applies to most rows.
    stale = np.isfinite(nearest) & ((nearest == distances[a]) | (nearest == distances[b]))
    group = Groups(*(getattr(groups, name)[a : a + 1] for name in groups.__slots__))
    row = distance(group, groups)[0]
    row[cannot[a] | (cluster != np.arange(len(cluster)))] = np.inf
    row[a] = np.inf
    distances[a], distances[:, a] = row, row
    distances[b], distances[:, b] = np.inf, np.inf
    nearest[a], nearest[b] = row.min(), np.inf
    nearest[:] = np.minimum(nearest, row)
    for i in np.flatnonzero(stale):
        nearest[i] = distances[i].min()
