"""Accuracy of a clustering of a clip, and its means over clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.dbscan import dbscan
from clustering.grouping.footage import PLAIN_MIN_SAMPLES, GroupingSettings, group_faces
from data.core.arrays import UNKNOWN
from tests.quality.clips import SampledFaces
from tests.quality.labels import NOT_SCORED, missed_persons, persons_of
from tests.quality.metrics import BCubed, b_cubed

PLAIN_EPS = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of one clip; B-cubed over all labelled faces, unknown and missed ones alone."""

    people_found: int
    people_there: int
    b_cubed: BCubed
    faces_found: float  # share of the labelled faces

    @property
    def people_right(self) -> bool:
        """Return whether the number of people found is right."""
        return self.people_found == self.people_there


@dataclass(frozen=True, slots=True)
class Mean:
    """Means over clips."""

    f: float
    precision: float
    recall: float
    min_f: float
    found: float
    min_found: float
    people_right: int
    clips: int


def mean(scores: Sequence[Score]) -> Mean:
    """Return the means over clips, each with equal weight."""
    f = [score.b_cubed.f for score in scores]
    found = [score.faces_found for score in scores]
    return Mean(
        f=float(np.mean(f)),
        precision=float(np.mean([score.b_cubed.precision for score in scores])),
        recall=float(np.mean([score.b_cubed.recall for score in scores])),
        min_f=min(f),
        found=float(np.mean(found)),
        min_found=min(found),
        people_right=sum(score.people_right for score in scores),
        clips=len(scores),
    )


def score(sample: SampledFaces, cluster: NDArray[np.int64]) -> Score:
    """Score clusters ``(n,)``, -1 unknown, against the labels."""
    persons = persons_of(sample.faces, sample.labels)
    scored = persons != NOT_SCORED
    missed = missed_persons(persons, sample.labels)
    truth = np.concatenate([persons[scored], missed])
    return Score(
        people_found=len(np.unique(cluster[cluster >= 0])),
        people_there=len(sample.labels.people),
        b_cubed=b_cubed(truth, np.concatenate([cluster[scored], np.full_like(missed, UNKNOWN)])),
        faces_found=float(scored.sum() / max(sample.labels.decided, 1)),
    )


def ours(sample: SampledFaces, settings: GroupingSettings | None = None) -> Score:
    """Score the clustering of `cluster-faces`."""
    settings = settings or GroupingSettings()
    return score(sample, group_faces(sample.faces, settings, frames=len(sample.frames)))


def plain(sample: SampledFaces) -> Score:
    """Score plain DBSCAN on the same embeddings."""
    found = dbscan(sample.faces.embedding, eps=PLAIN_EPS, min_samples=PLAIN_MIN_SAMPLES)
    return score(sample, found)
