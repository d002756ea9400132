"""DBSCAN in bounded memory, with exactly scikit-learn's labels.

scikit-learn's DBSCAN keeps every point's list of neighbours at once, which for 200,000 faces of
a few people is tens of billions of entries. Here the distance matrix is looked at a block at a
time. Most points show within their own block that they are core points; the others are counted
against all, and have fewer than ``min_samples`` neighbours each to keep. Then the core points
only have to be joined, and pairs that are one cluster already need no look.

M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A density-based algorithm for discovering clusters in
large spatial databases with noise", KDD 1996.
"""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clustering.grouping.neighbours import CELL, k_means
from clustering.grouping.threads import in_threads, one_thread_a_product

NOISE = -1
BLOCK = 1024
"""Rows and columns of one block: 1024 * 1024 * 4 bytes = 4 MiB of distances stay in the cache."""
_PAIRS_AT_ONCE = 1 << 16

Indices = NDArray[np.int64]
Pairs = NDArray[np.bool_]  # (rows, columns) of a block


def dbscan(points: NDArray[np.float32], *, eps: float, min_samples: int) -> NDArray[np.int64]:
    """Cluster points by density.

    Args:
        points: ``(n, d)``.
        eps: two points at most this far apart (Euclidean) are neighbours.
        min_samples: a point with so many neighbours, itself among them, is a core point.

    Returns:
        ``(n,)`` cluster of each point from 0, numbered by first core point; -1 is noise.
    """
    if eps <= 0 or min_samples < 1:
        raise ValueError(f"eps must be > 0 and min_samples >= 1, got {eps} and {min_samples}")
    with one_thread_a_product() if len(points) > BLOCK else nullcontext():
        search = _DbscanSearch(points, eps, min_samples)
        search.find_core_points()
        search.join_core_points()
        return search.labels()


def dense(points: NDArray[np.float32], *, eps: float, min_samples: int) -> NDArray[np.bool_]:
    """Which points are no noise, ``(n,)``: `dbscan` without saying which cluster they are of."""
    if eps <= 0 or min_samples < 1:
        raise ValueError(f"eps must be > 0 and min_samples >= 1, got {eps} and {min_samples}")
    if len(points) <= CELL:
        return _dense(points, eps, min_samples)
    # Like beside like: most points' neighbours are in their own block then.
    order = np.concatenate(k_means(points)[0])
    found = np.empty(len(points), np.bool_)
    with one_thread_a_product():
        found[order] = _dense(points[order], eps, min_samples)
    return found


def _dense(points: NDArray[np.float32], eps: float, min_samples: int) -> NDArray[np.bool_]:
    search = _DbscanSearch(points, eps, min_samples)
    search.find_core_points()
    return search.dense()


class _DbscanSearch:
    """What is known so far of which points are dense and belong together."""

    def __init__(self, points: NDArray[np.float32], eps: float, min_samples: int) -> None:
        self._near = _Near(points, eps)
        self._min_samples = min_samples
        self._neighbours = np.zeros(len(points), np.int64)  # counted until it is a core point
        self._core = np.zeros(len(points), np.bool_)
        self._component = np.arange(len(points), dtype=np.int32)  # of core points joined so far
        self._kept: list[tuple[Indices, Indices]] = []  # near pairs, the first not known as core

    def find_core_points(self) -> None:
        """Find out which points have enough neighbours."""
        blocks = _blocks(np.arange(len(self._core)))
        for _ in in_threads(lambda block: self._count(block, block), blocks):
            pass
        for _ in in_threads(self._count_beyond_block, _blocks(np.flatnonzero(~self._core))):
            pass

    def join_core_points(self) -> None:
        """Join core points that are near to each other."""
        blocks = _blocks(np.flatnonzero(self._core))
        # The diagonal first: it joins most, and what is joined is little work afterwards.
        diagonal = [(block, block) for block in blocks]
        above = [(a, b) for i, a in enumerate(blocks) for b in blocks[i + 1 :]]
        for pairs in (diagonal, above):
            for (rows, columns), near in zip(
                pairs, in_threads(self._near_but_apart, pairs), strict=True
            ):
                if near is not None:
                    self._join_near(rows, columns, near)

    def dense(self) -> NDArray[np.bool_]:
        """Core points and those near to them, when all is counted."""
        found = self._core.copy()
        for i, j in self._kept:
            found[i[self._core[j]]] = True
        return found

    def labels(self) -> NDArray[np.int64]:
        """Clusters, when all is counted and joined."""
        labels = np.full(len(self._core), NOISE, np.int64)
        labels[self._core] = _by_first(self._component[self._core])
        # A point that is near to core points belongs to the first cluster that reaches it.
        first = np.full(len(labels), len(labels), np.int64)
        for i, j in self._kept:
            border = ~self._core[i] & self._core[j]
            np.minimum.at(first, i[border], labels[j[border]])
        return np.where(first < len(labels), first, labels)

    def _count(self, rows: Indices, columns: Indices) -> None:
        """Count neighbours of ``rows``; keep those of the rows that are still no core points."""
        near = self._near.exactly(rows, columns, self._near.closeness(rows, columns))
        self._neighbours[rows] += np.count_nonzero(near, axis=1)
        self._core[rows] = self._neighbours[rows] >= self._min_samples
        still_open = ~self._core[rows]
        i, j = np.nonzero(near[still_open])
        self._kept.append((rows[still_open][i], columns[j]))

    def _count_beyond_block(self, points: Indices) -> None:
        """Count neighbours outside the block that a point was counted in already."""
        for columns in _blocks(np.arange(len(self._core))):
            beyond = (points < columns[0]) | (points > columns[-1])
            rows = points[beyond & ~self._core[points]]
            if len(rows):
                self._count(rows, columns)

    def _near_but_apart(self, block: tuple[Indices, Indices]) -> Pairs | None:
        """Which core points are near but not joined so far; None where none are."""
        rows, columns = block
        components = self._component  # other blocks may be joined meanwhile: that does no harm
        if _all_one(components[rows], components[columns]):
            return None
        closeness = self._near.closeness(rows, columns)
        near = closeness >= self._near.surely_far
        near &= components[rows][:, None] != components[columns][None, :]
        if not near.any():
            return None
        near &= self._near.exactly(rows, columns, closeness, only=near)
        return near

    def _join_near(self, rows: Indices, columns: Indices, near: Pairs) -> None:
        """Join near pairs, one a row at a time: the next one is mostly joined by then."""
        while True:
            near &= self._component[rows][:, None] != self._component[columns][None, :]
            if not near.any():
                return
            first = near.argmax(axis=1)
            linked = np.flatnonzero(near[np.arange(len(rows)), first])
            self._join(rows[linked], columns[first[linked]])

    def _join(self, i: Indices, j: Indices) -> None:
        """Make one component of those of each ``i`` and ``j``."""
        links = np.concatenate([self._component[i], self._component[j]])
        linked, place = np.unique(links, return_inverse=True)
        graph = coo_array(
            (np.ones(len(i), np.int8), (place[: len(i)], place[len(i) :])),
            shape=(len(linked), len(linked)),
        )
        _, merged = connected_components(graph, directed=False)
        becomes = np.arange(len(self._component), dtype=np.int32)
        leader = np.unique(merged, return_index=True)[1]
        becomes[linked] = linked[leader[merged]]
        self._component = becomes[self._component]


class _Near:
    """Which points are at most ``eps`` apart.

    The product in single precision is quick but a little off. Where that could matter, at the
    border, the distance is taken again in double precision, as scikit-learn takes it.
    """

    def __init__(self, points: NDArray[np.float32], eps: float) -> None:
        self._points = points
        self._eps = eps
        half = np.einsum("ij,ij->i", points, points)[:, None] / 2
        ones = np.ones_like(half)
        # (eps^2 - |a - b|^2) / 2 + const in one product: a.b - |a|^2 / 2 - |b|^2 / 2
        self._left = np.hstack([points, half, ones])
        self._right = np.hstack([points, -ones, -half])
        # Rounding of a sum of d products of size |a||b| in single precision, with room to spare.
        slack = 1e-5 * (2 * float(half.max(initial=0)) + eps**2)
        self.surely_far = np.float32(-(eps**2) / 2 - slack)  # below it
        self._surely_near = np.float32(-(eps**2) / 2 + slack)  # from it on

    def closeness(self, rows: Indices, columns: Indices) -> NDArray[np.float32]:
        """Minus half the squared distance, ``(rows, columns)``, roughly."""
        return np.asarray(self._left[rows] @ self._right[columns].T, np.float32)

    def exactly(
        self,
        rows: Indices,
        columns: Indices,
        closeness: NDArray[np.float32],
        *,
        only: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_]:
        """Which points are near, ``(rows, columns)``; right at least for the ``only`` ones."""
        near = np.asarray(closeness >= self._surely_near, np.bool_)
        unsure = (closeness >= self.surely_far) & ~near
        if only is not None:
            unsure &= only
        i, j = np.nonzero(unsure)
        for start in range(0, len(i), _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            apart = self._points[rows[i[some]]].astype(np.float64) - self._points[columns[j[some]]]
            near[i[some], j[some]] = np.einsum("ij,ij->i", apart, apart) <= self._eps**2
        return near


def _blocks(indices: Indices) -> list[Indices]:
    return [indices[start : start + BLOCK] for start in range(0, len(indices), BLOCK)]


def _all_one(*components: NDArray[np.int32]) -> bool:
    """Whether all these are one component, so that no pair can join any."""
    return all(bool((some == components[0][0]).all()) for some in components)


def _by_first(component: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number components from 0 by their first point."""
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse], np.int64)
