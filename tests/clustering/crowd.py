"""Synthetic faces whose embeddings have realistic distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.tables.faces import Faces
from tests.clustering.labelled_footage import table

WITHIN = 0.4
"""Typical distance between two faces of one person, in dlib's embedding space."""
BETWEEN = 0.75
"""Typical distance between faces of two people."""

_SPREAD = WITHIN / np.sqrt(2 * 128)
_CENTRE = np.sqrt((BETWEEN**2 - WITHIN**2) / 2)


def embeddings(
    people: Sequence[int], *, seed: int = 0, spread: float = 1.0, look_alikes: float = 1.0
) -> NDArray[np.float32]:
    """Return one embedding per entry of ``people``, ``(n, 128)``.

    Args:
        people: person of each face; person i is on axis i.
        seed: random seed.
        spread: variation within a person, relative to the typical one.
        look_alikes: distance between people, relative to the typical one.
    """
    rng = np.random.default_rng(seed)
    points = rng.normal(0, _SPREAD * spread, (len(people), 128))
    points[np.arange(len(people)), list(people)] += _CENTRE * look_alikes
    return points.astype(np.float32)


def crowd(
    frames: Sequence[Sequence[int]],
    *,
    seed: int = 0,
    spread: float = 1.0,
    look_alikes: float = 1.0,
    every_s: float = 1.0,
    sharpness: float = 0.5,
) -> Faces:
    """Return good faces of the people of each frame, from left to right, without tracklets."""
    where = np.array([number for number, row in enumerate(frames) for _ in row], np.int64)
    place = np.array([number for row in frames for number in range(len(row))], np.float32)
    points = embeddings(
        [person for row in frames for person in row],
        seed=seed,
        spread=spread,
        look_alikes=look_alikes,
    )
    left = place * 200
    return table(
        Faces,
        len(where),
        frame_index=where,
        time_s=where * every_s,
        xyxy=np.stack([left, left * 0, left + 100, left * 0 + 100], axis=1),
        score=1,
        sharpness=sharpness,
        embedding=points,
        embedding_mirrored=points,
        tracklet=-1,
    )
