"""Renumber labels from 0 in order of first row."""

from __future__ import annotations

import numpy as np

from clustering.grouping.arrays import Labels
from data.core.arrays import UNKNOWN


def by_first_row(label: Labels) -> Labels:
    """Renumber labels ``(n,)`` from 0 in order of first row; -1 is a label like any other."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse], np.int64)


def renumbered(label: Labels) -> Labels:
    """Renumber labels ``(n,)`` from 0 in order of first row; -1 is kept."""
    numbered = np.full(len(label), UNKNOWN, np.int64)
    known = label != UNKNOWN
    numbered[known] = by_first_row(label[known])
    return numbered
