"""Metrics of a clustering against labels: B-cubed, and the matching of boxes.

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
"""Smallest IoU of boxes of one face, since detectors draw them differently."""


@dataclass(frozen=True, slots=True)
class BCubed:
    """B-cubed precision and recall, each in 0..1, averaged over faces."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """Return the harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def b_cubed(truth: NDArray[np.int64], clusters: NDArray[np.int64]) -> BCubed:
    """Score a clustering by B-cubed; without any face, precision and recall are 1.

    Args:
        truth: ``(n,)`` person of each face.
        clusters: ``(n,)`` cluster of each face; each face with -1 counts as its own cluster.

    Raises:
        ValueError: the shapes differ.
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
    """Match detected boxes of one frame to labelled ones, for the largest sum of overlaps.

    Args:
        found: ``(n, 4)`` px.
        labelled: ``(m, 4)`` px.

    Returns:
        ``(n,)`` row of the labelled box; -1 where none overlaps by ``MATCH_IOU``.
    """
    overlap = iou(found, labelled)
    overlap[overlap < MATCH_IOU] = 0
    match = np.full(len(found), UNKNOWN, np.int64)
    rows, columns = linear_sum_assignment(-overlap)
    good = overlap[rows, columns] > 0
    match[rows[good]] = columns[good]
    return match
