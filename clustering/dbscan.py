"""DBSCAN in bounded memory, with exactly scikit-learn's labels.

scikit-learn's DBSCAN keeps every point's list of neighbours at once, which for 200,000 faces of
a few people is tens of billions of entries. Here the neighbourhoods are looked at a block of the
distance matrix at a time, twice: once to count them, once to join them.

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

Block = tuple[slice, slice, NDArray[np.bool_]]


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
    core = _neighbour_counts(points, eps) >= min_samples
    labels = np.full(len(points), NOISE, np.int64)
    labels[core] = _core_components(points[core], eps)
    _label_borders(points, core, labels, eps)
    return labels


def _neighbour_counts(points: NDArray[np.float32], eps: float) -> NDArray[np.int64]:
    counts = np.zeros(len(points), np.int64)
    for rows, columns, near in _upper_blocks(points, eps):
        counts[rows] += near.sum(axis=1)
        if rows != columns:
            counts[columns] += near.sum(axis=0)
    return counts


def _core_components(core_points: NDArray[np.float32], eps: float) -> NDArray[np.int64]:
    """Connected components of the core points, numbered by their first point."""
    component = np.arange(len(core_points), dtype=np.int64)
    for rows, columns, near in _upper_blocks(core_points, eps):
        component = _join(component, rows, columns, near)
    _, first_point = np.unique(component, return_index=True)
    rank = np.empty(len(core_points), np.int64)
    rank[np.sort(first_point)] = np.arange(len(first_point))
    leader = np.empty(len(core_points), np.int64)
    leader[component[first_point]] = first_point
    return np.asarray(rank[leader[component]], np.int64)


def _join(
    component: NDArray[np.int64], rows: slice, columns: slice, near: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Merge the components that this block's neighbours connect."""
    apart = component[rows][:, None] != component[columns][None, :]
    i, j = np.nonzero(near & apart)
    if len(i) == 0:
        return component
    size = len(component)
    links = (component[rows][i], component[columns][j])
    graph = coo_array((np.ones(len(i), np.int8), links), shape=(size, size))
    _, merged = connected_components(graph, directed=False)
    return np.asarray(merged[component], np.int64)


def _label_borders(
    points: NDArray[np.float32], core: NDArray[np.bool_], labels: NDArray[np.int64], eps: float
) -> None:
    """Give every point near a core point the first cluster that reaches it (in place)."""
    border, cores = np.flatnonzero(~core), np.flatnonzero(core)
    none = np.iinfo(np.int64).max
    for rows in _slices(len(border)):
        best = np.full(len(border[rows]), none, np.int64)
        for columns in _slices(len(cores)):
            near = _near(points[border[rows]], points[cores[columns]], eps)
            reached = np.where(near, labels[cores[columns]][None, :], none)
            best = np.minimum(best, reached.min(axis=1, initial=none))
        labels[border[rows]] = np.where(best == none, NOISE, best)


def _slices(size: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))


def _upper_blocks(points: NDArray[np.float32], eps: float) -> Iterator[Block]:
    """Blocks of the neighbour matrix on and above its diagonal (it is symmetric)."""
    for rows in _slices(len(points)):
        for columns in _slices(len(points)):
            if columns.start >= rows.start:
                yield rows, columns, _near(points[rows], points[columns], eps)


def _near(a: NDArray[np.float32], b: NDArray[np.float32], eps: float) -> NDArray[np.bool_]:
    """Which points of ``a`` and ``b`` are at most ``eps`` apart, ``(n, m)``.

    The product in single precision is quick but a little off. Where that could matter, at the
    border, the distance is taken again in double precision, as scikit-learn takes it.
    """
    half_a, half_b = (np.einsum("ij,ij->i", p, p)[:, None] / 2 for p in (a, b))
    ones_a, ones_b = np.ones_like(half_a), np.ones_like(half_b)
    # (eps^2 - |a - b|^2) / 2 + const in one product: a.b - |a|^2 / 2 - |b|^2 / 2
    closeness = np.hstack([a, half_a, ones_a]) @ np.hstack([b, -ones_b, -half_b]).T
    # Rounding of a sum of d products of size |a||b| in single precision, with room to spare.
    slack = 1e-5 * float(half_a.max(initial=0) + half_b.max(initial=0) + eps**2)
    border = -(eps**2) / 2
    near = np.asarray(closeness >= np.float32(border - slack), np.bool_)
    sure = closeness >= np.float32(border + slack)
    i, j = np.nonzero(near ^ sure)
    apart = a[i].astype(np.float64) - b[j]
    near[i, j] = np.einsum("ij,ij->i", apart, apart) <= eps**2
    return near
