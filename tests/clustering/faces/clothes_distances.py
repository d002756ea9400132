"""Reference distance of clothes histograms; the linkage uses moments of their square roots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def clothes_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the Hellinger distance of every histogram of ``a`` to every one of ``b``.

    Args:
        a: ``(n, CLOTHES_SIZE)``; all 0 where the clothes are not visible.
        b: ``(m, CLOTHES_SIZE)``, as ``a``.

    Returns:
        ``(n, m)`` in 0..1; NaN where either is not visible.
    """
    shared = np.sqrt(a) @ np.sqrt(b).T
    unseen = np.logical_not(np.outer(a.sum(axis=1) > 0, b.sum(axis=1) > 0))
    apart = np.sqrt(np.maximum(1 - shared, 0))
    return np.asarray(np.where(unseen, np.nan, apart), np.float32)
