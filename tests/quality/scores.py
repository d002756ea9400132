"""How right a clustering of a clip is, and the means over clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.dbscan import dbscan
from clustering.grouping.footage import PLAIN_MIN_SAMPLES, GroupingSettings, group_faces
from tests.quality.clips import Look
from tests.quality.labels import NOT_SCORED, persons_of
from tests.quality.metrics import BCubed, b_cubed

PLAIN_EPS = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """One clip's; B-cubed over the labelled faces that were found, each unknown face alone."""

    people_found: int
    people_there: int
    b_cubed: BCubed
    faces_found: float  # share of the labelled faces

    @property
    def people_right(self) -> bool:
        """Whether as many people were found as there are."""
        return self.people_found == self.people_there


@dataclass(frozen=True, slots=True)
class Mean:
    """Over clips."""

    f: float
    precision: float
    recall: float
    min_f: float
    people_right: int
    clips: int


def mean(scores: Sequence[Score]) -> Mean:
    """Every clip counts the same."""
    f = [score.b_cubed.f for score in scores]
    return Mean(
        f=float(np.mean(f)),
        precision=float(np.mean([score.b_cubed.precision for score in scores])),
        recall=float(np.mean([score.b_cubed.recall for score in scores])),
        min_f=min(f),
        people_right=sum(score.people_right for score in scores),
        clips=len(scores),
    )


def score(look: Look, cluster: NDArray[np.int64]) -> Score:
    """Hold clusters ``(n,)``, -1 unknown, against the labels."""
    persons = persons_of(look.faces, look.labels)
    scored = persons != NOT_SCORED
    return Score(
        people_found=len(np.unique(cluster[cluster >= 0])),
        people_there=len(look.labels.people),
        b_cubed=b_cubed(persons[scored], cluster[scored]),
        faces_found=float(scored.sum() / max(look.labels.decided, 1)),
    )


def ours(look: Look, settings: GroupingSettings | None = None) -> Score:
    """What `cluster-faces` makes of it."""
    settings = settings or GroupingSettings()
    return score(look, group_faces(look.faces, settings, frames=len(look.frames)))


def plain(look: Look) -> Score:
    """DBSCAN on the same embeddings and nothing else."""
    found = dbscan(look.faces.embedding, eps=PLAIN_EPS, min_samples=PLAIN_MIN_SAMPLES)
    return score(look, found)
