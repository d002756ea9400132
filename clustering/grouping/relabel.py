"""Labels numbered from 0 in the order in which they come first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.dbscan import NOISE


def by_first_sight(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the labels from 0 in order of their first row."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse], np.int64)


def renumbered(cluster: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the clusters from 0 by first sight, keeping -1."""
    numbered = np.full(len(cluster), NOISE, np.int64)
    known = cluster != NOISE
    numbered[known] = by_first_sight(cluster[known])
    return numbered
