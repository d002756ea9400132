"""How right a clustering is, held against labels: B-cubed, people counted, faces found.

A. Bagga and B. Baldwin, "Entity-based cross-document coreferencing using the vector space
model", ACL 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.core.arrays import UNKNOWN
from data.core.boxes import Boxes, iou

MATCH_IOU = 0.25
"""Two detectors draw boxes differently; at this overlap they mean the same face."""


@dataclass(frozen=True, slots=True)
class BCubed:
    """Each in 0..1, averaged over faces."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def b_cubed(truth: NDArray[np.int64], clusters: NDArray[np.int64]) -> BCubed:
    """Score ``clusters`` ``(n,)`` against ``truth`` ``(n,)``; each unknown face (-1) stands alone.

    No face at all scores 1.
    """
    if truth.shape != clusters.shape:
        raise ValueError(f"clusters must have shape {truth.shape}, got {clusters.shape}")
    if len(truth) == 0:
        return BCubed(1.0, 1.0)
    alone = clusters == UNKNOWN
    clusters = clusters.copy()
    clusters[alone] = clusters.max(initial=0) + 1 + np.arange(alone.sum())
    _, person = np.unique(truth, return_inverse=True)
    _, cluster = np.unique(clusters, return_inverse=True)
    together = np.zeros((person.max() + 1, cluster.max() + 1))
    np.add.at(together, (person, cluster), 1)
    own = together[person, cluster]
    precision = (own / together.sum(axis=0)[cluster]).mean()
    recall = (own / together.sum(axis=1)[person]).mean()
    return BCubed(float(precision), float(recall))


def match_boxes(found: Boxes, labelled: Boxes) -> NDArray[np.int64]:
    """Index of the labelled box that each found box of one frame means, ``(n,)``; -1 for none.

    Pairs are chosen together for the largest overlap in all, counting those of ``MATCH_IOU``.
    """
    overlap = iou(found, labelled)
    overlap[overlap < MATCH_IOU] = 0
    match = np.full(len(found), -1, np.int64)
    rows, columns = linear_sum_assignment(-overlap)
    good = overlap[rows, columns] > 0
    match[rows[good]] = columns[good]
    return match
