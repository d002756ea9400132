"""Which groups of faces are near one another, found without comparing all with all.

Very many groups are sorted into cells by k-means, and each is compared only with those of the
cells around it (an inverted file: H. Jégou, M. Douze, C. Schmid, "Product quantization for nearest
neighbor search", PAMI 2011). So a neighbour is missed now and then; the fewer groups are left, the
fewer are missed, and up to WHOLE groups none is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.linkage import Groups, spreads
from clustering.grouping.threads import in_threads, one_thread_a_product

WHOLE = 16_000
"""Groups of which all are compared with all: 16000**2 * 128 * 2 operations are a second or two."""
CELL = 500
"""Groups a cell has, usually."""
PROBES = 8
"""Cells that a group is compared with, its own among them."""
_ROWS_AT_ONCE = 256
"""Of a product: 256 * PROBES * CELL * 4 bytes = 8 MB of distances."""
_SAMPLE = 24
"""Groups for each cell that k-means looks at."""

Rows = NDArray[np.int64]


def near_groups(
    groups: Groups, wanted: NDArray[np.bool_], *, spread_share: float, count: int
) -> Rows:
    """The ``count`` nearest other groups of each, ``(n, count)``; -1 where there are not so many.

    They are told by their faces' distance and the groups' spread alone, see `linkage.Distance`.

    Args:
        groups: n of them.
        wanted: ``(n,)`` whose neighbours to look for; others have none.
        spread_share: as in `linkage.Distance`.
        count: how many.
    """
    found = np.full((len(groups), count), -1, np.int64)
    search = _NeighbourSearch(groups, wanted, spread_share, found)
    with one_thread_a_product():
        for _ in in_threads(search.look, cells(search.mean)):
            pass
    return found


def cells(points: NDArray[np.float32]) -> list[tuple[Rows, Rows]]:
    """Parts of the points that lie together: rows, and the rows to compare them with.

    The second begins with the first.
    """
    everything = np.arange(len(points))
    if len(points) <= WHOLE:
        blocks = range(0, len(points), CELL)
        return [(everything[start : start + CELL], _first(everything, start)) for start in blocks]
    members, centres = k_means(points)
    apart = (centres**2).sum(axis=1)[None] - 2 * centres @ centres.T
    np.fill_diagonal(apart, -np.inf)
    around = np.argsort(apart, axis=1)[:, :PROBES]
    return [
        (members[i], np.concatenate([members[j] for j in around[i]]))
        for i in range(len(centres))
        if len(members[i])
    ]


def _first(rows: Rows, start: int) -> Rows:
    """All rows, those of one block first."""
    return np.concatenate([rows[start : start + CELL], rows[:start], rows[start + CELL :]])


def k_means(points: NDArray[np.float32]) -> tuple[list[Rows], NDArray[np.float32]]:
    """Rows of the points of each cell of about CELL, and the cells' centres."""
    from sklearn.cluster import MiniBatchKMeans

    count = max(len(points) // CELL, 1)
    random = np.random.default_rng(0)
    some = random.choice(len(points), min(_SAMPLE * count, len(points)), replace=False)
    kmeans = MiniBatchKMeans(
        count, init="random", n_init=1, max_iter=3, batch_size=8 * count, random_state=0
    )
    kmeans.fit(points[np.sort(some)])
    label = kmeans.predict(points)
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(1, count))
    return np.split(order, starts), np.asarray(kmeans.cluster_centers_, np.float32)


class _NeighbourSearch:
    def __init__(
        self, groups: Groups, wanted: NDArray[np.bool_], spread_share: float, found: Rows
    ) -> None:
        self._wanted = wanted
        self.mean = groups.mean.astype(np.float32)
        square = np.einsum("ij,ij->i", groups.mean, groups.mean) + groups.variance
        self._square = square.astype(np.float32)[:, None]
        self._gain = (spread_share / 2 * spreads(groups)).astype(np.float32)
        self._found = found

    def look(self, cell: tuple[Rows, Rows]) -> None:
        """Compare the groups of one cell with those around it."""
        rows, others = cell
        places = np.flatnonzero(self._wanted[rows])
        gain = self._gain[others]
        # |a - b|^2 and both variances in one product
        right = _beside(-2 * self.mean[others], 1, self._square[others]).T
        for start in range(0, len(places), _ROWS_AT_ONCE):
            own = places[start : start + _ROWS_AT_ONCE]
            some = rows[own]
            apart = _beside(self.mean[some], self._square[some], 1) @ right
            np.maximum(apart, 0, out=apart)
            np.sqrt(apart, out=apart)
            apart -= gain
            place = np.arange(len(some))
            apart[place, own] = np.inf
            for column in range(min(self._found.shape[1], len(others) - 1)):
                nearest = apart.argmin(axis=1)
                self._found[some, column] = others[nearest]
                apart[place, nearest] = np.inf


def _beside(
    points: NDArray[np.float32], *columns: NDArray[np.float32] | int
) -> NDArray[np.float32]:
    size = (len(points), 1)
    return np.hstack([points, *(np.broadcast_to(np.float32(c), size) for c in columns)])
