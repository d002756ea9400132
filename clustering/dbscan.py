"""DBSCAN in bounded memory, with exactly scikit-learn's labels.

scikit-learn's DBSCAN keeps every point's list of neighbours at once, which for 200,000 faces of
a few people is tens of billions of entries. Here every pair of points is looked at once, a block
of the distance matrix at a time. A point known to be a core point needs no list: it only joins
what it is near to. A point not yet known to be one has fewer than ``min_samples`` neighbours so
far, and these are kept until it turns out what it is.

M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A density-based algorithm for discovering clusters in
large spatial databases with noise", KDD 1996.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

NOISE = -1
BLOCK = 1024
"""Rows and columns of one block: 1024 * 1024 * 4 bytes = 4 MiB of distances stay in the cache."""
_PAIRS_AT_ONCE = 1 << 16

Indices = NDArray[np.int64]


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
    search = _Search(points, eps, min_samples)
    for rows, columns in _blocks(len(points)):
        search.look(rows, columns)
    return search.labels()


def _blocks(size: int) -> Iterator[tuple[Indices, Indices]]:
    """Rows and columns of the blocks on and above the diagonal (the matrix is symmetric).

    The diagonal comes first: it shows most of the core points, which are then little work.
    """
    slices = [np.arange(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK)]
    for rows in slices:
        yield rows, rows
    for number, rows in enumerate(slices):
        for columns in slices[number + 1 :]:
            yield rows, columns


class _Search:
    """What is known so far of which points are dense and belong together."""

    def __init__(self, points: NDArray[np.float32], eps: float, min_samples: int) -> None:
        self._near = _Near(points, eps)
        self._min_samples = min_samples
        self._neighbours = np.zeros(len(points), np.int64)  # counted until it is a core point
        self._core = np.zeros(len(points), np.bool_)
        self._component = np.arange(len(points), dtype=np.int32)  # of core points joined so far
        self._kept: list[tuple[Indices, Indices]] = []  # near pairs, the first not known as core

    def look(self, rows: Indices, columns: Indices) -> None:
        """Take a block of pairs into account."""
        self._count(rows, columns)
        if rows is not columns:
            self._count(columns, rows)
        self._join_near(rows[self._core[rows]], columns[self._core[columns]])

    def labels(self) -> NDArray[np.int64]:
        """Clusters, once all blocks were looked at."""
        none = np.zeros(0, np.int64)
        i = np.concatenate([none, *(pair[0] for pair in self._kept)])
        j = np.concatenate([none, *(pair[1] for pair in self._kept)])
        both = self._core[i] & self._core[j]
        self._join(i[both], j[both])
        labels = np.full(len(self._core), NOISE, np.int64)
        labels[self._core] = _by_first(self._component[self._core])
        # A point that is near to core points belongs to the first cluster that reaches it.
        border = ~self._core[i] & self._core[j]
        first = np.full(len(labels), len(labels), np.int64)
        np.minimum.at(first, i[border], labels[j[border]])
        return np.where(first < len(labels), first, labels)

    def _count(self, rows: Indices, columns: Indices) -> None:
        """Count the neighbours of those rows that are not known as core points yet."""
        points = rows[~self._core[rows]]
        if len(points) == 0:
            return
        near = self._near.exactly(points, columns, self._near.closeness(points, columns))
        self._neighbours[points] += np.count_nonzero(near, axis=1)
        self._core[points] = self._neighbours[points] >= self._min_samples
        still_open = ~self._core[points]
        i, j = np.nonzero(near[still_open])
        self._kept.append((points[still_open][i], columns[j]))

    def _join_near(self, rows: Indices, columns: Indices) -> None:
        """Join those of these core points that are near to each other."""
        components = self._component[rows], self._component[columns]
        if not len(rows) or not len(columns) or _all_one(*components):
            return
        closeness = self._near.closeness(rows, columns)
        near = closeness >= self._near.surely_far
        near &= self._are_apart(rows, columns)
        if not near.any():
            return
        near &= self._near.exactly(rows, columns, closeness, only=near)
        # One link a row at a time: the next one is mostly in the same cluster by then.
        while near.any():
            first = near.argmax(axis=1)
            linked = np.flatnonzero(near[np.arange(len(rows)), first])
            self._join(rows[linked], columns[first[linked]])
            near &= self._are_apart(rows, columns)

    def _are_apart(self, rows: Indices, columns: Indices) -> NDArray[np.bool_]:
        return np.asarray(self._component[rows][:, None] != self._component[columns][None, :])

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


def _all_one(*components: NDArray[np.int32]) -> bool:
    """Whether all these are one component, so that no pair can join any."""
    return all(bool((some == components[0][0]).all()) for some in components)


def _by_first(component: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number components from 0 by their first point."""
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse], np.int64)
