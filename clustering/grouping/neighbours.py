"""Nearest neighbours of groups of faces, approximate for very many groups.

Very many groups are sorted into cells by k-means, and each group is compared only with those of the
nearest cells (an inverted file: H. Jégou, M. Douze, C. Schmid, "Product quantization for nearest
neighbor search", PAMI 2011). Some neighbours are missed: fewer for fewer groups, and none up to
`SearchLimits.all_pairs` groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.arrays import Rows
from clustering.grouping.linkage import Groups, spreads
from clustering.grouping.threads import in_threads, one_blas_thread
from data.core.arrays import UNKNOWN

CELL_SIZE = 500
"""Mean number of points in a cell."""
PROBES = 8
"""Number of cells that a group is compared with, including its own."""
_ROWS_PER_BATCH = 256
"""Rows per matrix product: 256 * PROBES * CELL_SIZE * 4 bytes = 8 MB of distances."""
_SAMPLES_PER_CELL = 24
"""Points per cell in the sample that k-means is fitted to."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """Sizes at which the neighbour search becomes approximate.

    Args:
        all_pairs: maximum number of groups of which all pairs are compared: 16000**2 * 128 * 2
            operations take a second or two.
        cell_size: mean number of groups in a cell.
    """

    all_pairs: int = 16_000
    cell_size: int = CELL_SIZE


DEFAULT_SEARCH = SearchLimits()


def near_groups(
    groups: Groups,
    queries: NDArray[np.bool_],
    *,
    spread_share: float,
    count: int,
    limits: SearchLimits = DEFAULT_SEARCH,
) -> NDArray[np.int64]:
    """Return the ``count`` nearest neighbours of each group.

    Only the embedding distance and the spread of the groups count, see `linkage.Distance`.

    Args:
        groups: n groups.
        queries: ``(n,)`` mask of the groups whose neighbours to find.
        spread_share: as in `linkage.Distance`.
        count: neighbours per group.
        limits: sizes at which the search becomes approximate.

    Returns:
        ``(n, count)`` rows of the neighbours, the nearest first, padded with -1.
    """
    found = np.full((len(groups), count), UNKNOWN, np.int64)
    search = _NeighbourSearch(groups, queries, spread_share, found)
    with one_blas_thread():
        for _ in in_threads(search.search_cell, cells(search.mean, limits)):
            pass
    return found


def cells(points: NDArray[np.float32], limits: SearchLimits) -> list[tuple[Rows, Rows]]:
    """Divide points into cells.

    Args:
        points: ``(n, d)`` coordinates.
        limits: sizes of the cells.

    Returns:
        For each cell its ``(m,)`` rows, and the ``(k,)`` rows to compare them with, beginning with
        the cell's own.
    """
    rows, size = np.arange(len(points)), limits.cell_size
    if len(points) <= limits.all_pairs:
        blocks = [rows[start : start + size] for start in range(0, len(points), size)]
        return [(block, _own_first(rows, block)) for block in blocks]
    members, centres = k_means(points, cell_size=size)
    distances = (centres**2).sum(axis=1)[None] - 2 * centres @ centres.T
    np.fill_diagonal(distances, -np.inf)
    nearest_cells = np.argsort(distances, axis=1)[:, :PROBES]
    return [
        (members[i], np.concatenate([members[j] for j in nearest_cells[i]]))
        for i in range(len(centres))
        if len(members[i])
    ]


def _own_first(rows: Rows, block: Rows) -> Rows:
    return np.concatenate([block, rows[: block[0]], rows[block[-1] + 1 :]])


def k_means(
    points: NDArray[np.float32], *, cell_size: int = CELL_SIZE
) -> tuple[list[Rows], NDArray[np.float32]]:
    """Sort points into cells by mini-batch k-means; deterministic.

    Args:
        points: ``(n, d)`` coordinates.
        cell_size: mean number of points in a cell.

    Returns:
        ``(m,)`` rows of each of c cells, and ``(c, d)`` centres.
    """
    from sklearn.cluster import MiniBatchKMeans

    count = max(len(points) // cell_size, 1)
    random = np.random.default_rng(0)
    sample = random.choice(len(points), min(_SAMPLES_PER_CELL * count, len(points)), replace=False)
    kmeans = MiniBatchKMeans(
        count, init="random", n_init=1, max_iter=3, batch_size=8 * count, random_state=0
    )
    kmeans.fit(points[np.sort(sample)])
    label = kmeans.predict(points)
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(1, count))
    return np.split(order, starts), np.asarray(kmeans.cluster_centers_, np.float32)


class _NeighbourSearch:
    def __init__(
        self,
        groups: Groups,
        queries: NDArray[np.bool_],
        spread_share: float,
        found: NDArray[np.int64],
    ) -> None:
        self._queries = queries
        self.mean = groups.mean.astype(np.float32)
        square = np.einsum("ij,ij->i", groups.mean, groups.mean) + groups.variance
        self._square = square.astype(np.float32)[:, None]
        self._gain = (spread_share / 2 * spreads(groups)).astype(np.float32)
        self._found = found

    def search_cell(self, cell: tuple[Rows, Rows]) -> None:
        """Compare the groups of one cell with those of the nearest cells."""
        rows, candidates = cell
        positions = np.flatnonzero(self._queries[rows])
        gain = self._gain[candidates]
        # |a - b|^2 and both variances in one product
        right = _with_columns(-2 * self.mean[candidates], 1, self._square[candidates]).T
        for start in range(0, len(positions), _ROWS_PER_BATCH):
            own = positions[start : start + _ROWS_PER_BATCH]
            batch = rows[own]
            distances = _with_columns(self.mean[batch], self._square[batch], 1) @ right
            np.maximum(distances, 0, out=distances)
            np.sqrt(distances, out=distances)
            distances -= gain
            batch_rows = np.arange(len(batch))
            distances[batch_rows, own] = np.inf
            for column in range(min(self._found.shape[1], len(candidates) - 1)):
                nearest = distances.argmin(axis=1)
                self._found[batch, column] = candidates[nearest]
                distances[batch_rows, nearest] = np.inf


def _with_columns(
    points: NDArray[np.float32], *columns: NDArray[np.float32] | int
) -> NDArray[np.float32]:
    size = (len(points), 1)
    return np.hstack([points, *(np.broadcast_to(np.float32(c), size) for c in columns)])
