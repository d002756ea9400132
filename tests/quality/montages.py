"""How different the first faces of each person's montage are: `python -m tests.quality.montages`.

The faces of the labelled clips are grouped by their labels, so that only the choice is measured.
The first ten tiles are compared with the ten earliest ones of the same montage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.embedding_space import face_clarity, face_embeddings
from clustering.output.montage import SIDE, choose_faces
from data.tables.faces import Faces
from tests import SHARED
from tests.quality.clips import BEST, DEFAULT, Clip, labelled_clips, load_extractor
from tests.quality.labels import persons_of

FIRST: Final = 2 * SIDE  # tiles in the first two rows
MIN_RATIO: Final = 1.1
"""Smallest mean distance of the first tiles, relative to that of the earliest ones."""


@dataclass(frozen=True, slots=True)
class MontageScore:
    """Mean distance and clarity over the first tiles of all montages of a clip."""

    clip: str
    people: int  # with more faces than the first tiles
    distance: float
    earliest_distance: float
    clarity: float
    earliest_clarity: float


def score_montages(clip: Clip) -> MontageScore | None:
    """Score the montages of a clip; None if no person has more faces than the first tiles."""
    sample = clip.by_sampling[DEFAULT]
    persons = persons_of(sample.faces, sample.labels)
    people, counts = np.unique(persons[persons >= 0], return_counts=True)
    scores = [
        _score(sample.faces.take(persons == person)) for person in people[counts > FIRST].tolist()
    ]
    if not scores:
        return None
    return MontageScore(clip.name, len(scores), *np.mean(scores, axis=0).tolist())


def _score(faces: Faces) -> tuple[float, float, float, float]:
    embedding, clarity = face_embeddings(faces), face_clarity(faces)
    rows = choose_faces(embedding, clarity, faces.time_s)
    first, earliest = rows[:FIRST], np.sort(rows)[:FIRST]
    distances = _mean_distance(embedding[first]), _mean_distance(embedding[earliest])
    return (*distances, float(clarity[first].mean()), float(clarity[earliest].mean()))


def _mean_distance(embedding: NDArray[np.float32]) -> float:
    """Return the mean distance of all pairs."""
    between = np.linalg.norm(embedding[:, None] - embedding, axis=2)
    return float(between[np.triu_indices(len(embedding), 1)].mean())


def _lines(scores: Sequence[MontageScore]) -> Iterator[str]:
    yield f"{'clip':16} people  distance of the first {FIRST}  earliest  clarity  earliest"
    for score in scores:
        yield (
            f"{score.clip:16} {score.people:6}  {score.distance:24.3f}  "
            f"{score.earliest_distance:8.3f}  {score.clarity:7.3f}  {score.earliest_clarity:8.3f}"
        )
    ratio = mean_ratio(scores)
    met = "met" if ratio >= MIN_RATIO else "MISSED"
    yield f"the first tiles are {ratio:.2f} times as far apart; target: >= {MIN_RATIO} ({met})"


def mean_ratio(scores: Sequence[MontageScore]) -> float:
    """Return the mean over the clips of the distance relative to that of the earliest tiles."""
    return float(np.mean([score.distance / score.earliest_distance for score in scores]))


def main() -> int:
    """Print the table."""
    argparse.ArgumentParser(
        prog="python -m tests.quality.montages", description=__doc__
    ).parse_args()
    if not SHARED.is_dir():
        print("the real footage of ../shared is missing")
        return 2
    clips = labelled_clips(SHARED, load_extractor(BEST))
    scores = [score for clip in clips if (score := score_montages(clip)) is not None]
    print("\n".join(_lines(scores)))
    return int(mean_ratio(scores) < MIN_RATIO)


if __name__ == "__main__":
    sys.exit(main())
