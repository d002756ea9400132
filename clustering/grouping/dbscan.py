"""DBSCAN in bounded memory, with labels identical to scikit-learn's.

scikit-learn's DBSCAN keeps the neighbours of all points in memory: tens of billions of entries for
200,000 faces of a few people. Here the distance matrix is computed in blocks. Most points turn out
to be core points within their own block. The others are compared with all points, and each has
fewer than ``min_samples`` neighbours to keep. Then the core points are joined, skipping blocks
whose points are already in one cluster.

M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A density-based algorithm for discovering clusters in
large spatial databases with noise", KDD 1996.
"""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clustering.grouping.arrays import Labels, Rows
from clustering.grouping.neighbours import CELL_SIZE, k_means
from clustering.grouping.relabel import by_first_row
from clustering.grouping.threads import in_threads, one_blas_thread
from data.core.arrays import UNKNOWN

BLOCK_SIZE = 1024
"""Points per side of a block: 1024 * 1024 * 4 bytes = 4 MiB of distances fit in the cache."""
_PAIRS_PER_BATCH = 1 << 16


def dbscan(
    points: NDArray[np.float32], *, eps: float, min_samples: int, block_size: int = BLOCK_SIZE
) -> Labels:
    """Cluster points by density.

    Args:
        points: ``(n, d)`` coordinates.
        eps: maximum Euclidean distance of two neighbours.
        min_samples: minimum number of neighbours of a core point, including itself.
        block_size: points per side of a block of distances; does not change the result.

    Returns:
        ``(n,)`` cluster of each point from 0, numbered by first core point; -1 is noise.
    """
    if eps <= 0 or min_samples < 1:
        raise ValueError(f"eps must be > 0 and min_samples >= 1, got {eps} and {min_samples}")
    with one_blas_thread() if len(points) > block_size else nullcontext():
        search = _DbscanSearch(points, eps, min_samples, block_size)
        search.find_core_points()
        search.join_core_points()
        return search.labels()


def dense(
    points: NDArray[np.float32],
    *,
    eps: float,
    min_samples: int,
    block_size: int = BLOCK_SIZE,
    cell_size: int = CELL_SIZE,
) -> NDArray[np.bool_]:
    """Return which points `dbscan` would not label as noise, ``(n,)``.

    Args:
        points: ``(n, d)`` coordinates.
        eps: as in `dbscan`.
        min_samples: as in `dbscan`.
        block_size: as in `dbscan`.
        cell_size: mean number of points per k-means cell; does not change the result.
    """
    if eps <= 0 or min_samples < 1:
        raise ValueError(f"eps must be > 0 and min_samples >= 1, got {eps} and {min_samples}")
    if len(points) <= cell_size:
        return _dense(points, eps, min_samples, block_size)
    # When sorted by cell, most points have their neighbours in their own block.
    order = np.concatenate(k_means(points, cell_size=cell_size)[0])
    is_dense = np.empty(len(points), np.bool_)
    with one_blas_thread():
        is_dense[order] = _dense(points[order], eps, min_samples, block_size)
    return is_dense


def _dense(
    points: NDArray[np.float32], eps: float, min_samples: int, block_size: int
) -> NDArray[np.bool_]:
    search = _DbscanSearch(points, eps, min_samples, block_size)
    search.find_core_points()
    return search.dense()


class _DbscanSearch:
    """State of a search: neighbour counts, core points and the components joined so far."""

    def __init__(
        self, points: NDArray[np.float32], eps: float, min_samples: int, block_size: int
    ) -> None:
        self._near = _EpsNeighbours(points, eps)
        self._min_samples = min_samples
        self._block_size = block_size
        self._neighbours = np.zeros(len(points), np.int64)  # lower bound for core points
        self._core = np.zeros(len(points), np.bool_)
        self._component = np.arange(len(points), dtype=np.int32)  # joined core points share one
        # Neighbouring pairs whose first point is not known to be a core point.
        self._open_pairs: list[tuple[Rows, Rows]] = []

    def find_core_points(self) -> None:
        """Find the points with at least ``min_samples`` neighbours."""
        blocks = self._blocks(np.arange(len(self._core)))
        for _ in in_threads(lambda block: self._count(block, block), blocks):
            pass
        for _ in in_threads(self._count_outside_block, self._blocks(np.flatnonzero(~self._core))):
            pass

    def join_core_points(self) -> None:
        """Join core points that are neighbours."""
        blocks = self._blocks(np.flatnonzero(self._core))
        # The diagonal comes first: it joins most points, and joined pairs are skipped afterwards.
        diagonal = [(block, block) for block in blocks]
        above = [(a, b) for i, a in enumerate(blocks) for b in blocks[i + 1 :]]
        for pairs in (diagonal, above):
            for (rows, columns), near in zip(
                pairs, in_threads(self._near_unjoined, pairs), strict=True
            ):
                if near is not None:
                    self._join_near(rows, columns, near)

    def _blocks(self, rows: Rows) -> list[Rows]:
        size = self._block_size
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def dense(self) -> NDArray[np.bool_]:
        """Return core points and their neighbours, ``(n,)``; call after `find_core_points`."""
        is_dense = self._core.copy()
        for i, j in self._open_pairs:
            is_dense[i[self._core[j]]] = True
        return is_dense

    def labels(self) -> Labels:
        """Return the clusters, ``(n,)``; call after `join_core_points`."""
        labels = np.full(len(self._core), UNKNOWN, np.int64)
        labels[self._core] = by_first_row(self._component[self._core].astype(np.int64))
        # A border point belongs to the first cluster that has a core point near it.
        first = np.full(len(labels), len(labels), np.int64)
        for i, j in self._open_pairs:
            border = ~self._core[i] & self._core[j]
            np.minimum.at(first, i[border], labels[j[border]])
        return np.where(first < len(labels), first, labels)

    def _count(self, rows: Rows, columns: Rows) -> None:
        """Count the neighbours of ``rows``; keep the pairs of rows that are not yet core points."""
        near = self._near.exactly(rows, columns, self._near.closeness(rows, columns))
        self._neighbours[rows] += np.count_nonzero(near, axis=1)
        self._core[rows] = self._neighbours[rows] >= self._min_samples
        still_open = ~self._core[rows]
        i, j = np.nonzero(near[still_open])
        self._open_pairs.append((rows[still_open][i], columns[j]))

    def _count_outside_block(self, points: Rows) -> None:
        """Count neighbours outside a point's own block, which has been counted already."""
        for columns in self._blocks(np.arange(len(self._core))):
            outside = (points < columns[0]) | (points > columns[-1])
            rows = points[outside & ~self._core[points]]
            if len(rows):
                self._count(rows, columns)

    def _near_unjoined(self, block: tuple[Rows, Rows]) -> NDArray[np.bool_] | None:
        """Return the near pairs that are not joined yet, ``(rows, columns)``; None if all are."""
        rows, columns = block
        components = self._component  # stale if another thread joins blocks, which is harmless
        if _same_component(components[rows], components[columns]):
            return None
        closeness = self._near.closeness(rows, columns)
        near = closeness >= self._near.surely_far
        near &= components[rows][:, None] != components[columns][None, :]
        if not near.any():
            return None
        near &= self._near.exactly(rows, columns, closeness, only=near)
        return near

    def _join_near(self, rows: Rows, columns: Rows, near: NDArray[np.bool_]) -> None:
        """Join near pairs, one per row and pass: a pass also joins most of the other pairs."""
        while True:
            near &= self._component[rows][:, None] != self._component[columns][None, :]
            if not near.any():
                return
            first = near.argmax(axis=1)
            linked = np.flatnonzero(near[np.arange(len(rows)), first])
            self._join(rows[linked], columns[first[linked]])

    def _join(self, i: Rows, j: Rows) -> None:
        """Merge the components of each pair ``i``, ``j``."""
        links = np.concatenate([self._component[i], self._component[j]])
        linked, position = np.unique(links, return_inverse=True)
        graph = coo_array(
            (np.ones(len(i), np.int8), (position[: len(i)], position[len(i) :])),
            shape=(len(linked), len(linked)),
        )
        _, merged = connected_components(graph, directed=False)
        becomes = np.arange(len(self._component), dtype=np.int32)
        leader = np.unique(merged, return_index=True)[1]
        becomes[linked] = linked[leader[merged]]
        self._component = becomes[self._component]


class _EpsNeighbours:
    """Find pairs of points at most ``eps`` apart.

    A single-precision matrix product is fast but inexact. Distances close to ``eps`` are recomputed
    in double precision, as in scikit-learn.
    """

    def __init__(self, points: NDArray[np.float32], eps: float) -> None:
        self._points = points
        self._eps = eps
        half = np.einsum("ij,ij->i", points, points)[:, None] / 2
        ones = np.ones_like(half)
        # (eps^2 - |a - b|^2) / 2 + const in one product: a.b - |a|^2 / 2 - |b|^2 / 2
        self._left = np.hstack([points, half, ones])
        self._right = np.hstack([points, -ones, -half])
        # Bound of the rounding error of a single-precision sum of d products of magnitude |a||b|.
        slack = 1e-5 * (2 * float(half.max(initial=0)) + eps**2)
        self.surely_far = np.float32(-(eps**2) / 2 - slack)  # lower closeness: not near
        self._surely_near = np.float32(-(eps**2) / 2 + slack)  # at least this closeness: near

    def closeness(self, rows: Rows, columns: Rows) -> NDArray[np.float32]:
        """Return minus half the squared distance, ``(rows, columns)``, in single precision."""
        return np.asarray(self._left[rows] @ self._right[columns].T, np.float32)

    def exactly(
        self,
        rows: Rows,
        columns: Rows,
        closeness: NDArray[np.float32],
        *,
        only: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_]:
        """Return the near pairs, ``(rows, columns)``; exact where ``only`` is true, if given."""
        near = np.asarray(closeness >= self._surely_near, np.bool_)
        uncertain = (closeness >= self.surely_far) & ~near
        if only is not None:
            uncertain &= only
        i, j = np.nonzero(uncertain)
        for start in range(0, len(i), _PAIRS_PER_BATCH):
            batch = slice(start, start + _PAIRS_PER_BATCH)
            difference = (
                self._points[rows[i[batch]]].astype(np.float64) - self._points[columns[j[batch]]]
            )
            near[i[batch], j[batch]] = np.einsum("ij,ij->i", difference, difference) <= self._eps**2
        return near


def _same_component(*components: NDArray[np.int32]) -> bool:
    """Whether all points are in one component, so that nothing has to be joined."""
    return all(bool((labels == components[0][0]).all()) for labels in components)
