"""Match the people of a project to known people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from clustering.faces.embedding_space import all_have_sface, face_embeddings, face_weights
from clustering.grouping.arrays import Labels
from clustering.grouping.calibration import DLIB, SFACE
from clustering.grouping.leftovers import clear_nearest
from clustering.grouping.linkage import Groups, groups_of
from data.core.arrays import UNKNOWN
from data.tables.faces import Faces

LabelledTables: TypeAlias = Sequence[tuple[Faces, Labels]]
"""Tables of faces; each with the group of its faces, ``(n,)`` from 0 without gaps; -1 none."""


def match_known(people: LabelledTables, known: LabelledTables, *, eps: float) -> Labels:
    """Match each person to a known person, if the match is clear.

    The nearest known person must be nearer than the linkage across footages allows, and the second
    nearest must be farther away. If several people match one known person, only the nearest of them
    keeps the match.

    Args:
        people: faces of p people.
        known: faces of known people. Both are compared in SFace's space if all tables have it.
        eps: scale of all distances, as in `GroupingSettings`.

    Returns:
        ``(p,)`` group of the known person; -1 none.
    """
    sface = all_have_sface(faces for faces, _ in (*people, *known))
    calibration = SFACE if sface else DLIB
    groups, others = _groups(people, sface=sface), _groups(known, sface=sface)
    if len(groups) == 0 or len(others) == 0:
        return np.full(len(groups), UNKNOWN, np.int64)
    distances = calibration.faces(groups, others)
    matched = clear_nearest(distances, limit=calibration.match * eps)
    nearest = distances.min(axis=1)
    by_distance = np.argsort(nearest, kind="stable")
    order = by_distance[matched[by_distance] != UNKNOWN]
    _, first = np.unique(matched[order], return_index=True)
    unique = np.full_like(matched, UNKNOWN)
    unique[order[first]] = matched[order[first]]
    return unique


def _groups(tables: LabelledTables, *, sface: bool) -> Groups:
    embedding = [face_embeddings(faces, sface=sface) for faces, _ in tables]
    weight = [face_weights(faces, sface=sface) for faces, _ in tables]
    label = np.concatenate([np.zeros(0, np.int64), *(label for _, label in tables)])
    return groups_of(
        label,
        np.concatenate([np.zeros(0), *weight]),
        np.concatenate([np.zeros((0, 128), np.float32), *embedding]),
        np.zeros((len(label), 1)),
    )
